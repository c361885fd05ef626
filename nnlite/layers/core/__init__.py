"""Dense, embeddings, activations, scaling of single numbers, and the layers that hold a place."""
