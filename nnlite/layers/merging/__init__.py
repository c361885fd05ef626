"""Layers of several inputs: elementwise merges, concatenation, dot products."""
