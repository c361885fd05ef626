"""Functions of a user as losses."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.estimators.fitting.targets import ClassTargets, Targets
from nnlite.losses import Loss, SparseCategoricalCrossentropy
from nnlite.registry import NamedFunction
from nnlite.registry.fields import Spec

__all__ = ["ClassFunctionLoss", "FunctionLoss", "loss_of"]


class FunctionLoss(Loss, abstract=True):
    """The loss of a function `(y_true, y_pred) -> losses` made of functions of `nnlite.ops`, which are recorded.

    Shape: y_true and y_pred `(batch, outputs)`; losses `(batch,)`.

    Args:
        function: it pickles if the function does.

    >>> import numpy as np
    >>> from nnlite import ops
    >>> def quartic(y_true, y_pred):
    ...     return ops.mean((y_pred - y_true) ** 4, axis=-1)
    >>> loss = FunctionLoss(quartic)
    >>> loss, loss.forward([[0.0]], [[2.0]]), loss.backward().tolist()
    (FunctionLoss(quartic), 16.0, [[32.0]])
    """

    function: Callable[..., Any]

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({NamedFunction(self.function)!r})"


class ClassFunctionLoss(FunctionLoss, abstract=True):
    """The same for classes: y_true has 1 for the class of a row and 0 for the others, y_pred the probabilities."""

    target_kind = "sparse"

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        classes = np.arange(y_pred.shape[-1])
        return self.function((y_true[..., None] == classes).astype(y_pred.value.real.dtype), y_pred)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return SparseCategoricalCrossentropy().read_targets(targets, output_shape, dtype)


def loss_of(given: Spec[Loss] | Callable[..., Any], targets: Targets) -> Loss:
    """The loss that a name, a spec, an instance or a function of the user stands for.

    Args:
        targets: what it compares.
    """
    if isinstance(given, (Loss, type)) or not callable(given):
        return Loss.get(given)  # type: ignore[arg-type]
    return ClassFunctionLoss(given) if isinstance(targets, ClassTargets) else FunctionLoss(given)
