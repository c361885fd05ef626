"""Steps of consecutive dense layers, several in a single call, without code that takes a step as a whole."""

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import kernels
from nnlite.kernels.reference.forms import LossForm
from nnlite.layers.composite.fused_dense import JoinedDense, rows_second
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
        shape = (*stage.row_shape[:-1], rows, stage.layers[-1].units)
        outputs, self.steps.mask = rows_second(np.empty(shape, stage.values.dtype)), None
        update, total, full = self.updates.current(), 0.0, rows - rows % size
        if full == rows:  # a single batch notices the time of slices
            return self._steps((x, y, sample_weight, outputs), inputs, size, 0, update) / rows, outputs
        for start, stop, step in ((0, full, size), (full, rows, rows - full)):
            part = slice(start, stop)
            arrays = x[part], y[part], None if sample_weight is None else sample_weight[part], outputs[part]
            total += self._steps(arrays, inputs[part], step, start // size, update)
        return total / rows, outputs

    def _steps(self, arrays: tuple, inputs: np.ndarray, size: int, before: int, update: Callable[[], None]) -> float:
        """Steps with this many rows each; the sum of their losses, each times its rows."""
        steps, stage, total = self.steps, self.stage, 0.0
        x, y, weights, outputs = arrays
        several = weights is None and len(x) > size and not steps.guarded
        later = self._softmax_call(y, outputs, size) if several else None
        differentiate = later or self._differentiated(size, weights is None)
        room: Any = stage.room_for(size, steps.draws)
        stage.room, forward = room, kernels.dense_forward
        batches: Any = [None if array is None else array.reshape(-1, size, *array.shape[1:]) for array in arrays]
        x, y, weights, outputs = batches
        for index, leaving in enumerate(outputs):
            if steps.draws:
                stage.draw(RandomSource(steps.seed, steps.optimizer.batches))
            leaving[...] = rows_second(forward(room, x[index]))
            value, slopes = differentiate(y[index], leaving, None if weights is None else weights[index])
            room.backward(room, rows_second(slopes), False)  # without the product by the inputs
            room.examples = None  # they may be part of a large array
            for regularizer, values, gradients in self.regularized:
                value += regularizer.penalty(values) / steps.members
                regularizer.add_gradient(values, gradients)
            if steps.guarded and not isfinite(value):
                raise NotFinite(value, inputs[index * size : (index + 1) * size], before + index)
            update()
            total += value * size
        return total + (later.total() if later else 0.0)

    def _softmax_call(self, y: np.ndarray, outputs: np.ndarray, size: int) -> SoftmaxCall | None:
        """The loss of these batches, if it has this form."""
        loss = self.steps.trained_loss
        form = None if outputs.ndim > 2 else known_form(loss, outputs.dtype)
        return SoftmaxCall.of(form, y, outputs, size, loss.sum_factor(size, None)) if form else None

    def _differentiated(self, rows: int, alike: bool) -> Differentiated:
        """The loss of a batch, and its gradient; `alike` are so many rows that all count the same."""
        loss = self.steps.trained_loss

        def linearized(y: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> tuple[float, np.ndarray]:
            value, by_outputs = loss.linearize(y, outputs, weights)
            return value, by_outputs.gradients

        single = self.stage.layers[0].members is None
        if not alike or not single or known_form(loss, self.stage.values.dtype) is None:
            return linearized
        total, factor = loss.total, loss.sum_factor(rows, None)
        return lambda y, outputs, weights: total(y, outputs, factor) or linearized(y, outputs, weights)


def known_form(loss: Any, dtype: np.dtype) -> LossForm | None:
    """Code of a loss that takes outputs of this type as they are; None for others, or if it has none."""
    as_they_are = isinstance(loss, Loss) and loss.counts_zeros and loss.axis == -1
    return loss.step_form() if as_they_are and (given_dtype(loss) or dtype) == dtype else None
