"""Activation functions that overwrite their argument and return it."""

from collections.abc import Callable

import numpy as np

InPlace = Callable[[np.ndarray], np.ndarray]


def relu_in_place(like: np.ndarray) -> InPlace:
    """max(x, 0) for arrays at most as large as `like`."""
    zeros = np.zeros_like(like)  # the maximum of two arrays is vectorised, that with a number is not
    return lambda x: np.maximum(x, zeros if x.shape == zeros.shape else zeros[tuple(map(slice, x.shape))], out=x)


def tanh_in_place(x: np.ndarray) -> np.ndarray:
    """tanh(x)."""
    return np.tanh(x, x)


def sigmoid_in_place(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), as tanh, which does not overflow."""
    np.multiply(x, 0.5, x)
    np.tanh(x, x)
    np.multiply(x, 0.5, x)
    return np.add(x, 0.5, x)


def softmax_in_place(x: np.ndarray) -> np.ndarray:
    """exp(x) / sum(exp(x)) along the last axis."""
    np.subtract(x, x.max(axis=-1, keepdims=True), x)
    np.exp(x, x)
    return np.divide(x, x.sum(axis=-1, keepdims=True), x)
