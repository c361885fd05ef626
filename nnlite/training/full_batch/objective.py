"""The loss over all rows as a function of the weights, with its derivatives, computed in pieces of rows."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.data.batches import count_rows, take_rows
from nnlite.jacobians import ParameterVector
from nnlite.jacobians.hessian import directional_derivative
from nnlite.layers.composite.derivatives import step_along
from nnlite.losses.masks import counted_weights
from nnlite.losses.output_losses import OutputLosses
from nnlite.training.full_batch.chance import Chanceless
from nnlite.training.full_batch.curvature import add_gauss_newton, each_output
from nnlite.training.full_batch.parts import (
    Piece,
    adds_up,
    counted_losses,
    each_part,
    factors_of_squares,
    in_float64,
    joined_masks,
    output_shapes,
    summed,
    sums_squares,
)
from nnlite.training.full_batch.penalties import Penalties
from nnlite.training.parameter_names import parameter_names
from nnlite.training.predict import joined
from nnlite.training.train_step import Steps

__all__ = ["WholeLoss"]

PIECE_ROWS = 1024  # rows that are run at once: their activations stay in the cache
PIECE_BYTES = 2**23  # of the Jacobian of a piece by the parameters
KEPT_BYTES = 2**28  # of cached Jacobians that stay for further products at the same point


class WholeLoss:
    """The `Objective` of a compiled model on some data.

    The vector holds the trained parameters in the order of the optimizer's packs. Where the loss of a row depends on
    other rows, or the loss is not a sum over rows, all rows are one piece.

    Args:
        steps: of the compiled model.
        arrays: `(x, y, sample_weight)` as steps take them: all rows.
        training: whether layers run as in training; else as in prediction.

    Attributes:
        place: the point where the loss of all rows was last computed; `outputs` and `masks` are those there, piece by
            piece, and `state` is what the layers would keep.
    """

    loss: Any

    def __init__(self, steps: Steps, arrays: tuple, training: bool = True) -> None:
        self.steps, self.training = steps, training
        self.arrays = tuple(in_float64(array) for array in arrays)
        self.count = count_rows(arrays[0])
        trained = {id(parameter) for pack in steps.store.packs for parameter in pack.parameters}
        chosen = [id(parameter) in trained for parameter in steps.parameters]
        shapes, names = [parameter.shape for parameter in steps.parameters], parameter_names(steps.trainer.model)
        self.vector = ParameterVector(shapes, names, chosen, "float64")
        self.size, self._order = self.vector.size, self._places()
        self._ordered = np.array_equal(self._order, np.arange(self.size))
        self.fixed = [in_float64(parameter.value) for parameter in steps.parameters]
        self.place: Array | None = None
        self.outputs: list[Any] = []
        self.masks: list[Any] = []
        self.state: Any = None
        self._single: tuple[Array, Piece] | None = None  # where one piece has all rows: the last one
        self._known: tuple[Array, float, Array] | None = None
        self._kept: tuple[Array, list[Piece]] | None = None
        self._penalties = Penalties(self._regularized(), self.size)
        self._settle()

    @property
    def penalized(self) -> bool:
        """Whether a parameter has a regularizer."""
        return bool(self._penalties.regularized)

    def _regularized(self) -> list[tuple[Any, Array]]:
        """Each regularizer, and where the numbers of its parameter stand."""
        places = self.vector.split(self._laid(np.arange(self.size)))
        places = dict(zip(map(id, self.steps.parameters), places, strict=True))
        return [(parameter.regularizer, places[id(parameter)]) for parameter in self.steps.regularized]

    def _places(self) -> Array:
        """The index of each number of the packs among the parameters laid end to end in the model's order."""
        starts, start = {}, 0
        for parameter, chosen in zip(self.steps.parameters, self.vector.chosen, strict=True):
            if chosen:
                starts[id(parameter)] = start
                start += parameter.size
        parts = [
            np.arange(starts[id(parameter)], starts[id(parameter)] + parameter.size)
            for pack in self.steps.store.packs
            for parameter in pack.parameters
        ]
        return np.concatenate(parts)

    def _settle(self) -> None:
        """Find out how rows hang together, and what the loss is divided by."""
        loss = self.steps.loss
        self.loss, self.divisor, self.rows, self._adds_up = loss, 1.0, self.count, False
        first = tuple(take_rows(array, slice(0, min(self.count, 2))) for array in self.arrays)
        outputs, jacobians = self._run(first[0], self.fixed)
        if not jacobians.mixes_rows and adds_up(loss, first[1], outputs):
            self.rows, self._adds_up = PIECE_ROWS, True
            self.loss, self.divisor = summed(loss, self._divisors(outputs, jacobians.mask))

    def _run(self, x: Any, values: list[Array]) -> tuple[Any, Any]:
        """The outputs of some rows and their Jacobians; `Drawn` from a layer that draws at random while training."""
        random = Chanceless() if self.training else None
        return self.steps.chain.linearize(x, *values, training=self.training, random=random)

    def _divisors(self, first: Any, mask: Any) -> list[float]:
        """The divisor in the reduction of each output's loss: the losses that count, or the sum of their weights.

        Args:
            first, mask: the outputs of some rows, and their mask; if there is none, no rows have one.
        """
        if mask is None:
            counted = counted_losses(self.steps.loss, first, self.arrays[2], None, self.count)
        else:
            counted = np.zeros(1)
            for x, _, weights in self._pieces():
                outputs: Any
                jacobians: Any
                outputs, jacobians = self._run(x, self.fixed)
                counted = counted + counted_losses(self.steps.loss, outputs, weights, jacobians.mask)
        parts = each_part(self.steps.loss)
        sums = [loss is None or loss.reduction == "sum" for (loss,) in parts]
        return [1.0 if alone else max(number, 1e-300) for alone, number in zip(sums, counted.tolist(), strict=True)]

    @property
    def point(self) -> Array:
        """The current weights."""
        return np.concatenate([pack.values for pack in self.steps.store.packs]).astype(np.float64)

    @property
    def residuals(self) -> int:
        """Number of residuals that count."""
        (outputs, masks), total = self.all_outputs(), 0
        for loss, output, weights, mask in each_part(self.loss, outputs, self.arrays[2], masks):
            rows, size = counted_weights(output.shape[:-1], output.dtype, weights, mask)
            counted = size if rows is None else int(np.count_nonzero(rows))
            total += 0 if loss is None else counted * output.shape[-1]
        return total

    @property
    def squares(self) -> bool:
        """Whether the loss is a sum of squared errors."""
        return sums_squares(self.loss)

    @property
    def scale(self) -> float:
        """Factor of the sum of squares in the loss; 0 for other losses, and for those of several outputs."""
        return 0.0 if not self.squares or isinstance(self.loss, OutputLosses) else float(self.scales[0])

    @property
    def scales(self) -> Array:
        """Factor in the loss of the square of each output entry of a row, `(U,)`."""
        return factors_of_squares(self.loss, output_shapes(self.steps.trainer.model)) / self.divisor

    def _pieces(self, rows: int | None = None) -> Iterator[tuple]:
        length = min(rows or self.rows, self.rows) if self._adds_up else self.count
        for start in range(0, self.count, length):
            yield tuple(take_rows(array, slice(start, start + length)) for array in self.arrays)

    def _values(self, point: Array) -> list[Array]:
        """One array for each parameter of the model, in its order."""
        split = self.vector.split(self._laid(point))
        return [fixed if value is None else value for fixed, value in zip(self.fixed, split, strict=True)]

    def _laid(self, vector: Array) -> Array:
        """A vector in the order of the packs, laid out in the order of the model's parameters."""
        laid = np.empty_like(vector)
        laid[self._order] = vector
        return laid

    def linearized(self, point: Array, rows: int | None = None) -> Iterator[Piece]:
        """The pieces at a point; outputs and states are kept for queries at the current point."""
        self.outputs, self.masks, self.place = [], [], None
        whole = not self._adds_up or min(rows or self.rows, self.rows) >= self.count
        if whole and self._single is not None and np.array_equal(self._single[0], point):
            self._note(self._single[1])
            self.place = self._single[0]
            yield self._single[1]
            return
        values = self._values(point)
        for x, y, weights in self._pieces(rows):
            outputs, jacobians = self._run(x, values)
            value, by_outputs = self.loss.linearize(y, outputs, weights, jacobians.mask)
            piece = Piece(outputs, jacobians, (y, weights), value / self.divisor, by_outputs)
            self._note(piece)
            if whole:
                self._single = point.copy(), piece
            yield piece
        self.place = point.copy()

    def _note(self, piece: Piece) -> None:
        self.outputs.append(piece.outputs)
        self.masks.append(piece.jacobians.mask)
        self.state = piece.jacobians.state

    def value(self, point: Array) -> float:
        """The loss."""
        with np.errstate(all="ignore"):
            return sum(piece.value for piece in self.linearized(point)) + self._penalties.value(point)

    def gradient(self, point: Array) -> tuple[float, Array]:
        """The loss and its gradient; the last result is cached."""
        if self._known is None or not np.array_equal(self._known[0], point):
            with np.errstate(all="ignore"):
                value, gradient = self._penalties.value(point), self._penalties.gradient(point)
                for piece in self.linearized(point):
                    value += piece.value
                    gradient += self._back(piece)
            self._known = point.copy(), value, gradient
        return self._known[1], self._known[2].copy()

    def _back(self, piece: Piece) -> Array:
        return self._pulled(piece, piece.by_outputs.gradients)

    def _pulled(self, piece: Piece, cotangent: Any) -> Array:
        """`J'` of a piece times numbers like its outputs, over the divisor; in the order of the packs."""
        return self.vector.vjp(piece.jacobians, cotangent)[self._order] / self.divisor

    def gauss_newton(self, point: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient and `J' H J`, summed over pieces small enough for their Jacobian."""
        value, gradient = self._penalties.value(point), self._penalties.gradient(point)
        matrix = np.zeros((self.size, self.size))
        with np.errstate(all="ignore"):
            for piece in self.linearized(point, self.rows_of_jacobians()):
                value += piece.value
                for jacobians, bends, slopes in self.each_output(piece):
                    by_parameters = add_gauss_newton(matrix, self.vector, jacobians, bends, self.squares, slopes)
                    gradient += by_parameters[self._order] / self.divisor
        matrix /= self.divisor
        matrix = matrix if self._ordered else matrix[np.ix_(self._order, self._order)]
        matrix.flat[:: self.size + 1] += self._penalties.curvature()
        return value, gradient, matrix

    def rows_of_jacobians(self) -> int:
        """Number of rows whose Jacobians with respect to the parameters take `PIECE_BYTES`."""
        shapes = output_shapes(self.steps.trainer.model)
        units = sum(math.prod(length or 1 for length in shape[1:]) for shape in shapes)
        return max(PIECE_BYTES // (8 * self.size * units), 16)

    def each_output(self, piece: Piece, share: float = 1.0) -> Iterator[tuple]:
        """`curvature.each_output` of a piece."""
        return each_output(piece.jacobians, self.bend(piece), piece.by_outputs.gradients, share)

    def bend(self, piece: Piece) -> Any:
        """The second derivative of the loss with respect to the outputs of a piece, before division by `divisor`."""
        y, weights = piece.rows
        return self.loss.curvature(y, piece.outputs, weights, piece.jacobians.mask)

    def gauss_newton_product(self, point: Array, vector: Array) -> Array:
        """`J' H J v`; Jacobians at the point are cached for further products if they are small enough."""
        total = self._penalties.curvature() * vector
        laid = self._laid(vector)
        for piece in self._kept_pieces(point):
            total += self._pulled(piece, self.bend(piece).jvp(self.vector.jvp(piece.jacobians, laid)))
        return total

    def _kept_pieces(self, point: Array) -> Iterator[Piece]:
        """The pieces at a point, which stay for the next product there unless they are too large."""
        if self._kept is not None and np.array_equal(self._kept[0], point):
            yield from self._kept[1]
            return
        kept, size = [], 0
        for piece in self.linearized(point):
            size += sum(array.nbytes for array in piece.jacobians.stored())
            kept.append(piece if size <= KEPT_BYTES else None)
            yield piece
        self._kept = (point.copy(), kept) if size <= KEPT_BYTES else None

    def hessian_product(self, point: Array, vector: Array) -> Array:
        """The Hessian times a vector: a complex step through the gradient, or finite differences if impossible."""
        step = step_along(self.steps.trainer.model, [point], [vector])
        zero: Any = 0
        change = directional_derivative(lambda t: sum(map(self._back, self.linearized(point + t * vector)), zero), step)
        return self._penalties.curvature() * vector + change

    def penalties(self) -> Array:
        """The diagonal that penalties add to the curvature, for the parameters in the model's order, as `vector`."""
        return self._laid(self._penalties.curvature())

    def all_outputs(self) -> tuple[Any, Any]:
        """The raw outputs at the point where the loss was last computed, all rows together, and their mask."""
        return joined(self.outputs), joined_masks(self.masks)
