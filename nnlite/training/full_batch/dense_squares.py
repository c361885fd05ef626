"""The squared errors of dense layers in a row, and `J'J`, in memory that is laid out once."""

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Array
from nnlite.kernels import DenseRoom
from nnlite.training.full_batch.objective import KEPT_BYTES, WholeLoss, in_float64, sums_squares
from nnlite.training.joint.dense_steps import DenseSteps
from nnlite.training.train_step import Steps

__all__ = ["DenseSquares", "whole_loss"]


class Part(NamedTuple):
    """Some of the rows on their way through the layers.

    Attributes:
        room: memory for their activations, which stay there, as their inputs do.
        targets: `(rows, units)`.
        roots: square roots of the weights of the rows, `(rows, 1)`; None without weights.
        seeds: for each output its derivative with respect to all outputs, `(rows, units)`, times the roots and
            `sqrt(2 scale)`, so that `J'J` is the Gauss-Newton matrix at once.
        errors: memory for outputs minus targets, times the roots, `(rows, units)`.
    """

    room: DenseRoom
    targets: Array
    roots: Array | None
    seeds: list[Array]
    errors: Array


class DenseSquares(WholeLoss):
    """`WholeLoss` where the loss is a sum of squares, and the model dense layers in a row.

    The same numbers up to rounding in less time: a loss is one pass through memory that is there already, and
    `gauss_newton` takes up the activations of the last loss, where that was of the same point. Each row's Jacobian is a
    column of one block, kernel by kernel the outer product of what enters a layer and the derivative of what leaves
    it, and `J'J` is one product of the block with itself.

    The matrix of `gauss_newton` is the caller's until the next one is asked for.

    Args:
        steps, arrays: as of `WholeLoss`.
        dense: the layers, as compiled steps know them; those before them scale, shift or reshape each row.
    """

    def __init__(self, steps: Steps, arrays: tuple, dense: DenseSteps) -> None:
        super().__init__(steps, arrays)
        self._layers, self._before = dense.stage.layers, dense.before
        self._weights = np.zeros(self.size)
        self._root = math.sqrt(2 * self.scale)
        rows = min(self.rows, self.rows_of_jacobians(), self.count)
        self._parts = [self._laid_out(*piece) for piece in self._pieces(rows)]
        self._block = np.empty((self.size, dense.units, rows))
        self._matrix, self._product = np.empty((2, self.size, self.size))
        self._stands: tuple[Array, float] | None = None  # the point that the activations belong to, and its squares

    def _laid_out(self, x: Array, y: Array, weights: Array | None) -> Part:
        for layer, values in self._before:
            x = layer.linearize(x, *map(in_float64, values))[0]
        room = DenseRoom(self._layers, len(x), self._weights, np.empty_like(self._weights))
        room.inputs[...] = x
        roots = None if weights is None else np.sqrt(weights)[:, None]
        factor = self._root * (np.ones((len(x), 1)) if roots is None else roots)
        return Part(room, y, roots, [factor * row for row in np.eye(y.shape[1])], np.empty(y.shape))

    def value(self, point: Array) -> float:
        """The loss."""
        with np.errstate(all="ignore"):
            return self.scale * self._squares(point) + self._penalties.value(point)

    def _squares(self, point: Array) -> float:
        """The sum of the squares; from here on the activations are those of the point."""
        if self._stands is None or not np.array_equal(self._stands[0], point):
            total, self._weights[...] = 0.0, point
            for room, targets, roots, _, errors in self._parts:
                np.subtract(kernels.dense_forward(room, None), targets, out=errors)
                if roots is not None:
                    errors *= roots
                flat = errors.reshape(-1)
                total += float(flat @ flat)
            self._stands = point.copy(), total
        self.place, self.state = self._stands[0], None
        self.outputs = [part.room.passes[-1].kept for part in self._parts]
        self.masks = [None] * len(self._parts)
        return self._stands[1]

    def gauss_newton(self, point: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient and `J' H J`."""
        with np.errstate(all="ignore"):
            value, gradient = self.value(point), np.zeros(self.size)
            for number, part in enumerate(self._parts):
                rows = part.room.rows
                block = self._block[..., :rows]
                for unit, seed in enumerate(part.seeds):
                    kernels.dense_jacobian(part.room, seed, block[:, unit])
                flat = block.reshape(self.size, -1)
                gradient += flat @ part.errors.T.reshape(-1)
                np.matmul(flat, flat.T, out=self._product if number else self._matrix)
                if number:
                    self._matrix += self._product
        gradient *= self._root
        if self.penalized:
            gradient += self._penalties.gradient(point)
            self._matrix.reshape(-1)[:: self.size + 1] += self._penalties.curvature()
        return value, gradient, self._matrix

    def all_outputs(self) -> tuple[Any, Any]:
        """A copy, as the memory is written over."""
        outputs, mask = super().all_outputs()
        return outputs.copy(), mask


def whole_loss(steps: Steps, arrays: tuple, dense: DenseSteps | None) -> WholeLoss:
    """The loss over all rows, in the form that takes the least time.

    Args:
        steps, arrays: as of `WholeLoss`.
        dense: the model as dense layers in a row; None if it is not.
    """
    if dense is not None and _takes(dense, steps.loss, *arrays):
        return DenseSquares(steps, arrays, dense)
    return WholeLoss(steps, arrays)


def _takes(dense: DenseSteps, loss: Any, x: Any, y: Any, weights: Any) -> bool:
    """Whether `DenseSquares` knows these layers, this loss, and what these rows are."""
    known = dense.copies is None and not any(dense.stage.dropouts) and sums_squares(loss)
    numbers = all(isinstance(array, np.ndarray) and array.dtype.kind == "f" for array in (x, y))
    if not known or not numbers or y.shape != (len(x), dense.units) or loss._adapts(y):
        return False
    row = dense.features + sum(3 * layer.units for layer in dense.stage.layers)
    return 8 * len(x) * row <= KEPT_BYTES and (weights is None or weights.shape == (len(x),))
