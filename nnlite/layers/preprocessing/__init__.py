"""Preprocessing layers: numbers, categories and text become inputs of a network."""
