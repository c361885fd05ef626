"""Convolution and its transposes, in NumPy."""

from nnlite.arrays.patches import convolve, kernel_gradient, spread

__all__ = ["convolve", "kernel_gradient", "spread"]
