"""Signatures of arrays that a step takes unchanged: single batches are checked in full once per signature."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.losses import Loss
from nnlite.training.compiled.metrics import GivenShapes
from nnlite.training.inputs import built_inputs

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["Signatures"]

SIGNATURES_KEPT = 64


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
        self._known: dict[tuple, np.dtype] = {}  # the type that inputs are cast to

    def take(self, x: Any, y: Any) -> tuple | None:
        """`(x, y, None)` in the form that the steps take; None if the arrays have to be checked in full."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray:
            return None
        kind = self._known.get((x.shape, x.dtype, y.shape, y.dtype))
        if kind is None:
            return None
        inputs = x if x.dtype is kind or x.dtype == kind else _cast(x, kind)
        if not (_finite(inputs) and _finite(y)):
            return None
        model = self.trainer.model
        self.trainer.given_shapes = GivenShapes([y.shape[1:]])
        if y.dtype.kind == "f" and y.dtype != self.dtype:
            y = _cast(y, self.dtype)
            if not _finite(y):
                return None
        assert self.trainer.loss is not None  # the model is compiled
        return inputs, self.trainer.loss.read_targets(y, model.output_shape, self.dtype), None

    def learn(self, x: Any, y: Any, inputs: Any) -> None:
        """Record arrays that were read as `inputs` and targets."""
        arrays = type(x) is type(y) is type(inputs) is np.ndarray and isinstance(self.trainer.loss, Loss)
        if not arrays or x.dtype.kind not in "fiu" or y.dtype.kind not in "fiub" or x.shape != inputs.shape:
            return
        cast = x.astype(inputs.dtype, copy=False)
        if built_inputs(self.trainer.model, cast) is cast:  # they are not processed further, for example encoded
            if len(self._known) == SIGNATURES_KEPT:
                self._known.clear()
            self._known[x.shape, x.dtype, y.shape, y.dtype] = inputs.dtype


def _cast(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):  # a number too large is found not to be finite
        return array.astype(dtype)


def _finite(array: np.ndarray) -> bool:
    """Whether all numbers are finite; finite ones whose sum is not are taken for others too."""
    if array.dtype.kind != "f":
        return True
    flat = array.reshape(-1)
    if math.isfinite(np.vdot(flat, flat)):  # a fifth of the time, and no notice is taken of an overflow
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(array, axis=None))
