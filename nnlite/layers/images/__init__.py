"""Image layers: size, color and geometry, mostly random augmentations during training."""
