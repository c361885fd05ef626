"""Protection of a training: its state, its continuation, and numbers that are not finite."""
