"""Metrics of curves: the area under it, and one rate subject to a bound on another."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import epsilon
from nnlite.errors import ConfigError, ShapeError
from nnlite.kernels import sigmoid
from nnlite.metrics.confusion import ConfusionMetric, given_thresholds, ratio
from nnlite.registry.bounds import Count, Fraction, Index, Range

__all__ = ["AUC", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]

Thresholds = Annotated[int, Range(1, 10**6)]


class AUC(ConfusionMetric):
    """Area under the ROC or the precision-recall curve, from counts at thresholds.

    Shape: y_true and y_pred (batch, ...), with multi_label (batch, labels); sample_weight a number, (batch,), or any
    that broadcasts to these.

    Args:
        num_thresholds: how many thresholds, evenly spread over [0, 1]; the area is exact up to the predictions that
            share a place between two of them.
        curve: "ROC", "PR", or "PRGAIN", precision and recall as gains over those of predicting all as positive.
        summation_method: "interpolation" (trapezoids; for "PR" Davis and Goadrich's), or "minoring" and "majoring",
            the lower and the upper sum.
        thresholds: in [0, 1], in place of `num_thresholds`; 0 and 1 are added.
        multi_label: whether the result is the mean of the areas of each label.
        num_labels: number of labels; by the first batch when None.
        label_weights: of each label in the mean; with multi_label False, of each label's predictions.
        from_logits: whether sigmoid makes probabilities of the predictions.

    Reference: Davis & Goadrich 2006, "The relationship between precision-recall and ROC curves"; Flach & Kull 2015,
    "Precision-recall-gain curves: PR analysis done right".

    >>> round(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]), 6)
    0.75
    """

    higher_is_better = True
    _positional = (
        *("num_thresholds", "curve", "summation_method", "name", "dtype", "thresholds"),
        *("multi_label", "num_labels", "label_weights", "from_logits"),
    )

    num_thresholds: Thresholds = 200
    curve: Literal["ROC", "PR", "PRGAIN", "roc", "pr", "prgain"] = "ROC"
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    thresholds: list[float] | None = None
    multi_label: bool = False
    num_labels: Count | None = None
    label_weights: list[float] | None = None
    from_logits: bool = False

    def validate(self) -> None:
        thresholds, self.curve = given_thresholds(self), cast(Any, self.curve.upper())
        if thresholds is None and self.num_thresholds < 2:
            raise ConfigError(f"must be 2 or more, got {self.num_thresholds}", (type(self).__name__, "num_thresholds"))
        if self.num_labels and not self.multi_label:
            raise ConfigError("is for multi_label=True", (type(self).__name__, "num_labels"))
        if any(not 0 <= threshold <= 1 for threshold in thresholds or ()):
            raise ConfigError(f"must be in [0, 1], got {thresholds}", (type(self).__name__, "thresholds"))
        if thresholds is not None:
            self.num_thresholds = len(self.limits())

    def limits(self) -> np.ndarray:
        thresholds = given_thresholds(self)
        inner = np.arange(1, self.num_thresholds - 1) / (self.num_thresholds - 1)
        if thresholds is not None:
            inner = np.sort(np.asarray(thresholds, float))
        return np.concatenate([[-epsilon()], inner, [1 + epsilon()]])

    def reset_state(self) -> None:
        told = [self.num_labels] if self.num_labels else []
        labels: list[Any] = [*np.shape(vars(self).get("true_positives", 0.0))[1:]] or told
        super().reset_state()
        if labels:
            for name in self._state:
                setattr(self, name, np.zeros((len(self.limits()), *labels)))

    @property
    def _known(self) -> list[str]:
        return [] if self.multi_label and self.true_positives.ndim == 1 else [*self._listed]  # by the number of labels

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = self.aligned(y_true, y_pred)
        if self.from_logits:
            y_pred = sigmoid(y_pred.astype(np.float64))
        if not self.multi_label:
            if self.label_weights is not None:
                columns = np.broadcast_to(self.label_weights, y_true.shape)
                rows = 1.0 if sample_weight is None else self.weights(sample_weight, len(y_true))[:, None]
                sample_weight = columns * rows
            self.count(y_true, y_pred, sample_weight)
            return
        if y_true.ndim != 2 or self.num_labels not in (None, y_true.shape[1]):
            wanted = self.num_labels or "labels"
            raise ShapeError(f"{self.name}: with multi_label, shapes must be (batch, {wanted}), got {y_true.shape}")
        before = [getattr(self, name) for name in self._state]
        counts = []
        for label in range(y_true.shape[1]):  # each label has states of its own
            super().reset_state()
            self.count(y_true[:, label], y_pred[:, label], sample_weight)
            counts.append([getattr(self, name) for name in self._state])
        for name, count, old in zip(self._state, np.stack(counts, axis=-1), before, strict=True):
            setattr(self, name, count + (old if old.ndim == 2 else 0.0))

    def result(self) -> float:
        positives = self.true_positives + self.false_negatives
        if not (positives + self.false_positives + self.true_negatives).any():
            return 0.0
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = self._interpolated()
        else:
            x, y = self._points()
            join = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum, "majoring": np.maximum}
            areas = ((x[:-1] - x[1:]) * join[self.summation_method](y[:-1], y[1:])).sum(axis=0)
        if not self.multi_label:
            return float(areas)
        return float(np.average(areas, weights=self.label_weights))

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        """The places and the heights of the curve at each threshold."""
        if self.curve == "ROC":
            return ratio(self.false_positives, self.false_positives + self.true_negatives), self.recalls
        if self.curve == "PR":
            return self.recalls, self.precisions
        odds = ratio(self.true_positives + self.false_negatives, self.true_negatives + self.false_positives)
        none = self.true_positives == 0
        recall = np.where(none, 0.0, 1.0 - odds * ratio(self.false_negatives, self.true_positives))
        precision = np.where(none, 1.0, 1.0 - odds * ratio(self.false_positives, self.true_positives))
        return np.maximum(recall, 0.0), precision

    def interpolate_pr_auc(self) -> np.ndarray:
        """The area under the precision-recall curve, or that of each label."""
        return self._interpolated()

    def _interpolated(self) -> np.ndarray:
        """The area under the precision-recall curve, on which true positives are interpolated, not precision."""
        true, chosen = self.true_positives, self.true_positives + self.false_positives
        gained = true[:-1] - true[1:]
        slope = ratio(gained, np.maximum(chosen[:-1] - chosen[1:], 0))
        intercept = true[1:] - slope * chosen[1:]
        both = (chosen[:-1] > 0) & (chosen[1:] > 0)
        growth = np.where(both, ratio(chosen[:-1], np.maximum(chosen[1:], 0)), 1.0)
        positives = (true + self.false_negatives)[1:]
        return ratio(slope * (gained + intercept * np.log(growth)), np.maximum(positives, 0)).sum(axis=0)


class _RateAtRate(ConfusionMetric, abstract=True):
    """The largest value of one rate at the thresholds where another is large enough; 0 where it is nowhere."""

    if TYPE_CHECKING:  # fields of the subclasses, whose first argument is a rate
        num_thresholds, class_id = cast(int, 200), cast("int | None", None)

    higher_is_better = True

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, ascending."""
        return self.in_use()

    def limits(self) -> np.ndarray:
        count = self.num_thresholds
        return np.array([0.5]) if count == 1 else np.array([0.0, *np.arange(1, count - 1) / (count - 1), 1.0])

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.count(y_true, y_pred, sample_weight, self.class_id)

    def best(self, rate: np.ndarray, other: np.ndarray, least: float) -> float:
        """The largest `rate` where `other >= least`."""
        counted = self.true_positives + self.false_negatives + self.false_positives + self.true_negatives
        allowed = rate[other >= least]
        return float(allowed.max()) if allowed.size and counted.any() else 0.0


class SensitivityAtSpecificity(_RateAtRate):
    """The largest sensitivity (recall) over thresholds at which the specificity is at least `specificity`.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        specificity: the least specificity, in [0, 1].
        num_thresholds: how many thresholds, evenly spread over [0, 1]; one is 0.5.
        class_id: the one class, of the last axis, that counts; all when None.

    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    specificity: Fraction
    num_thresholds: Thresholds = 200
    class_id: Index | None = None

    def result(self) -> float:
        return self.best(self.recalls, self.specificities, self.specificity)


class SpecificityAtSensitivity(_RateAtRate):
    """The largest specificity over thresholds at which the sensitivity (recall) is at least `sensitivity`.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        sensitivity: the least sensitivity (recall), in [0, 1].
        num_thresholds: how many thresholds, evenly spread over [0, 1]; one is 0.5.
        class_id: the one class, of the last axis, that counts; all when None.

    >>> SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.6666666666666666
    """

    sensitivity: Fraction
    num_thresholds: Thresholds = 200
    class_id: Index | None = None

    def result(self) -> float:
        return self.best(self.specificities, self.recalls, self.sensitivity)


class PrecisionAtRecall(_RateAtRate):
    """The largest precision over thresholds at which the recall is at least `recall`.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        recall: the least recall, in [0, 1].
        num_thresholds: how many thresholds, evenly spread over [0, 1]; one is 0.5.
        class_id: the one class, of the last axis, that counts; all when None.

    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    recall: Fraction
    num_thresholds: Thresholds = 200
    class_id: Index | None = None

    def result(self) -> float:
        return self.best(self.precisions, self.recalls, self.recall)


class RecallAtPrecision(_RateAtRate):
    """The largest recall over thresholds at which the precision is at least `precision`.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        precision: the least precision, in [0, 1].
        num_thresholds: how many thresholds, evenly spread over [0, 1]; one is 0.5.
        class_id: the one class, of the last axis, that counts; all when None.

    >>> RecallAtPrecision(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    1.0
    """

    precision: Fraction
    num_thresholds: Thresholds = 200
    class_id: Index | None = None

    def result(self) -> float:
        return self.best(self.recalls, self.precisions, self.precision)
