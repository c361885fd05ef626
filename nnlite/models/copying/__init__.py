"""Models made of others: clones, and what their JSON describes."""
