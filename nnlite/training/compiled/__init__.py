"""The arguments of `compile`: optimizer, loss and metrics, and whether they fit the model."""
