"""The loss of an ensemble: a sum over members, each with the loss that it would have alone."""

import copy
import math
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.jacobians import Contraction
from nnlite.losses.base import Loss

__all__ = ["MemberLoss"]


class MemberLoss:
    """Interface of a loss that `nnlite.training` needs for outputs `(batch, members, ...)`.

    The gradient is that of the sum over members: what each member's parameters get is what they would get alone. The
    value is the mean over members, which is what logs show.

    Args:
        loss: of one member.
    """

    def __init__(self, loss: Loss) -> None:
        self.whole = copy.copy(loss)
        self.whole.reduction = "sum"
        self.averages = loss.reduction != "sum"

    def scale(self, rows: int) -> float:
        """Factor of the sum of the losses of `rows` rows of a member."""
        return 1 / rows if self.averages else 1.0

    def linearize(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None, mask: Any = None
    ) -> tuple[float, Contraction]:
        """The value, and the Jacobian of the sum over members with respect to `y_pred`.

        Shape: sample_weight `(batch, members)`, with which the mean over the batch is the loss of each member.

        Members come first in memory, so that they are moved in front and their rows are those of one long batch.
        """
        if mask is not None:
            raise ConfigError("members are trained together without masks: leave layers that mask steps out")
        batch, members = y_pred.shape[:2]
        targets, outputs = (_rows_of_all(array) for array in (y_true, y_pred))
        weights = None if sample_weight is None else _rows_of_all(sample_weight)
        by_rows: Any
        total, by_rows = self.whole.linearize(targets, outputs, weights)
        scale = self.scale(math.prod([batch, *y_pred.shape[2:-1]]))
        gradient = (by_rows.gradients * scale).reshape(members, batch, *y_pred.shape[2:])
        return total * scale / members, Contraction(gradient.swapaxes(0, 1), y_pred.ndim)


def _rows_of_all(array: np.ndarray) -> np.ndarray:
    """`(batch, members, ...)` as `(members * batch, ...)`."""
    return array.swapaxes(0, 1).reshape(array.shape[0] * array.shape[1], *array.shape[2:])
