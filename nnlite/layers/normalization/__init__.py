"""Normalization layers: over the batch, over features or over groups of them."""
