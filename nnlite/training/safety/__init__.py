"""Protection of a training: its state, how it goes on, and numbers that are not finite."""
