"""Activations and dropout of joined dense layers, after their products; derivatives, of these and of whole nets."""

from typing import Any

import numpy as np

from nnlite.kernels.reference.elementwise import sigmoid

__all__ = ["dense_jacobian", "hidden_jacobian"]

LINEAR, RELU, SIGMOID, TANH, SELU, MISH = range(6)
DERIVED = (SELU, MISH)  # their derivatives are computed with them, and dropout is applied to both at once
SELU_SCALE, SELU_LOWEST = 1.0507009873554805, 1.6732632423543772 * 1.0507009873554805  # the latter is -SELU(-inf)
MISH_LIMIT = 20.0  # from here on Mish is the identity to rounding; the square of the exponential stays finite


def selu(x: np.ndarray, derivative: np.ndarray, scratch: np.ndarray, zeros: np.ndarray, above: np.ndarray) -> None:
    """SELU in place of `x`, and its derivative; branch-free, which is three times as fast.

    Args:
        scratch, above: memory of the shape of `x`, the latter for booleans.
        zeros: the minimum of two arrays is vectorized, that with a number is not.
    """
    np.minimum(x, zeros, out=derivative)
    np.subtract(x, derivative, out=x)
    np.greater(x, zeros, out=above)
    np.exp(derivative, out=derivative)
    np.multiply(derivative, SELU_LOWEST, out=derivative)
    np.multiply(x, SELU_SCALE, out=x)
    np.add(x, derivative, out=x)
    np.subtract(x, SELU_LOWEST, out=x)
    np.copyto(scratch, above)
    np.multiply(scratch, SELU_LOWEST - SELU_SCALE, out=scratch)
    np.subtract(derivative, scratch, out=derivative)


def mish(x: np.ndarray, derivative: np.ndarray, scratch: np.ndarray, shares: np.ndarray) -> None:
    """Mish in place of `x`, and its derivative; `scratch` and `shares` are memory of its shape.

    With e = exp(x), n = e + e^2 / 2 and w = 1 / (1 + n): t = tanh(softplus(x)) = n w, and the derivative of x t is
    t + x w (2 t - w e).
    """
    np.minimum(x, MISH_LIMIT, out=scratch)
    exponential = np.exp(scratch, out=scratch)
    np.multiply(exponential, 0.5, out=derivative)
    np.add(derivative, 1.0, out=derivative)
    np.multiply(derivative, exponential, out=derivative)
    np.add(derivative, 1.0, out=shares)
    np.reciprocal(shares, out=shares)
    np.multiply(derivative, shares, out=derivative)
    np.multiply(exponential, shares, out=scratch)
    np.subtract(derivative, scratch, out=scratch)
    np.add(scratch, derivative, out=scratch)
    np.multiply(scratch, shares, out=scratch)
    np.multiply(scratch, x, out=scratch)
    np.multiply(x, derivative, out=x)
    np.add(derivative, scratch, out=derivative)


def finish_layer(stage: Any) -> None:
    """Apply a layer's activation, then its dropout, to its product."""
    leaving = stage.leaving
    if stage.activation == RELU:
        np.maximum(leaving, stage.zeros, out=leaving)  # two arrays: with a number it is not vectorized
    elif stage.activation == TANH:
        np.tanh(leaving, out=leaving)
    elif stage.activation == SIGMOID:
        leaving[...] = sigmoid(leaving)
    elif stage.activation == SELU:
        selu(leaving, stage.derivative, stage.scratch, stage.zeros, stage.above)
    elif stage.activation == MISH:
        mish(leaving, stage.derivative, stage.scratch, stage.second)
    if stage.bits is not None:
        np.greater_equal(stage.bits, stage.threshold, out=stage.above)
        np.copyto(stage.factors, stage.above)
        np.multiply(stage.factors, stage.scale, out=stage.factors)
        np.multiply(leaving, stage.factors, out=stage.kept)
        if stage.derivative is not None:
            np.multiply(stage.derivative, stage.factors, out=stage.derivative)


def begin_layer(stage: Any) -> None:
    """Turn `slopes`, the derivative with respect to outputs, into that with respect to the product, in place."""
    slopes, leaving = stage.slopes, stage.leaving
    if stage.derivative is not None:
        np.multiply(slopes, stage.derivative, out=slopes)
        return
    if stage.bits is not None:
        np.multiply(slopes, stage.factors, out=slopes)
    if stage.activation == RELU:
        np.greater(leaving, stage.zeros, out=stage.above)
        np.multiply(slopes, stage.above, out=slopes)
    elif stage.activation != LINEAR:
        np.multiply(slopes, slopes_of(stage, stage.scratch), out=slopes)


def slopes_of(stage: Any, out: np.ndarray) -> np.ndarray:
    """The derivative of a layer's activation at each number that left it; returns `out`, without dropout."""
    leaving = stage.leaving
    if stage.derivative is not None:
        np.copyto(out, stage.derivative)
    elif stage.activation == TANH:
        np.subtract(1, np.multiply(leaving, leaving, out=out), out=out)
    elif stage.activation == SIGMOID:
        np.multiply(np.subtract(1, leaving, out=out), leaving, out=out)
    else:
        out[...] = stage.activation == LINEAR or np.greater(leaving, stage.zeros, out=stage.above)
    return out


def dense_jacobian(room: Any, seed: np.ndarray, out: np.ndarray) -> None:
    """The derivative of one number per row by all kernels and biases, after `dense_forward`; no members or dropout.

    Args:
        seed: the derivative of the number with respect to what left the last layer, `(rows, units)`.
        out: where it is written, `(values, rows)`, in the order of `room.values`.
    """
    room.passes[-1].slopes[...], stop = seed, len(out)
    for index in range(len(room.passes) - 1, -1, -1):
        stage = room.passes[index]
        begin_layer(stage)
        shape = len(stage.entering), *stage.by_column.shape
        start = stop - shape[0] * shape[1]
        np.multiply(stage.entering[:, None], stage.by_column, out=out[start:stop].reshape(shape))
        stop = start
        if index:
            room.multiply(stage.weights, stage.by_column, out=room.passes[index - 1].slopes)


def hidden_jacobian(room: Any, roots: np.ndarray | None, out: np.ndarray) -> None:
    """The factor shared by the Jacobians of all outputs, after `dense_forward` through a hidden layer and a linear one.

    The derivative of output o by kernel entry (f, u) of the hidden layer, whose bias has the last f, is that of unit u
    by it times `kernel[u, o]` of the linear layer, and by `kernel[u, o]` it is what unit u gives.

    Args:
        roots: what each row is multiplied by, `(rows,)`; None for 1.
        out: where it is written, `(features * units + units', rows)`, features and units' with those of the biases:
            the derivatives of units by the hidden layer's kernel and bias, then what enters the linear layer.
    """
    stage, last = room.passes
    count, slopes = len(stage.entering) * len(stage.leaving), slopes_of(stage, stage.slopes)
    if roots is not None:
        np.multiply(slopes, roots, out=slopes)
    np.multiply(stage.entering[:, None], slopes, out=out[:count].reshape(-1, *slopes.shape))
    if roots is None:
        out[count:] = last.entering
    else:
        np.multiply(last.entering, roots, out=out[count:])
