"""The environment of a training run: its folder from the start, signals, preliminary checks, resuming."""
