"""Convolutions, transposed and depthwise ones."""
