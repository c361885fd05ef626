"""Elementwise functions in NumPy: stable for large arguments, and analytic, so that a complex step passes through."""

import functools

import numpy as np

from nnlite.arrays.types import Array

__all__ = [
    "bias_relu",
    "dropout",
    "elu",
    "gated",
    "gated_sum",
    "log_softmax",
    "magnitude",
    "mish",
    "relu",
    "sigmoid",
    "softplus",
]

BLOCK = 2**16  # numbers that are worked on at a time, while they are in the cache


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
    shifted: Array = x - x.real.max(axis=axis, keepdims=True)
    largest = shifted.real == 0  # taken out of the sum, in which a 1 would round small terms away
    others = (np.exp(shifted) - largest).sum(axis=axis, keepdims=True)
    return shifted - np.log1p(others + (largest.sum(axis=axis, keepdims=True, dtype=others.real.dtype) - 1))


def relu(x: Array) -> tuple[np.ndarray, np.ndarray]:
    """max(x, 0), and where x is above 0."""
    above = np.greater(x.real, scalar(0, x.real.dtype))
    if x.dtype.kind == "c":
        return x * above, above
    outputs = np.zeros(x.shape, x.dtype)  # the maximum of two arrays is vectorized, that with a number is not
    return np.maximum(x, outputs, out=outputs), above


def elu(x: Array, scale: float, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """scale * (max(x, 0) + alpha * (exp(min(x, 0)) - 1)), and its slopes: `scale * alpha` at 0.

    Sums of two parts, one of them 0: a choice by a mask takes ten times as long as a sum.
    """
    zero, above = scalar(0, x.real.dtype), np.greater(x.real, scalar(0, x.real.dtype))
    outputs, below = np.empty_like(x), np.empty_like(x)
    if x.dtype.kind == "c":
        np.multiply(x, above, out=outputs)
        np.subtract(x, outputs, out=below)
    else:
        np.maximum(x, zero, out=outputs)
        np.minimum(x, zero, out=below)
    low, high = scalar(scale * alpha, x.real.dtype), scalar(scale, x.real.dtype)
    np.expm1(below, out=below)
    below *= low
    outputs *= high
    outputs += below
    below += low
    if low != high:
        below -= np.multiply(above, low - high, dtype=x.real.dtype)  # low - (low - high) is high, to the last bit
    return outputs, below


def mish(x: Array) -> tuple[np.ndarray, np.ndarray]:
    """x * tanh(softplus(x)) and its slopes, exact to a few units in the last place.

    With e = exp(x) and n = e (e + 2), tanh(softplus(x)) = t = n / (n + 2), and the slope, t + x (1 - t^2) sigmoid(x),
    is t + 4 x (n - e) / (n + 2)^2: nothing cancels. From a bound on, t is 1 and the rest of the slope 0 to rounding;
    x is cut off there, so that nothing overflows.
    """
    capped = np.minimum(x, scalar(20 if x.real.dtype.itemsize == 4 else 40, x.dtype))
    decay = np.exp(capped, out=np.empty_like(x))
    n = decay + scalar(2, x.real.dtype)
    n *= decay
    np.subtract(n, decay, out=decay)
    capped *= decay
    divisor = np.add(n, scalar(2, x.real.dtype), out=decay)
    n /= divisor
    outputs = x * n
    capped /= divisor
    capped /= divisor
    capped *= scalar(4, x.real.dtype)
    n += capped
    return outputs, n


def dropout(inputs: Array, bits: np.ndarray, threshold: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """`inputs` times `scale` where 16 random bits reach `threshold`, else 0; and these factors.

    Shape: bits, unsigned, as the factors, which are broadcast to the inputs.
    """
    factors = np.multiply(np.greater_equal(bits, threshold), scale, dtype=inputs.real.dtype)
    return inputs * factors, factors


def bias_relu(rows: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Overwrite rows `(..., features)` by max(rows + bias, 0); returns where that is positive.

    Args:
        rows: real numbers, in any order in memory; a contiguous array is worked on in blocks.
        bias: `(features,)` of the same type, or None.
    """
    if not rows.flags.c_contiguous:  # no reshaping of these is sure to be a view, and what a copy gets is lost
        if bias is not None:
            np.add(rows, bias, out=rows)
        zeros = np.zeros_like(rows)
        above = np.greater(rows, zeros)
        np.maximum(rows, zeros, out=rows)
        return above
    above = np.empty(rows.shape, bool)
    flat, gates = (array.reshape(-1, rows.shape[-1]) for array in (rows, above))
    step = max(1, BLOCK // max(1, rows.shape[-1]))
    zeros = np.zeros((min(step, len(flat)), rows.shape[-1]), rows.dtype)  # with a number maxima are not vectorized
    for start in range(0, len(flat), step):
        block = flat[start : start + step]
        if bias is not None:
            np.add(block, bias, out=block)
        np.greater(block, zeros[: len(block)], out=gates[start : start + step])
        np.maximum(block, zeros[: len(block)], out=block)
    return above


def gated(cotangent: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """The product of both; `slopes` may be booleans."""
    return np.multiply(cotangent, slopes)


def gated_sum(cotangent: np.ndarray, slopes: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of `cotangent * slopes` over all axes but the last, in blocks of examples."""
    step = max(1, BLOCK * len(cotangent) // max(1, cotangent.size))
    out[...] = 0
    for start in range(0, len(cotangent), step):
        product = np.multiply(cotangent[start : start + step], slopes[start : start + step])
        rows = product.reshape(-1, product.shape[-1])
        out += np.dot(np.ones(len(rows), rows.dtype), rows)  # in a third of the time of a sum


@functools.cache
def scalar(value: float, dtype: np.dtype) -> np.ndarray:
    """A number as an array: a ufunc takes it in half the time of a Python number."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array
