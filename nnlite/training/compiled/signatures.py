"""Signatures of arrays that a step takes unchanged: single batches are checked in full once per signature."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.losses import Loss
from nnlite.training.compiled.metrics import GivenShapes
from nnlite.training.inputs import built_inputs

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["Signatures"]

SIGNATURES_KEPT = 64


class Known(NamedTuple):
    """A batch that was checked in full.

    Attributes:
        inputs: the type that inputs are cast to.
        shapes: those in which its data came.
        targets: the shape that targets are brought to; None if their values are looked at.
    """

    inputs: np.dtype
    shapes: GivenShapes
    targets: tuple[int, ...] | None


class Signatures:
    """Shapes and dtypes of inputs and targets that were checked in full, and found to need at most a cast.

    Of others like them the numbers alone are looked at.

    Args:
        trainer: of a compiled model.
        steps: those of the model; with other ones these signatures are out of date.
    """

    def __init__(self, trainer: "Trainer", steps: Any) -> None:
        self.trainer, self.steps = trainer, steps
        self.dtype: np.dtype = np.dtype(trainer.model._output_dtype)
        self._known: dict[tuple, Known] = {}

    def take(self, x: Any, y: Any) -> tuple | None:
        """`(x, y, None)` in the form that the steps take; None if the arrays have to be checked in full."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray:
            return None
        known = self._known.get((x.shape, x.dtype, y.shape, y.dtype))
        if known is None:
            return None
        kind, shapes, shape = known
        inputs = x if x.dtype is kind or x.dtype == kind else _cast(x, kind)
        if not (_finite(inputs) and _finite(y)):
            return None
        self.trainer.given_shapes = shapes
        if y.dtype.kind == "f" and y.dtype != self.dtype:
            y = _cast(y, self.dtype)
            if not _finite(y):
                return None
        if shape is not None:
            return inputs, y.reshape(shape).astype(self.dtype, copy=False), None
        assert self.trainer.loss is not None  # the model is compiled
        return inputs, self.trainer.loss.read_targets(y, self.trainer.model.output_shape, self.dtype), None

    def learn(self, x: Any, y: Any, inputs: Any, targets: Any) -> None:
        """Record arrays that were read as `inputs` and `targets`."""
        loss = self.trainer.loss
        arrays = type(x) is type(y) is type(inputs) is np.ndarray and isinstance(loss, Loss)
        if not arrays or x.dtype.kind not in "fiu" or y.dtype.kind not in "fiub" or x.shape != inputs.shape:
            return
        narrowed = inputs.dtype.kind != "f" and not np.can_cast(x.dtype, inputs.dtype)  # not each number may fit
        if narrowed or type(loss).prepare_targets is not Loss.prepare_targets:
            return
        cast = x.astype(inputs.dtype, copy=False)
        if built_inputs(self.trainer.model, cast) is cast:  # they are not processed further, for example encoded
            if len(self._known) == SIGNATURES_KEPT:
                self._known.clear()
            shape = targets.shape if type(loss).read_targets is Loss.read_targets else None
            self._known[x.shape, x.dtype, y.shape, y.dtype] = Known(inputs.dtype, self.trainer.given_shapes, shape)


def _cast(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):  # a number too large is found not to be finite
        return array.astype(dtype)


def _finite(array: np.ndarray) -> bool:
    """Whether all numbers are finite; finite ones whose sum is not are taken for others too."""
    if array.dtype.kind != "f":
        return True
    if math.isfinite(np.vdot(array, array)):  # a fifth of the time, and no notice is taken of an overflow
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(array, axis=None))
