"""Convolutions, including transposed and depthwise ones."""
