"""Dense layers in a row, computed in memory that is laid out once for a number of rows.

What enters a layer lies transposed, a column for each example, above a row of ones: the product with the kernel that
has the bias as its last row needs no addition of biases, the gradient of both is one product too, and the product
that takes a derivative to the layer before is the quicker one of BLAS, 0.5 to 0.9 of the time. Only what leaves the
last layer has a row for each example.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.kernels.reference.elementwise import sigmoid

__all__ = ["DenseLayer", "DenseRoom", "dense_backward", "dense_forward"]

LINEAR, RELU, SIGMOID, TANH = range(4)
COPIED_ROWS = 64  # so many at a time are turned into columns in a quarter of the time of 4,096 at once


class DenseLayer(NamedTuple):
    """A dense layer, the function after it, and the dropout after that.

    Args:
        features, units: the lengths of a row before and after.
        bias: whether there is one.
        activation: LINEAR, RELU, SIGMOID or TANH.
        threshold: a number is kept where 16 random bits reach this; None without dropout.
        scale: what kept numbers are multiplied by.
    """

    features: int
    units: int
    bias: bool
    activation: int = LINEAR
    threshold: int | None = None
    scale: float = 1.0


class DenseRoom:
    """Memory for `rows` examples on their way through `layers`, and back.

    Args:
        layers: `DenseLayer`s.
        rows: how many examples.
        values, gradients: the vectors of all kernels and biases, in the order of the layers, and of their gradients.

    Attributes:
        inputs: where the examples are copied to, `(features, rows)`.
        largest_product: multiply-adds of the largest product.
        backward: the `dense_backward` that belongs to the last `dense_forward`: kernels may be exchanged in between.
        bits: for each layer its random bits, uint16, to be drawn before each pass; None without dropout.
        plan: where what lies, for compiled code: a row of `COLUMNS` for each layer.
    """

    COLUMNS = ("features", "units", "bias", "activation", "threshold", "at", "entering", "leaving", "kept", "slopes")

    def __init__(self, layers: Sequence[DenseLayer], rows: int, values: np.ndarray, gradients: np.ndarray) -> None:
        self.layers, self.rows, self.values, self.gradients = layers, rows, values, gradients
        size, self.plan = self._plan()
        self.memory = np.ones(size, values.dtype)
        self.backward = None
        self.inputs = matrix(self.memory, 0, layers[0].features, rows)
        self.largest_product = rows * max(layer.features * layer.units for layer in layers)
        self.scales = np.array([layer.scale for layer in layers], values.dtype)
        counts = [0 if layer.threshold is None else rows * layer.units for layer in layers]
        self.all_bits = np.empty(sum(counts), np.uint16)
        ends = zip(np.cumsum(counts), counts, strict=True)
        self.bits = [self.all_bits[stop - count : stop] if count else None for stop, count in ends]
        self.passes = [_Pass(self, index) for index in range(len(layers))]

    def _plan(self):
        """The length of the memory, and the plan."""
        found, at, entering, free = [], 0, 0, self.rows * (self.layers[0].features + 1)
        for features, units, bias, activation, threshold, _ in self.layers:
            leaving, room = free, self.rows * (units + 1)
            kept = leaving if threshold is None else leaving + room
            slopes = kept + room
            number = -1 if threshold is None else threshold
            found.append((features, units, bias, activation, number, at, entering, leaving, kept, slopes))
            at, entering, free = at + (features + bias) * units, kept, slopes + self.rows * units
        return free, np.array(found, np.int64)


class _Pass:
    """The arrays of one layer, as NumPy multiplies them; `slopes` is the derivative with respect to its outputs."""

    def __init__(self, room: DenseRoom, index: int) -> None:
        features, units, bias, self.activation, self.threshold, self.scale = room.layers[index]
        plan = dict(zip(room.COLUMNS, room.plan[index].tolist(), strict=True))
        inner, last = features + bias, index == len(room.layers) - 1
        kernel = matrix(room.values, plan["at"], inner, units)
        self.by_kernel = matrix(room.gradients, plan["at"], inner, units)
        self.entering = matrix(room.memory, plan["entering"], inner, room.rows)
        shape = (room.rows, units) if last else (units, room.rows)
        self.leaving, self.kept, self.slopes = (
            matrix(room.memory, plan[name], *shape) for name in ("leaving", "kept", "slopes")
        )
        self.product = (self.entering.T, kernel) if last else (kernel.T, self.entering)
        self.weights = kernel[:features]
        self.by_row, self.by_column = (self.slopes, self.slopes.T) if last else (self.slopes.T, self.slopes)
        self.zeros = np.zeros_like(self.leaving) if self.activation == RELU else None
        self.above = np.empty(shape, bool)
        self.factors = None if self.threshold is None else np.empty_like(self.leaving)
        self.bits = None if self.threshold is None else room.bits[index].reshape(shape)


def dense_forward(room: DenseRoom, inputs: np.ndarray, finish: Callable[[_Pass], None] | None = None) -> np.ndarray:
    """What leaves the last layer, `(rows, units)`, in the room's memory; the room keeps what `dense_backward` needs.

    Args:
        finish: what a layer does after its product, here and in `dense_backward` before it; NumPy's way by default.
    """
    finish, room.backward = finish or _finish, dense_backward
    if room.rows <= COPIED_ROWS:
        room.inputs[...] = inputs.T
    else:
        for start in range(0, room.rows, COPIED_ROWS):
            rows = slice(start, start + COPIED_ROWS)
            room.inputs[:, rows] = inputs[rows].T
    for own in room.passes:
        np.dot(*own.product, out=own.leaving)
        finish(own)
    return own.kept


def dense_backward(
    room: DenseRoom, slopes: np.ndarray, wants_inputs: bool = False, begin: Callable[[_Pass], None] | None = None
) -> np.ndarray | None:
    """Write the gradients of all kernels and biases.

    Args:
        slopes: the derivative with respect to what left the last layer, `(rows, units)`.
        wants_inputs: whether the derivative with respect to the inputs is returned, `(rows, features)`.
        begin: what takes a layer's `slopes` to the end of its product; NumPy's way by default.
    """
    begin = begin or _begin
    room.passes[-1].slopes[...] = slopes
    for index in range(len(room.passes) - 1, -1, -1):
        own = room.passes[index]
        begin(own)
        np.dot(own.entering, own.by_row, out=own.by_kernel)
        if index:
            np.dot(own.weights, own.by_column, out=room.passes[index - 1].slopes)
    return np.dot(own.by_row, own.weights.T) if wants_inputs else None


def _finish(own):
    leaving = own.leaving
    if own.activation == RELU:
        np.maximum(leaving, own.zeros, out=leaving)  # two arrays: with a number it is not vectorised
    elif own.activation == TANH:
        np.tanh(leaving, out=leaving)
    elif own.activation == SIGMOID:
        leaving[...] = sigmoid(leaving)
    if own.factors is not None:
        np.greater_equal(own.bits, own.threshold, out=own.above)
        np.multiply(own.above, leaving.dtype.type(own.scale), out=own.factors)
        np.multiply(leaving, own.factors, out=own.kept)


def _begin(own):
    slopes, leaving = own.slopes, own.leaving
    if own.factors is not None:
        np.multiply(slopes, own.factors, out=slopes)
    if own.activation == RELU:
        np.greater(leaving, own.zeros, out=own.above)
        np.multiply(slopes, own.above, out=slopes)
    elif own.activation == SIGMOID:
        slopes *= leaving * (1 - leaving)
    elif own.activation == TANH:
        slopes *= 1 - leaving * leaving


def matrix(vector: np.ndarray, start: int, rows: int, columns: int) -> np.ndarray:
    """A part of a vector as a matrix."""
    return vector[start : start + rows * columns].reshape(rows, columns)
