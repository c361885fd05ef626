"""Models made from others: clones, and models from JSON."""
