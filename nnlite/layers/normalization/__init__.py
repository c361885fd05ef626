"""Layers that standardize, over the batch, over features or over groups of them."""
