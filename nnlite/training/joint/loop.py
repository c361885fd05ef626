"""Steps of consecutive dense layers, several in a single call, without code that takes a step as a whole."""

from collections.abc import Callable
from itertools import repeat
from math import isfinite
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import kernels
from nnlite.kernels.reference.forms import LossForm
from nnlite.layers.composite.fused_dense import ROOMS_KEPT, JoinedDense, rows_second
from nnlite.losses import Loss
from nnlite.losses.call import given_dtype
from nnlite.optimizers.base.repeated import RepeatedUpdates
from nnlite.random import RandomSource
from nnlite.training.joint.softmax_call import SoftmaxCall
from nnlite.training.safety.divergence import NotFinite

if TYPE_CHECKING:
    from nnlite.training.train_step import Steps

__all__ = ["DenseLoop", "known_form"]

Differentiated = Callable[..., tuple[float, np.ndarray]]  # of targets, outputs and weights: the loss, its gradient


class DenseLoop:
    """`Steps.train` of several batches, which looks up once per call what they share.

    With NumPy's kernels, looking it up takes as long as the step of a small net. Any loss and any optimizer will do.

    Args:
        steps: those of the model.
        stage: its dense layers, joined.
    """

    def __init__(self, steps: "Steps", stage: JoinedDense) -> None:
        self.steps, self.stage, self.updates = steps, stage, RepeatedUpdates(steps.optimizer, steps.store.packs)
        self.regularized = [(weight.regularizer, weight.value, weight.gradient) for weight in steps.regularized]
        self.lead, self.units = stage.row_shape[:-1], stage.layers[-1].units
        self._losses: dict[tuple[int, bool, bool], Differentiated] = {}  # by the arguments of `_new_loss`
        self._present: list[Any] = []  # the loss that these are of, and its attributes

    @classmethod
    def of(cls, steps: "Steps") -> "DenseLoop | None":
        """The loop of a model whose trained parameters are all in the last stage; None of another one."""
        line = steps.joined.program.line
        stage: Any = line[-1].layer if line else None
        alone = isinstance(stage, JoinedDense) and stage.values.size == steps.store.size
        return cls(steps, stage) if alone else None

    def train(
        self, inputs: np.ndarray, x: np.ndarray, y: Any, sample_weight: Any, batch_size: int | None
    ) -> tuple[float, np.ndarray] | None:
        """As `Steps.train`, or None if layers one by one are quicker; `x` is what enters the dense layers."""
        rows, stage = len(x), self.stage
        size = min(batch_size or rows, rows)
        if size > self.steps.joined_rows or x.shape[1:] != stage.row_shape or not isinstance(y, np.ndarray):
            return None
        outputs = rows_second(np.empty((*self.lead, rows, self.units), stage.values.dtype))
        update, self.steps.mask, full = self.updates.current(), None, rows - rows % size
        if size == rows:  # a single batch notices the time of slices
            return self._single((x, y, sample_weight, outputs), inputs, update, 0), outputs
        total = 0.0
        for part in (slice(full), slice(full, rows)) if full < rows else (slice(rows),):
            arrays = x[part], y[part], None if sample_weight is None else sample_weight[part], outputs[part]
            if len(arrays[0]) > size:
                total += self._several(arrays, inputs[part], size, update)
            else:
                total += len(arrays[0]) * self._single(arrays, inputs[part], update, (part.start or 0) // size)
        return total / rows, outputs

    def _single(self, arrays: tuple, inputs: np.ndarray, update: Callable[[], None], before: int) -> float:
        """One step; its loss."""
        _, y, weights, outputs = arrays
        loss, room = self._loss_of(y, len(outputs), weights is None), self._room_for(len(outputs))
        value = self._differentiate(room, arrays, loss)
        if isinstance(loss, SoftmaxCall):
            value += loss.total() / len(outputs)
        if self.steps.guarded and not isfinite(value):
            raise NotFinite(value, inputs, before)
        update()
        return value

    def _several(self, arrays: tuple, inputs: np.ndarray, size: int, update: Callable[[], None]) -> float:
        """Steps with this many rows each; the sum of their losses, each times its rows."""
        _, y, weights, _ = arrays
        guarded, total = self.steps.guarded, 0.0
        loss, room = self._loss_of(y, size, weights is None, not guarded), self._room_for(size)
        batches = [repeat(None) if array is None else array.reshape(-1, size, *array.shape[1:]) for array in arrays]
        for number, batch in enumerate(zip(*batches, strict=False)):
            value = self._differentiate(room, batch, loss)
            if guarded and not isfinite(value):
                raise NotFinite(value, inputs[number * size : (number + 1) * size], number)
            update()
            total += value * size
        return total + (loss.total() if isinstance(loss, SoftmaxCall) else 0.0)

    def _room_for(self, size: int) -> Any:
        self.stage.room = room = self.stage.room_for(size, self.steps.draws)
        return room

    def _differentiate(self, room: Any, arrays: tuple, loss: Differentiated) -> float:
        """The loss of a batch, whose outputs are written; the gradients are those of its parameters."""
        (x, y, weights, outputs), steps = arrays, self.steps
        if steps.draws:
            self.stage.draw(RandomSource(steps.seed, steps.optimizer.batches))
        outputs[...] = rows_second(kernels.dense_forward(room, x))
        value, slopes = loss(y, outputs, weights)
        room.backward(room, rows_second(slopes), False)  # without the product by the inputs
        room.examples = None  # they may be part of a large array
        for regularizer, values, gradients in self.regularized:
            value += regularizer.penalty(values) / steps.members
            regularizer.add_gradient(values, gradients)
        return value

    def _loss_of(self, y: np.ndarray, rows: int, alike: bool, later: bool = True) -> Differentiated:
        """The loss of batches of so many rows, and its gradient, looked up once as long as the loss stays the same.

        Args:
            y: the targets of all of these batches.
            alike: whether all rows count the same.
            later: whether the value may be told after the slopes of all.
        """
        loss, key = self.steps.trained_loss, (rows, alike, later)
        present = [loss, *vars(loss).values()]
        if len(present) != len(self._present) or not all(map(is_, present, self._present)):
            self._present, self._losses = present, {}
        if key not in self._losses:
            if len(self._losses) == 2 * ROOMS_KEPT:
                self._losses.clear()
            self._losses[key] = self._new_loss(*key)
        known = self._losses[key]
        if isinstance(known, SoftmaxCall):
            return known if known.begin(y) else self._loss_of(y, rows, alike, False)
        return known

    def _new_loss(self, rows: int, alike: bool, later: bool) -> Differentiated:
        loss, dtype = self.steps.trained_loss, self.stage.values.dtype

        def linearized(y: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> tuple[float, np.ndarray]:
            value, by_outputs = loss.linearize(y, outputs, weights)
            return value, by_outputs.gradients

        form = known_form(loss, dtype) if alike and not self.lead else None
        if form is None:
            return linearized
        total, factor = loss.total, loss.sum_factor(rows, None)
        if later and SoftmaxCall.suits(form, self.units, rows):
            return SoftmaxCall(rows, self.units, dtype, factor)
        return lambda y, outputs, weights: total(y, outputs, factor) or linearized(y, outputs, weights)


def known_form(loss: Any, dtype: np.dtype) -> LossForm | None:
    """Code of a loss that takes outputs of this type as they are; None for others, or if it has none."""
    as_they_are = isinstance(loss, Loss) and loss.counts_zeros and loss.axis == -1
    return loss.step_form() if as_they_are and (given_dtype(loss) or dtype) == dtype else None
