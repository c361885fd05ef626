"""Dense, embeddings, activations, elementwise scaling, and placeholder layers."""
