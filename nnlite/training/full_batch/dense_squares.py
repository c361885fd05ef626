"""The squared errors of consecutive dense layers, and `J'J`, in preallocated memory."""

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.kernels.reference import DenseRoom, dense_forward, dense_jacobian, hidden_jacobian
from nnlite.kernels.reference.dense import LINEAR
from nnlite.training.full_batch import objective
from nnlite.training.full_batch.objective import KEPT_BYTES, WholeLoss
from nnlite.training.full_batch.parts import in_float64, summed, sums_squares
from nnlite.training.joint.dense_steps import DenseSteps
from nnlite.training.train_step import Steps

__all__ = ["DenseSquares", "whole_loss"]


class Part(NamedTuple):
    """Some of the rows in their pass through the layers.

    Attributes:
        room: memory for their activations, which stay there, as their inputs do.
        targets: `(rows, units)`.
        roots: square roots of the weights of the rows, `(rows, 1)`; None without weights.
        errors: memory for outputs minus targets, times the roots, `(rows, units)`, unit by unit.
        flat: the same memory as a vector.
        jacobian: memory for the Jacobian, with the errors below.
    """

    room: DenseRoom
    targets: Array
    roots: Array | None
    errors: Array
    flat: Array
    jacobian: Array


class DenseSquares(WholeLoss):
    """`WholeLoss` for a sum of squares and a model of consecutive dense layers.

    The same numbers up to rounding in less time: a loss is one pass through existing memory, and
    `gauss_newton` takes up the activations of the last loss, where that was of the same point. Each row's Jacobian is a
    column of one block, kernel by kernel the outer product of what enters a layer and the derivative of what leaves
    it; below them the errors stand, and `J'J` and `J'e` are one product of the block with itself.

    The matrix of `gauss_newton` is the caller's until the next one is asked for. Numbers that overflow are NumPy's
    warnings, unless the caller silences them. Compiled kernels are not asked: their float64 `tanh` takes twice as long.

    Args:
        steps, arrays: as of `WholeLoss`.
        dense: the layers, as compiled steps know them; those before them scale, shift or reshape each row.
    """

    def __init__(self, steps: Steps, arrays: tuple, dense: DenseSteps) -> None:
        super().__init__(steps, arrays)
        self._layers, self._before = dense.stage.layers, dense.before
        self._weights = np.zeros(self.size)
        self._factor, self._root = self.scale, math.sqrt(2 * self.scale)
        rows = min(self.rows, self.rows_of_jacobians(), self.count)
        memory = np.empty((self._height(dense.units), self._width(dense.units) * rows))
        self._parts = [self._laid_out(memory, *piece) for piece in self._pieces(rows)]
        self._sums = np.empty((len(memory), len(memory)))
        self._product = np.empty_like(self._sums) if len(self._parts) > 1 else self._sums
        self._outputs, self._masks = [part.room.passes[-1].kept for part in self._parts], [None] * len(self._parts)
        self._sum, self._bytes = 0.0, b""  # the squares, and those of the point, where the activations stand

    def _settle(self) -> None:
        """Rows stand alone, and the loss is a sum over them: no row has to be run to know that."""
        self.rows, self._adds_up = objective.PIECE_ROWS, True
        self.loss, self.divisor = summed(self.steps.loss, self._divisors(self.arrays[1], None))

    def _laid_out(self, memory: Array, x: Array, y: Array, weights: Array | None) -> Part:
        for layer, values in self._before:
            x = layer.linearize(x, *map(in_float64, values))[0]
        rows, units = y.shape
        room = DenseRoom(self._layers, rows, self._weights, np.empty_like(self._weights))
        room.inputs[...] = x
        roots = None if weights is None else np.sqrt(weights)[:, None]
        errors = np.empty((units, rows))
        return Part(room, y, roots, errors.T, errors.reshape(-1), memory[:, : self._width(units) * rows])

    def _height(self, units: int) -> int:
        """The number of rows of the Jacobian and the errors, for this many outputs."""
        return self.size + 1

    def _width(self, units: int) -> int:
        """The number of columns that a row of the data has there."""
        return units

    def value(self, point: Array) -> float:
        """The loss."""
        value = self._factor * self._squares(point)
        return value + self._penalties.value(point) if self.penalized else value

    def _squares(self, point: Array) -> float:
        """The sum of the squares; from here on the activations are those of the point."""
        key = point.tobytes()
        if key != self._bytes:
            self._sum, self._bytes, self._weights[...] = 0.0, b"", point
            for room, targets, roots, errors, flat, _ in self._parts:
                np.subtract(dense_forward(room, None), targets, out=errors)
                if roots is not None:
                    np.multiply(errors, roots, out=errors)
                self._sum += float(flat @ flat)
            self._bytes = key
        self.place, self.outputs, self.masks, self.state = point, self._outputs, self._masks, None
        return self._sum

    def gauss_newton(self, point: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient and `J' H J`."""
        value = self.value(point)
        for number, part in enumerate(self._parts):
            self._linearize(part)
            np.matmul(part.jacobian, part.jacobian.T, out=self._product if number else self._sums)
            if number:
                self._sums += self._product
        gradient, matrix = self._assembled()
        if self.penalized:
            gradient += self._penalties.gradient(point)
            np.einsum("ii->i", matrix)[...] += self._penalties.curvature()
        return value, gradient, matrix

    def _linearize(self, part: Part) -> None:
        """Write the Jacobian of a part, each output beside the one before, and its errors below.

        The outputs' derivatives are multiplied by the roots and `sqrt(2 scale)`, so that `J'J` is the Gauss-Newton
        matrix at once.
        """
        rows, units = part.targets.shape
        factor: Any = self._root if part.roots is None else self._root * part.roots
        for unit, seed in enumerate(np.eye(units)):
            dense_jacobian(part.room, factor * seed, part.jacobian[:-1, unit * rows : (unit + 1) * rows])
        np.multiply(part.flat, self._root, out=part.jacobian[-1])

    def _assembled(self) -> tuple[Array, Array]:
        """`J'e` and `J'J` from the products of all rows of the Jacobians."""
        return self._sums[-1, :-1].copy(), self._sums[:-1, :-1]

    def all_outputs(self) -> tuple[Any, Any]:
        """A copy, since the memory is overwritten."""
        return self.outputs[0].copy() if len(self.outputs) == 1 else np.concatenate(self.outputs), None


class HiddenSquares(DenseSquares):
    """`DenseSquares` of one hidden layer and a linear one: the Jacobians of all outputs are one, up to factors.

    With s the slopes of the hidden units, h their values, v the kernel of the linear layer and x a row with 1 behind
    it, the derivative of output o is `x_f s_u v_uo` by entry (f, u) of the hidden kernel, and h_u by v_uo. Products of
    `x_f s_u`, h and the errors with one another are made once, whatever the number of outputs; v enters afterwards.
    """

    def _height(self, units: int) -> int:
        hidden, linear = self._layers
        self._inputs, self._units = hidden.features + hidden.bias, hidden.units
        height = self._inputs * self._units + linear.features + linear.bias + units
        self._factors = np.full(height, self._root)
        return height

    def _width(self, units: int) -> int:
        return 1

    def _linearize(self, part: Part) -> None:
        units = part.errors.shape[1]
        hidden_jacobian(part.room, None if part.roots is None else part.roots[:, 0], part.jacobian[:-units])
        part.jacobian[-units:] = part.errors.T

    def _assembled(self) -> tuple[Array, Array]:
        hidden = self._inputs * self._units
        kernel = self._parts[0].room.passes[1].weights
        if kernel.shape[1] > 1:
            return self._of_several(hidden, kernel)
        factors = self._factors
        np.multiply(kernel[:, 0], self._root, out=factors[:hidden].reshape(self._inputs, -1))
        self._sums *= factors[:, None]
        self._sums *= factors
        return super()._assembled()

    def _of_several(self, hidden: int, kernel: Array) -> tuple[Array, Array]:
        units, sums = kernel.shape[1], np.multiply(self._sums, 2 * self.scale)
        matrix, gradient = np.zeros((self.size, self.size)), np.empty(self.size)
        inner = sums[:hidden, :hidden].reshape(self._inputs, self._units, self._inputs, self._units)
        inner = inner * (kernel @ kernel.T)[:, None]
        matrix[:hidden, :hidden] = inner.reshape(hidden, hidden)
        across = sums[:hidden, hidden:-units].reshape(self._inputs, self._units, -1, 1) * kernel[:, None]
        matrix[:hidden, hidden:] = across.reshape(hidden, -1)
        matrix[hidden:, :hidden] = matrix[:hidden, hidden:].T
        for unit in range(units):
            matrix[hidden + unit :: units, hidden + unit :: units] = sums[hidden:-units, hidden:-units]
        slopes = sums[:hidden, -units:].reshape(self._inputs, self._units, units) * kernel
        gradient[:hidden], gradient[hidden:] = slopes.sum(axis=-1).ravel(), sums[hidden:-units, -units:].ravel()
        return gradient, matrix


def whole_loss(steps: Steps, arrays: tuple, dense: DenseSteps | None) -> WholeLoss:
    """The loss over all rows, in the fastest form available.

    Args:
        steps, arrays: as of `WholeLoss`.
        dense: the model as dense layers in a row; None if it is not.
    """
    if dense is not None and _takes(dense, steps.loss, *arrays):
        return (HiddenSquares if _has_one_hidden(dense) else DenseSquares)(steps, arrays, dense)
    return WholeLoss(steps, arrays)


def _takes(dense: DenseSteps, loss: Any, x: Any, y: Any, weights: Any) -> bool:
    """Whether `DenseSquares` knows these layers, this loss, and what these rows are."""
    known = dense.copies is None and not any(dense.stage.dropouts) and sums_squares(loss)
    numbers = all(isinstance(array, np.ndarray) and array.dtype.kind == "f" for array in (x, y))
    if not known or not numbers or y.shape != (len(x), dense.units) or loss._adapts(y):
        return False
    row = dense.features + sum(3 * layer.units for layer in dense.stage.layers)
    return 8 * len(x) * row <= KEPT_BYTES and (weights is None or weights.shape == (len(x),))


def _has_one_hidden(dense: DenseSteps) -> bool:
    """Whether the layers are a hidden one and a linear one."""
    layers = dense.stage.layers
    return len(layers) == 2 and layers[1].activation == LINEAR
