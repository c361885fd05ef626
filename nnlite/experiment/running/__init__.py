"""Surroundings of a training: its folder from the first second, signals, checks before, the way back into it."""
