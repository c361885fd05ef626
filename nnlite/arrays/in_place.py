"""Activation functions that overwrite their argument and return it."""

from collections.abc import Callable

import numpy as np

InPlace = Callable[[np.ndarray], np.ndarray]


def relu_in_place(like: np.ndarray) -> InPlace:
    """max(x, 0) for arrays at most as large as `like`."""
    zeros = np.zeros_like(like)  # the maximum of two arrays is vectorized, that with a number is not
    return lambda x: np.maximum(x, zeros if x.shape == zeros.shape else zeros[tuple(map(slice, x.shape))], out=x)


def elu_in_place(scale: float, alpha: float) -> InPlace:
    """scale * (max(x, 0) + alpha * (exp(min(x, 0)) - 1))."""

    def overwrite(x: np.ndarray) -> np.ndarray:
        below = np.minimum(x, 0)
        np.expm1(below, below)
        np.multiply(below, scale * alpha, below)
        np.maximum(x, 0, out=x)
        np.multiply(x, scale, x)
        return np.add(x, below, x)

    return overwrite


def mish_in_place(x: np.ndarray) -> np.ndarray:
    """x * tanh(log(1 + exp(x))), as x * n / (n + 2) with e = exp(x), n = e * (e + 2); from 20 on it is x."""
    decay = np.minimum(x, 20)
    np.exp(decay, decay)
    n = decay + 2
    np.multiply(n, decay, n)
    np.add(n, 2, decay)
    np.divide(n, decay, n)
    return np.multiply(x, n, x)


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
