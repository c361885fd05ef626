"""Losses of probabilities, or of the logits they come from."""

from typing import Any, cast

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Array, BatchShape, fits
from nnlite.config import epsilon
from nnlite.errors import DataError, ShapeError
from nnlite.jacobians import Composed, Contraction, Diagonal, DiagonalPlusRankOne, SoftmaxJacobian
from nnlite.jacobians.maps.base import Jacobian
from nnlite.kernels import log_softmax, sigmoid, softplus
from nnlite.kernels.reference.forms import SIGMOID_CROSSENTROPY, SOFTMAX_CROSSENTROPY, SOFTMAX_OF_SHARES, LossForm
from nnlite.losses.base import Loss
from nnlite.ops.activations import Sigmoid, Softmax
from nnlite.ops.tape import active_tape
from nnlite.registry.bounds import Fraction

__all__ = ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"]


class BinaryCrossentropy(Loss, aliases=("bce",)):
    """-(y_true * log(p) + (1 - y_true) * log(1 - p)), mean over `axis`.

    Args:
        from_logits: p = sigmoid(y_pred) instead of p = y_pred; exact for all values. A model that ends in a
            sigmoid is trained on its logits without being told.
        label_smoothing: moves targets towards 1/2 by this fraction.
        axis: over which the mean is taken.

    >>> loss = BinaryCrossentropy(from_logits=True)
    >>> round(float(loss([[1.0], [0.0]], [[2.0], [-1.0]])), 4)
    0.2201
    >>> round(float(BinaryCrossentropy()([[1.0], [0.0]], [[0.8808], [0.2689]])), 4)
    0.2201
    """

    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    compares_numbers = True
    target_kind = "binary"
    link = Sigmoid

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        y_true = smoothed(y_true, self.label_smoothing, 2)
        share = 1 / y_pred.shape[-1]
        if self.from_logits:
            losses = y_true * softplus(-y_pred) + (1 - y_true) * softplus(y_pred)
            slopes = (1 - y_true) * sigmoid(y_pred) - y_true * sigmoid(-y_pred)
        else:
            p, inside = clipped_chances(y_pred)
            losses = -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))
            slopes = (p - y_true) / (p * (1 - p)) * inside
        return losses.mean(axis=-1), Contraction(slopes * share)

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray] | None:
        if not self.from_logits:
            return None
        return kernels.sigmoid_crossentropy(
            y_pred, smoothed(y_true, self.label_smoothing, 2), scale / y_pred.shape[-1], weights
        )

    def step_form(self) -> LossForm | None:
        return LossForm(SIGMOID_CROSSENTROPY, smoothing=self.label_smoothing, outcomes=2) if self.from_logits else None

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        y_true, share = smoothed(y_true, self.label_smoothing, 2), 1 / y_pred.shape[-1]
        if self.from_logits:
            p = sigmoid(y_pred)
            curvature = p * (1 - p)
        else:
            p, inside = clipped_chances(y_pred)
            curvature = (y_true / (p * p) + (1 - y_true) / ((1 - p) * (1 - p))) * inside
        return Diagonal(curvature * share, y_pred.shape, y_pred.shape)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return fractions(super().read_targets(targets, output_shape, dtype), self)


class CategoricalCrossentropy(Loss):
    """-sum(y_true * log(p)) over `axis`, y_true one-hot or a distribution.

    Args:
        from_logits: p = softmax(y_pred) instead of p = y_pred / sum(y_pred); exact for all values. A model that
            ends in a softmax is trained on its logits without being told.
        label_smoothing: moves targets towards the uniform distribution by this fraction.
        axis: that of the classes.

    >>> loss = CategoricalCrossentropy()
    >>> round(float(loss([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.25]])), 4)  # -log(0.5)
    0.6931
    """

    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    target_kind = "categorical"
    link = Softmax

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        y_true = smoothed(y_true, self.label_smoothing, y_true.shape[-1])
        if self.from_logits:
            log_p = log_softmax(y_pred)
            rows = _off_target(log_p, y_true)
        else:
            log_p, rows = _log_of_normalized(y_pred, y_true)
        return -(y_true * log_p).sum(axis=-1), Contraction(rows)

    def step_form(self) -> LossForm | None:
        form = LossForm(SOFTMAX_OF_SHARES, averages=False, smoothing=self.label_smoothing)
        return form if self.from_logits else None

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        y_true = smoothed(y_true, self.label_smoothing, y_true.shape[-1])
        if not self.from_logits:
            return _curvature_of_normalized(y_pred, y_true)
        total = y_true.sum(axis=-1, keepdims=True)
        p = np.exp(log_softmax(y_pred))
        return Composed(Diagonal(total, y_pred.shape, y_pred.shape), SoftmaxJacobian(p))

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return fractions(super().read_targets(targets, output_shape, dtype), self)


class SparseCategoricalCrossentropy(Loss):
    """-log(p[y_true]): categorical cross-entropy for class numbers instead of one-hot targets.

    Shape: y_true `(batch, ...)` or `(batch, ..., 1)`, integers in [0, units); y_pred `(batch, ..., units)`.

    Args:
        from_logits: p = softmax(y_pred) instead of p = y_pred / sum(y_pred), as in `CategoricalCrossentropy`.
        ignore_class: rows whose target is this number count neither in the sum nor in the number of rows.
        axis: that of the classes in `y_pred`.

    >>> loss = SparseCategoricalCrossentropy()
    >>> round(float(loss([1, 0], [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])), 4)  # -log(0.5) in both rows
    0.6931
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    _positional = ("from_logits", "ignore_class", "reduction", "axis", "name", "dtype")
    target_kind = "sparse"
    link = Softmax

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        units = y_pred.shape[-1]
        places = (np.arange(y_true.size), y_true.ravel())
        if self.from_logits:
            log_p = log_softmax(y_pred)
            rows = np.exp(log_p, order="C")  # so that reshape gives a view
            table, slopes = rows.reshape(-1, units), np.expm1(log_p.reshape(-1, units)[places])
            table[places] = slopes
        else:
            log_p, rows = _log_of_normalized(y_pred, _one_hot(y_true, y_pred))
        return -log_p.reshape(-1, units)[places].reshape(y_true.shape), Contraction(rows)

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray] | None:
        return kernels.softmax_crossentropy(y_pred, y_true, scale, weights) if self.from_logits else None

    def step_form(self) -> LossForm | None:
        fits = self.from_logits and self.ignore_class is None
        return LossForm(SOFTMAX_CROSSENTROPY, averages=False, by_class=True) if fits else None

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        if self.from_logits:
            return SoftmaxJacobian(np.exp(log_softmax(y_pred)))
        return _curvature_of_normalized(y_pred, _one_hot(y_true, y_pred))

    def linearize(
        self, y_true: np.ndarray, y_pred: Array, sample_weight: np.ndarray | None = None, mask: np.ndarray | None = None
    ) -> tuple[Any, Jacobian]:
        return super().linearize(*self._counted(y_true, y_pred, sample_weight, mask))

    def curvature(
        self,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> Jacobian:
        return super().curvature(*self._counted(y_true, y_pred, sample_weight, mask))

    def _counted(self, y_true, y_pred, sample_weight, mask):
        """The arguments, with those rows out of the mask whose class is ignored."""
        if self.ignore_class is None:
            return y_true, y_pred, sample_weight, mask
        counted = y_true != self.ignore_class
        both = counted if mask is None or mask.shape != counted.shape else counted & mask
        return np.where(counted, y_true, 0), y_pred, sample_weight, both

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        axis = self.axis % len(output_shape)
        classes_last = (*output_shape[:axis], *output_shape[axis + 1 :], output_shape[axis])
        return class_numbers(targets, classes_last, self, self.ignore_class)


def class_numbers(targets: np.ndarray, output_shape: BatchShape, loss: Loss, ignored: int | None = None) -> np.ndarray:
    """Targets as integers, one for each row of outputs: the index of an output, or the ignored class."""
    name = type(loss).__name__
    if targets.ndim == len(output_shape) and targets.shape[-1] == 1:
        targets = targets[..., 0]
    if not fits(targets.shape, output_shape[:-1]):
        raise ShapeError(
            f"{name} needs class numbers of shape {('batch', *output_shape[1:-1])}, "
            f"got {targets.shape}; one-hot targets go with CategoricalCrossentropy"
        )
    whole = whole_numbers(targets, name)
    units, known = cast(int, output_shape[-1]), whole if ignored is None else whole[whole != ignored]
    if known.size and not 0 <= known.min() <= known.max() < units:
        offender = known[(known < 0) | (known >= units)].flat[0]
        raise DataError(
            f"the targets hold class {offender}, but the model has {units} outputs: 0 to {units - 1}; "
            "the last layer needs one unit per class"
        )
    return whole


def whole_numbers(targets: np.ndarray, name: str) -> np.ndarray:
    """Targets as integers; `DataError` for other numbers."""
    with np.errstate(invalid="ignore"):
        whole = targets.astype(np.intp)
    if targets.dtype.kind == "f" and not np.array_equal(whole, targets):
        offender = targets[whole != targets].flat[0]
        raise DataError(f"{name} needs integers as targets, got {offender}")
    return whole


def smoothed(y_true: np.ndarray, share: float, classes: int) -> np.ndarray:
    """Targets blended with the uniform distribution over this many classes, by the fraction `share`."""
    return y_true * (1 - share) + share / classes if share else y_true


def clipped_chances(p: Array) -> tuple[np.ndarray, np.ndarray]:
    """p clipped to [epsilon(), 1 - epsilon()] as in Keras, and a mask of unclipped entries, 1 or 0."""
    inside = (p.real > epsilon()) & (p.real < 1 - epsilon())
    return np.where(inside, p, np.clip(p.real, epsilon(), 1 - epsilon()).astype(p.real.dtype)), inside


def _off_target(log_p, y_true):
    """p * sum(y_true) - y_true, where a target near the sum is compared with 1 - p, so that nothing cancels."""
    total = y_true.sum(axis=-1, keepdims=True)
    rows = np.exp(log_p) * total - y_true
    sure = y_true > 0.5 * total
    rows[sure] = (np.expm1(log_p) * total + (total - y_true))[sure]
    return rows


def _log_of_normalized(y_pred, y_true):
    """log(y_pred / sum(y_pred)), clipped, and the gradient rows of -sum(y_true * that) by y_pred."""
    total = y_pred.sum(axis=-1, keepdims=True)
    p, inside = clipped_chances(y_pred / total)
    slopes = -y_true / p * inside
    return np.log(p), (slopes - (slopes * p).sum(axis=-1, keepdims=True)) / total


def _curvature_of_normalized(y_pred, y_true):
    """The Hessian of -sum(y_true * log(y_pred / sum(y_pred))), clipped, by y_pred."""
    total = y_pred.sum(axis=-1, keepdims=True)
    counted = y_true * clipped_chances(y_pred / total)[1]
    weight = -counted.sum(axis=-1, keepdims=True) / (total * total)
    return DiagonalPlusRankOne(counted / (y_pred * y_pred), np.ones((), y_pred.dtype), weight)


def _one_hot(y_true, y_pred):
    one_hot = np.zeros(y_pred.shape, y_pred.real.dtype)
    one_hot.reshape(-1, y_pred.shape[-1])[np.arange(y_true.size), y_true.ravel()] = 1
    return one_hot


def fractions(targets: np.ndarray, loss: Loss) -> np.ndarray:
    """The targets, which must be in [0, 1], except in a user-defined training step, which may add noise to them."""
    if targets.size and active_tape() is None and not 0 <= targets.min() <= targets.max() <= 1:
        offender = targets[(targets < 0) | (targets > 1)].flat[0]
        raise DataError(f"{type(loss).__name__} needs targets in [0, 1], got {offender:g}")
    return targets
