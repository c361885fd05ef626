"""Elementwise functions in NumPy: stable for large arguments, and analytic, so that a complex step passes through."""

import functools

import numpy as np

from nnlite.arrays.types import Array

__all__ = ["dropout", "log_softmax", "magnitude", "relu", "sigmoid", "softplus"]


def magnitude(x: Array) -> np.ndarray:
    """|x|; for complex x the sign of the real part decides: x itself from zero on, analytic everywhere else."""
    return np.where(x.real < 0, -x, x) if x.dtype.kind == "c" else np.abs(x)


def sigmoid(x: Array) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow, exact to rounding at both ends."""
    decay = np.exp(-magnitude(x))
    return np.where(x.real >= 0, np.ones((), decay.dtype), decay) / (1 + decay)


def softplus(x: Array) -> np.ndarray:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return np.where(x.real >= 0, x, 0) + np.log1p(np.exp(-magnitude(x)))


def log_softmax(x: Array, axis: int = -1) -> np.ndarray:
    """x - log(sum(exp(x))) along `axis`; large numbers cancel before anything is rounded."""
    shifted = x - x.real.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def relu(x: Array) -> tuple[np.ndarray, np.ndarray]:
    """max(x, 0), and where x is above 0."""
    above = np.greater(x.real, scalar(0, x.real.dtype))
    if x.dtype.kind == "c":
        return x * above, above
    outputs = np.zeros(x.shape, x.dtype)  # the maximum of two arrays is vectorised, that with a number is not
    return np.maximum(x, outputs, out=outputs), above


def dropout(inputs: Array, bits: np.ndarray, threshold: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """`inputs` times `scale` where 16 random bits reach `threshold`, else 0; and these factors.

    Shape: bits, unsigned, as the factors, which are broadcast to the inputs.
    """
    factors = np.multiply(np.greater_equal(bits, threshold), scale, dtype=inputs.real.dtype)
    return inputs * factors, factors


@functools.cache
def scalar(value: float, dtype: np.dtype) -> np.ndarray:
    """A number as an array: a ufunc takes it in half the time that a Python number costs it."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array
