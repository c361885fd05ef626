"""Protection of a training: its state, how it continues, and numbers that are not finite."""
