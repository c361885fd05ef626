"""User-defined functions as losses."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.estimators.fitting.targets import ClassTargets, Targets
from nnlite.losses import FunctionLoss, Loss, SparseCategoricalCrossentropy
from nnlite.registry.fields import Spec

__all__ = ["ClassFunctionLoss", "loss_of"]


class ClassFunctionLoss(FunctionLoss, abstract=True):
    """As the base, for classes: y_true is one-hot, y_pred are the probabilities."""

    target_kind = "sparse"

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        """The function of one-hot targets and predictions."""
        classes = np.arange(y_pred.shape[-1])
        return self.function((y_true[..., None] == classes).astype(y_pred.value.real.dtype), y_pred)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return SparseCategoricalCrossentropy().read_targets(targets, output_shape, dtype)


def loss_of(spec: Spec[Loss] | Callable[..., Any], targets: Targets) -> Loss:
    """The loss given by a name, a spec, an instance or a user-defined function.

    Args:
        targets: what it compares.
    """
    loss = Loss.get(spec)
    if isinstance(loss, FunctionLoss) and isinstance(targets, ClassTargets):
        return ClassFunctionLoss(loss.function)
    return loss
