"""Metrics that are the mean of a loss: each has the formula of the loss with the same name."""

from typing import Any, ClassVar

import numpy as np

from nnlite import losses
from nnlite.arrays.types import ArrayLike
from nnlite.metrics.base import Average
from nnlite.metrics.state.variables import weights_of_values
from nnlite.metrics.top_k import labelled
from nnlite.registry.bounds import Fraction

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
]


class OfLoss(Average, abstract=True):
    """The mean of a loss over samples. A subclass defines `loss`."""

    higher_is_better = False
    adds_up = True
    compares_rows: ClassVar[bool] = False  # whether a single axis is one row, rather than rows of one number

    def loss(self) -> losses.Loss:
        """The loss, with one value per sample, or per step inside it."""
        raise NotImplementedError

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.add(*self.aligned(y_true, y_pred), sample_weight)

    def add(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> None:
        """Add a batch with matching shapes."""
        y_pred = y_pred.astype(np.float64)
        if y_pred.ndim == 1:
            new = (None, slice(None)) if self.compares_rows else (slice(None), None)
            y_true, y_pred = y_true[new], y_pred[new]
        self.accumulate(self.loss()(y_true, y_pred), sample_weight)


class MeanAbsolutePercentageError(OfLoss, aliases=("mape",)):
    """Mean of `100 * |y_true - y_pred| / max(|y_true|, 1e-7)`, in percent.

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(MeanAbsolutePercentageError()([[0, 1], [0, 1]], [[0, 1], [0, 0.5]]), 6)
    12.5
    """

    def loss(self) -> losses.Loss:
        return losses.MeanAbsolutePercentageError(reduction="none")


class MeanSquaredLogarithmicError(OfLoss, aliases=("msle",)):
    """Mean of `(log(1 + y_true) - log(1 + y_pred)) ** 2`, numbers below 1e-7 counting as 1e-7.

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(MeanSquaredLogarithmicError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.120113
    """

    def loss(self) -> losses.Loss:
        return losses.MeanSquaredLogarithmicError(reduction="none")


class LogCoshError(OfLoss):
    """Mean of `log(cosh(y_pred - y_true))`.

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(LogCoshError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.108445
    """

    _default_name = "logcosh"

    def loss(self) -> losses.Loss:
        return losses.LogCosh(reduction="none")


class Poisson(OfLoss):
    """Mean of `y_pred - y_true * log(y_pred + 1e-7)`: counts `y_true` at the rates `y_pred`.

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.5
    """

    def loss(self) -> losses.Loss:
        return losses.Poisson(reduction="none")


class Hinge(OfLoss):
    """Mean of `max(1 - y_true * y_pred, 0)`, y_true -1 or 1 (or 0 or 1).

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    1.3
    """

    def loss(self) -> losses.Loss:
        return losses.Hinge(reduction="none")


class SquaredHinge(OfLoss):
    """Mean of `max(1 - y_true * y_pred, 0) ** 2`, y_true -1 or 1 (or 0 or 1).

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    1.86
    """

    def loss(self) -> losses.Loss:
        return losses.SquaredHinge(reduction="none")


class CategoricalHinge(OfLoss):
    """Mean of `max(1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred), 0)`, y_true one-hot.

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(CategoricalHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    1.4
    """

    compares_rows = True

    def loss(self) -> losses.Loss:
        return losses.CategoricalHinge(reduction="none")


class KLDivergence(OfLoss, aliases=("kld",)):
    """Mean of `sum(y_true * log(y_true / y_pred))` over the last axis, both kept within [1e-7, 1].

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    >>> round(KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    0.458143
    """

    compares_rows = True

    def loss(self) -> losses.Loss:
        return losses.KLDivergence(reduction="none")


class CosineSimilarity(OfLoss):
    """Mean of the cosine of the angle between y_true and y_pred along `axis`: 1 for one direction, 0 for a right angle.

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    Args:
        axis: along which the vectors lie.

    >>> round(CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]), 6)
    0.5
    """

    higher_is_better = True
    _positional = ("name", "dtype", "axis")
    axis: int = -1

    def loss(self) -> losses.Loss:
        return losses.CosineSimilarity(reduction="none")

    def add(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> None:
        y_true, y_pred = (
            np.atleast_2d(np.moveaxis(values, self.axis, -1)) for values in (y_true, y_pred.astype(np.float64))
        )
        self.accumulate(-self.loss()(y_true, y_pred), sample_weight)


class BinaryCrossentropy(OfLoss, aliases=("bce",)):
    """Mean of `-(y_true * log(p) + (1 - y_true) * log(1 - p))`, p kept within [1e-7, 1 - 1e-7].

    Shape: y_true and y_pred (batch, ..., units); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    Args:
        from_logits: p = sigmoid(y_pred) instead of p = y_pred.
        label_smoothing: moves targets towards 1/2 by this fraction.

    >>> round(BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    0.814924
    """

    _positional = ("name", "dtype", "from_logits", "label_smoothing")
    from_logits: bool = False
    label_smoothing: Fraction = 0.0

    def loss(self) -> losses.Loss:
        return losses.BinaryCrossentropy(self.from_logits, self.label_smoothing, reduction="none")


class CategoricalCrossentropy(OfLoss):
    """Mean of `-sum(y_true * log(p))` over `axis`, y_true one-hot or a distribution, p kept within [1e-7, 1 - 1e-7].

    Shape: y_true and y_pred (batch, ..., classes); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    Args:
        from_logits: p = softmax(y_pred) instead of p = y_pred / sum(y_pred).
        label_smoothing: moves targets towards the uniform distribution by this fraction.
        axis: that of the classes.

    >>> round(CategoricalCrossentropy()([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]), 6)
    1.176939
    """

    _positional = ("name", "dtype", "from_logits", "label_smoothing", "axis")
    compares_rows = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    def loss(self) -> losses.Loss:
        return losses.CategoricalCrossentropy(self.from_logits, self.label_smoothing, reduction="none")

    def add(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> None:
        super().add(np.moveaxis(y_true, self.axis, -1), np.moveaxis(y_pred, self.axis, -1), sample_weight)


class SparseCategoricalCrossentropy(OfLoss):
    """Mean of `-log(p[y_true])`: categorical cross-entropy for class numbers.

    Shape: y_true (batch, ...) or (batch, ..., 1); y_pred (batch, ..., classes); sample_weight a number, (batch,), or
    any that broadcasts to (batch, ...).

    Args:
        from_logits: p = softmax(y_pred) instead of p = y_pred / sum(y_pred).
        ignore_class: targets whose loss is 0; they count, but where there are weights, as in Keras.
        axis: that of the classes.

    >>> round(SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]), 6)
    1.176939
    """

    _positional = ("name", "dtype", "from_logits", "ignore_class", "axis")
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    def loss(self) -> losses.Loss:
        return losses.SparseCategoricalCrossentropy(self.from_logits, self.ignore_class, reduction="none")

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        labels, predictions = labelled(self, y_true, y_pred, self.axis)
        if sample_weight is not None and self.ignore_class is not None:
            weights = weights_of_values(self, sample_weight, labels.shape)
            sample_weight = np.where(labels == self.ignore_class, 0.0, weights)
        self.add(labels, predictions, sample_weight)
