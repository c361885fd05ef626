"""Consecutive dense layers, computed in memory that is allocated once for a number of rows.

What enters a layer lies transposed, a column for each example, above a row of ones: the product with the kernel that
has the bias as its last row needs no addition of biases, the gradient of both is one product too, and the product
that takes a derivative to the layer before is the quicker one of BLAS, 0.5 to 0.9 of the time. Only what leaves the
last layer has a row for each example.

An ensemble has all that for each member, along a first axis, and its products are stacked ones. Its kernels and biases
lie apart, and kernels of the NTK parametrization lack a factor: these are copied before a pass, their gradients after.

A first layer with fewer units than features reads its examples where they are; few units have their outputs turned.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.kernels.memory import aligned_zeros, copy_rows, part, turned
from nnlite.kernels.memory.reader import UNPACKED, Reader
from nnlite.kernels.reference.dense_activations import (  # noqa: F401 - also what a `DenseLayer` may name
    DERIVED,
    LINEAR,
    MISH,
    RELU,
    SELU,
    SIGMOID,
    TANH,
    begin_layer,
    finish_layer,
)

__all__ = ["DenseLayer", "DenseRoom", "dense_backward", "dense_forward"]

TURNED_FEATURES = 32  # with more, and `UNPACKED`, OpenBLAS is slow if the second factor is transposed


class DenseLayer(NamedTuple):
    """A dense layer, the function after it, and the dropout after that.

    Args:
        features, units: the lengths of a row before and after.
        bias: whether there is one.
        activation: LINEAR, RELU, SIGMOID, TANH, SELU or MISH.
        threshold: a number is kept where 16 random bits reach this; None without dropout.
        scale: what kept numbers are multiplied by.
        factor: what the kernel is multiplied by.
        members: how many layers these are, side by side; None for one.
        scaled: whether the features are multiplied by learned factors, which come before the kernel.
    """

    features: int
    units: int
    bias: bool
    activation: int = LINEAR
    threshold: int | None = None
    scale: float = 1.0
    factor: float = 1.0
    members: int | None = None
    scaled: bool = False


class DenseRoom:
    """Memory for `rows` examples in the forward and backward passes through `layers`.

    Args:
        layers: `DenseLayer`s, with one number of members.
        rows: how many examples, of each member.
        values, gradients: the vectors of all kernels and biases, in the order of the layers, and of their gradients.
        in_place: whether examples are read where they are, if that is quicker; they must not change until the way back.

    Attributes:
        lead, times: the shape in front of all arrays, `(members,)`, or `()` where there are none, and its length.
        inputs: where the examples are copied to, `(rows, *lead, features)`.
        examples: those that are read in place, between the two passes; None if they were copied.
        largest_product: multiply-adds of the largest product.
        multiply: what makes the products.
        copies: whether a kernel is copied.
        backward: the `dense_backward` that belongs to the last `dense_forward`: kernels may be exchanged in between.
        bits: for each layer its random bits, uint16, to be drawn before each pass; None without dropout.
        zeros, above, scratch: memory that the passes share; what is in the latter two does not last.
        plan: where what lies, for compiled code: a row of `COLUMNS` for each layer.
    """

    COLUMNS = (
        *("features", "units", "bias", "activation", "threshold", "at", "entering", "leaving", "kept", "slopes"),
        "derivative",
    )

    def __init__(
        self,
        layers: Sequence[DenseLayer],
        rows: int,
        values: np.ndarray,
        gradients: np.ndarray,
        *,
        in_place: bool = False,
    ) -> None:
        self.layers, self.rows, self.values, self.gradients = layers, rows, values, gradients
        self.lead = () if layers[0].members is None else (layers[0].members,)
        self.times = layers[0].members or 1
        self.multiply = np.matmul if self.lead else np.dot  # the latter takes 0.3 us less
        size, self.plan = self._plan()
        self.memory = aligned_zeros(size, values.dtype)
        self.memory[...] = 1
        self.backward = None
        self.largest_product = rows * max(layer.features * layer.units for layer in layers)
        self.scales = np.array([layer.scale for layer in layers], values.dtype)
        counts = [0 if layer.threshold is None else rows * layer.units * self.times for layer in layers]
        self.all_bits = np.empty(sum(counts), np.uint16)
        ends = zip(np.cumsum(counts), counts, strict=True)
        self.bits = [self.all_bits[stop - count : stop] if count else None for stop, count in ends]
        largest = self.times * rows * max(layer.units for layer in layers)
        self.zeros, self.above = np.zeros(largest, values.dtype), np.empty(largest, bool)
        self.scratch = np.empty((2, largest), values.dtype)
        self.passes = [_Pass(self, index) for index in range(len(layers))]
        self.inputs = np.moveaxis(self.passes[0].entering[..., : layers[0].features, :], -1, 0)
        self.copies = any(stage.copied for stage in self.passes)
        fewer = layers[0].features > layers[0].units
        self.examples: Any = None
        self.reader = Reader(self) if in_place and fewer and not self.lead and not self.passes[0].copied else None

    def _plan(self):
        """The length of the memory, and the plan."""
        times, rows, at, entering = self.times, [], 0, 0
        free = times * self.rows * (self.layers[0].features + 1)
        for features, units, bias, activation, threshold, _, _, _, scaled in self.layers:
            at += times * features * scaled
            leaving, room = free, times * self.rows * (units + 1)
            kept = leaving if threshold is None or activation in DERIVED else leaving + room
            slopes = kept + room
            derivative = slopes + times * self.rows * units
            number = -1 if threshold is None else threshold
            rows.append((features, units, bias, activation, number, at, entering, leaving, kept, slopes, derivative))
            at, entering = at + times * (features + bias) * units, kept
            free = derivative + (times * self.rows * units if activation in DERIVED else 0)
        return free, np.array(rows, np.int64)

    def set_dropout(self, index: int, threshold: int, scale: float) -> None:
        """Let layer `index`, which has dropout, keep what reaches `threshold`, times `scale`, from now on."""
        stage = self.passes[index]
        stage.threshold, stage.scale = threshold, scale
        self.plan[index, self.COLUMNS.index("threshold")], self.scales[index] = threshold, scale

    def take(self, inputs: np.ndarray | None) -> Reader | None:
        """Copy examples to where they are multiplied, or return what reads them in place; None for those of before."""
        if self.reader is not None and inputs is not None:
            self.examples = inputs if inputs.dtype == self.values.dtype else None
        if self.examples is None and inputs is not None:
            copy_rows(inputs, self.inputs)
        return None if self.examples is None else self.reader


class _Pass:
    """The arrays of one layer, as NumPy multiplies them; `slopes` is the derivative with respect to its outputs."""

    def __init__(self, room: DenseRoom, index: int) -> None:
        layer, lead, rows = room.layers[index], room.lead, room.rows
        self.features, self.activation, self.factor = layer.features, layer.activation, layer.factor
        self.threshold, self.scale = layer.threshold, layer.scale
        plan = dict(zip(room.COLUMNS, room.plan[index].tolist(), strict=True))
        inner, last = layer.features + layer.bias, index == len(room.layers) - 1
        self._take_kernel(room, layer, plan["at"])
        entering = part(room.memory, plan["entering"], (*lead, layer.features + 1, rows))
        self.entering = entering[..., :inner, :]
        shape = (*lead, rows, layer.units) if last else (*lead, layer.units, rows)
        whole = shape if last else (*lead, layer.units + 1, rows)
        self.leaving, self.kept = (
            part(room.memory, plan[name], whole)[..., : shape[-2], :] for name in ("leaving", "kept")
        )
        self.slopes = part(room.memory, plan["slopes"], shape)
        self.product = (turned(self.entering), self.kernel) if last else (turned(self.kernel), self.entering)
        self.weights = self.kernel[..., : layer.features, :]
        sides = (self.slopes, turned(self.slopes))
        self.by_row, self.by_column = sides if last else sides[::-1]
        few = layer.features >= TURNED_FEATURES and layer.features * layer.units * rows <= UNPACKED
        self.second_factor = self.by_row if last or lead or not few else part(room.scratch[1], 0, (rows, layer.units))
        self.bits = None if layer.threshold is None else room.bits[index].reshape(shape)
        self.vectors = None  # what compiled code keeps of these arrays
        self._take_activation(room, plan["derivative"], shape)

    def _take_kernel(self, room, layer, at):
        """The kernel with the bias as its last row and the gradient of both: parts of the vectors, or copies."""
        inner, end = layer.features + layer.bias, at + room.times * layer.features * layer.units
        self.copied = layer.factor != 1 or layer.scaled or bool(room.lead and layer.bias)
        if not self.copied:
            shape = (*room.lead, inner, layer.units)
            self.kernel, self.by_kernel = (part(vector, at, shape) for vector in (room.values, room.gradients))
            return
        self.kernel, self.by_kernel = np.empty((2, *room.lead, inner, layer.units), room.values.dtype)
        shapes = (at, (*room.lead, layer.features, layer.units)), (end, (*room.lead, int(layer.bias), layer.units))
        vectors = (room.values, room.gradients)
        self.apart = [[part(vector, *shape) for shape in shapes] for vector in vectors]
        shape = (*room.lead, layer.features, 1)
        start = at - room.times * layer.features
        self.scales = [part(vector, start, shape) for vector in vectors] if layer.scaled else None

    def _take_activation(self, room, at, shape):
        """Take the memory that activation and dropout need in addition to their inputs."""
        self.derivative = part(room.memory, at, shape) if self.activation in DERIVED else None
        vectors = room.zeros, room.above, *room.scratch
        self.zeros, self.above, self.scratch, self.second = (part(vector, 0, shape) for vector in vectors)
        once = self.bits is None or self.activation in DERIVED  # else the way back needs the factors of dropout again
        self.factors = self.scratch if once else np.empty(shape, room.values.dtype)

    def gather(self) -> None:
        """Copy kernel and bias to where they are multiplied."""
        kernel, bias = self.apart[0]
        np.multiply(kernel, self.factor, out=self.weights)
        if self.scales is not None:
            np.multiply(self.weights, self.scales[0], out=self.weights)
        self.kernel[..., self.features :, :] = bias

    def scatter(self) -> None:
        """Copy their gradients to the vector of all."""
        kernel, bias = self.apart[1]
        np.multiply(self.by_kernel[..., : self.features, :], self.factor, out=kernel)
        if self.scales is not None:
            scale, by_scale = self.scales
            np.einsum("...fu,...fu->...f", kernel, self.apart[0][0], out=by_scale[..., 0])
            np.multiply(kernel, scale, out=kernel)
        bias[...] = self.by_kernel[..., self.features :, :]


def dense_forward(
    room: DenseRoom, inputs: np.ndarray | None, finish: Callable[[_Pass], None] | None = None
) -> np.ndarray:
    """The last layer's outputs, `(*lead, rows, units)`, in the room's memory, which keeps what `dense_backward` needs.

    Args:
        inputs: `(rows, *lead, features)`; None for those that stand in the room from the last time.
        finish: what a layer does after its product, here and in `dense_backward` before it; NumPy's way by default.
    """
    finish, room.backward = finish or finish_layer, dense_backward
    reader = room.take(inputs)
    for stage in room.passes:
        if stage.copied:
            stage.gather()
        if reader is None:
            room.multiply(*stage.product, out=stage.leaving)
        else:
            reader = reader.multiply()
        finish(stage)
    return stage.kept


def dense_backward(
    room: DenseRoom, slopes: np.ndarray, wants_inputs: bool = False, begin: Callable[[_Pass], None] | None = None
) -> np.ndarray | None:
    """Write the gradients of all kernels and biases.

    Args:
        slopes: the derivative with respect to what left the last layer, `(*lead, rows, units)`.
        wants_inputs: whether the derivative with respect to the inputs is returned, `(*lead, rows, features)`.
        begin: what takes a layer's `slopes` to the end of its product; NumPy's way by default.
    """
    begin, reader = begin or begin_layer, room.take(None)
    room.passes[-1].slopes[...] = slopes
    for index in range(len(room.passes) - 1, -1, -1):
        stage = room.passes[index]
        begin(stage)
        if index or reader is None:
            if stage.second_factor is not stage.by_row:
                stage.second_factor[...] = stage.by_row
            room.multiply(stage.entering, stage.second_factor, out=stage.by_kernel)
        else:
            reader.gather()
        if stage.copied:
            stage.scatter()
        if index:
            room.multiply(stage.weights, stage.by_column, out=room.passes[index - 1].slopes)
    return room.multiply(stage.by_row, turned(stage.weights)) if wants_inputs else None
