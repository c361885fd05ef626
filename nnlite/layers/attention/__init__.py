"""Attention and the encodings of positions."""
