"""The choices of `compile`: optimizer, loss and metrics, and whether they go with the model."""
