"""Dense, Embedding, activations and the layers that hold a place."""
