"""What `compile` chooses: optimizer, loss and metrics, and whether they go with the model."""
