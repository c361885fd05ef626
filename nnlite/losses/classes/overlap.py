"""Overlap losses of two masks, for image segmentation."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.config import epsilon
from nnlite.errors import ConfigError
from nnlite.jacobians import Contraction
from nnlite.jacobians.maps.base import Jacobian
from nnlite.losses.base import Loss
from nnlite.losses.classification import fractions
from nnlite.registry.bounds import NonNegative

__all__ = ["Dice", "Tversky"]


class Overlap(Loss, abstract=True):
    """1 - overlap, a quotient of sums over `axis`. A subclass writes `call(y_true, y_pred)`."""

    if TYPE_CHECKING:  # a field of the subclasses
        axis = cast(Any, None)

    target_kind = "binary"

    @property
    def _row_axis(self) -> int:
        return -1

    def validate(self) -> None:
        super().validate()
        if self.axis is not None and 0 in np.atleast_1d(self.axis):
            raise ConfigError("takes the axes after that of the batch, or None for all", (type(self).__name__, "axis"))

    def linearize(
        self,
        y_true: np.ndarray,
        y_pred: Array,
        sample_weight: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[Any, Jacobian]:
        """As `Loss.linearize`; masked entries of a row are left out of all sums."""
        by_row = self.axis is not None and mask is not None and mask.shape == self.sums(y_pred).shape
        if mask is None or by_row or mask.shape != y_pred.shape[: mask.ndim]:
            return super().linearize(y_true, y_pred, sample_weight, mask)
        shares = mask.reshape(*mask.shape, *(1,) * (y_pred.ndim - mask.ndim)).astype(y_pred.real.dtype)
        value, by_outputs = super().linearize(y_true * shares, y_pred * shares, sample_weight)
        gradient = by_outputs.vjp(np.ones(by_outputs.out_shape, y_pred.dtype)) * shares
        return value, Contraction(gradient, gradient.ndim - np.ndim(value))

    def sums(self, values: Any) -> Any:
        """The sum of each row, or of the whole batch."""
        return values.sum(axis=self.axis if self.axis is None or isinstance(self.axis, int) else tuple(self.axis))

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return fractions(super().read_targets(targets, output_shape, dtype), self)


class Dice(Overlap):
    """1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + 1e-7): the part that two masks do not share.

    Shape: y_true and y_pred `(batch, ..., units)`, in [0, 1]; one loss for the batch, or one for each row that is left
    when the axes of `axis` are summed over.

    Args:
        axis: an axis or several, without that of the batch; None for all, that of the batch too.

    Reference: Milletari et al. 2016, arXiv:1606.04797.

    >>> Dice()([[1, 1, 0, 0]], [[1.0, 0.0, 0.0, 0.0]]).__round__(4)
    0.3333
    """

    axis: int | tuple[int, ...] | None = None

    _positional = ("reduction", "name", "axis", "dtype")

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        """1 - Dice's coefficient of targets and predictions."""
        return 1 - 2 * self.sums(y_true * y_pred) / (self.sums(y_true) + self.sums(y_pred) + epsilon())


class Tversky(Overlap):
    """1 - s / (s + alpha * sum(y_true * (1 - y_pred)) + beta * sum((1 - y_true) * y_pred) + 1e-7).

    s is sum(y_true * y_pred). With both factors 1/2 it is `Dice`.

    Shape: as in `Dice`.

    Args:
        alpha: how much it counts that y_true is missed.
        beta: how much it counts that y_pred is more than y_true.
        axis: as in `Dice`.

    Reference: Salehi et al. 2017, arXiv:1706.05721.

    >>> Tversky(alpha=0.3, beta=0.7)([[1, 1, 0, 0]], [[1.0, 0.0, 0.0, 0.0]]).__round__(4)
    0.2308
    """

    alpha: NonNegative = 0.5
    beta: NonNegative = 0.5
    axis: int | tuple[int, ...] | None = None

    _positional = ("alpha", "beta", "reduction", "name", "axis", "dtype")

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        """1 - Tversky's index of targets and predictions."""
        shared = self.sums(y_true * y_pred)
        missed, added = self.sums(y_true * (1 - y_pred)), self.sums((1 - y_true) * y_pred)
        return 1 - shared / (shared + self.alpha * missed + self.beta * added + epsilon())
