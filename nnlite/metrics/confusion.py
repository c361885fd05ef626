"""Metrics from a confusion matrix at thresholds: counts, precision and recall."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, ShapeError
from nnlite.metrics.base import Metric
from nnlite.metrics.state.variables import MetricVariable, StateArray, listed, weights_of_values
from nnlite.registry.bounds import Count, Index

__all__ = [
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]


def ratio(part: Any, whole: Any) -> np.ndarray:
    """`part / whole`, 0 where the whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)


class ThresholdList:
    """The attribute `thresholds`, as in Keras: a list of the thresholds in use, even if another type was given."""

    key: ClassVar[str] = "thresholds"

    def __get__(self, metric: Any, owner: type) -> Any:
        return self if metric is None else metric.in_use()

    def __set__(self, metric: Any, value: Any) -> None:
        vars(metric)[self.key] = value


def given_thresholds(metric: Any) -> Any:
    """The argument `thresholds` of a metric."""
    return vars(metric).get(ThresholdList.key)


class ConfusionMetric(Metric, abstract=True):
    """Base of metrics that count correctly and incorrectly predicted positives and negatives at several thresholds.

    Positive is what `y_true` has as nonzero, and predicted as positive what is greater than the threshold. States are
    arrays with one entry per threshold, or one for each threshold and label, in float64: counts stay exact.
    """

    _state = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    true_positives, false_positives = StateArray(), StateArray()
    true_negatives, false_negatives = StateArray(), StateArray()
    _names_subclasses = False
    _rounds = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if any(field.name == ThresholdList.key for field in dataclasses.fields(cls)):
            setattr(cls, ThresholdList.key, ThresholdList())  # after the fields' defaults were taken from the class

    def limits(self) -> np.ndarray:
        """The thresholds, ascending."""
        raise NotImplementedError

    def in_use(self) -> list[float]:
        """The thresholds in Keras's order."""
        return self.limits().tolist()

    def reset_state(self) -> None:
        shape = np.shape(self.limits())
        for name in self._state:
            setattr(self, name, np.zeros(shape))

    @property
    def recalls(self) -> np.ndarray:
        """TP / (TP + FN) at each threshold."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificities(self) -> np.ndarray:
        """TN / (TN + FP) at each threshold."""
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def precisions(self) -> np.ndarray:
        """TP / (TP + FP) at each threshold."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    def count(
        self, y_true: Any, y_pred: Any, sample_weight: Any, class_id: int | None = None, top_k: Any = None
    ) -> None:
        """Add a batch to the four states."""
        labels, predictions = self.aligned(y_true, y_pred)
        weights = None if sample_weight is None else weights_of_values(self, sample_weight, labels.shape)
        if top_k is not None:
            predictions = _only_top(predictions, top_k)
        if class_id is not None:
            if labels.ndim < 2:
                raise ShapeError(
                    f"{self.name}: class_id needs y_pred of shape (batch, classes), got {predictions.shape}"
                )
            if class_id >= labels.shape[-1]:
                raise ShapeError(f"{self.name}: class_id={class_id}, and y_pred has {labels.shape[-1]} classes")
            labels, predictions = labels[..., class_id], predictions[..., class_id]
            weights = None if weights is None else weights[..., class_id]
        self._add(labels.ravel() != 0, predictions.ravel(), None if weights is None else weights.ravel())

    def _add(self, positive: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None) -> None:
        limits = self.limits().astype(predictions.dtype if predictions.dtype.kind == "f" else np.float64)
        below = np.searchsorted(limits, predictions, side="left")  # how many thresholds are below each prediction
        below[np.isnan(predictions)] = 0
        above, all_of, counted = [], [], vars(self)
        for chosen in (positive, ~positive):
            part = None if weights is None else weights[chosen].astype(np.float64)
            counts = np.bincount(below[chosen], part, minlength=len(limits) + 1).astype(np.float64)
            all_of.append(counts.sum())
            above.append(counts[::-1].cumsum()[::-1][1:])
        counted["true_positives"] = counted["true_positives"] + above[0]
        counted["false_positives"] = counted["false_positives"] + above[1]
        counted["false_negatives"] = counted["false_negatives"] + (all_of[0] - above[0])
        counted["true_negatives"] = counted["true_negatives"] + (all_of[1] - above[1])


def _only_top(predictions: np.ndarray, top_k: int) -> np.ndarray:
    """Minus infinity in place of all but the largest `top_k` of each row, the first of equal ones."""
    if top_k > predictions.shape[-1]:
        raise ConfigError(f"top_k={top_k}, but there are {predictions.shape[-1]} classes")
    places = np.argsort(-predictions, axis=-1, kind="stable")[..., :top_k]
    kept = np.full(predictions.shape, -np.inf)
    np.put_along_axis(kept, places, np.take_along_axis(predictions, places, -1), -1)
    return kept


class AtThresholds(ConfusionMetric, abstract=True):
    """Base of confusion metrics with user-defined thresholds: a single one, or a list, which gives an array."""

    thresholds: float | list[float] | None = None

    def validate(self) -> None:
        thresholds = given_thresholds(self)
        if thresholds is not None and any(not 0 <= threshold <= 1 for threshold in self.in_use()):
            raise ConfigError(f"must be in [0, 1], got {thresholds}", (type(self).__name__, ThresholdList.key))

    @property
    def default_threshold(self) -> float:
        """The threshold when none is given."""
        return 0.5

    @property
    def init_thresholds(self) -> Any:
        """The argument `thresholds`."""
        return given_thresholds(self)

    def in_use(self) -> list[float]:
        thresholds = given_thresholds(self)
        return np.atleast_1d(np.asarray(self.default_threshold if thresholds is None else thresholds, float)).tolist()

    def limits(self) -> np.ndarray:
        return np.sort(self.in_use())

    def shown(self, values: np.ndarray) -> Any:
        """Values by ascending thresholds as the result: in the user's order, a single one as a number."""
        places = np.argsort(np.argsort(self.in_use(), kind="stable"), kind="stable")
        return values[places] if isinstance(given_thresholds(self), list) and len(values) > 1 else float(values[0])


class Counted(AtThresholds, abstract=True):
    """Base of the four counts."""

    counted: ClassVar[str]

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.count(y_true, y_pred, sample_weight)

    @property
    def _listed(self) -> dict[str, str]:
        return {self.counted: "accumulator"}

    @property
    def accumulator(self) -> MetricVariable:
        """The counts at the thresholds, ascending."""
        return listed(self, self.counted, "accumulator")

    def result(self) -> Any:
        return self.shown(getattr(self, self.counted))


class TruePositives(Counted):
    """Number, or weight, of positives predicted as positive.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        thresholds: predictions above are positive; one in [0, 1], 0.5 when None, or a list, which gives an array.

    >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """

    higher_is_better = True
    counted = "true_positives"


class FalsePositives(Counted):
    """Number, or weight, of negatives predicted as positive; arguments as for `TruePositives`.

    >>> FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1])
    2.0
    """

    higher_is_better = False
    counted = "false_positives"


class TrueNegatives(Counted):
    """Number, or weight, of negatives predicted as negative; arguments as for `TruePositives`.

    >>> TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
    2.0
    """

    higher_is_better = True
    counted = "true_negatives"


class FalseNegatives(Counted):
    """Number, or weight, of positives predicted as negative; arguments as for `TruePositives`.

    >>> FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
    2.0
    """

    higher_is_better = False
    counted = "false_negatives"


class _Share(AtThresholds, abstract=True):
    """Base of precision and recall."""

    top_k: Count | None = None
    class_id: Index | None = None

    higher_is_better = True

    @property
    def default_threshold(self) -> float:
        return -1e10 if self.top_k is not None else 0.5

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.count(y_true, y_pred, sample_weight, self.class_id, self.top_k)


class Precision(_Share):
    """Fraction of the predicted positives that are positive: `TP / (TP + FP)`, 0 if none is predicted.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        thresholds: predictions above are positive; one in [0, 1], 0.5 when None, or a list, which gives an array.
        top_k: only the largest k predictions of each row are positive, regardless of their values unless thresholds are
            given.
        class_id: the one class, of the last axis, that counts; all when None.

    >>> round(Precision()([0, 1, 1, 1], [1, 0, 1, 1]), 6)
    0.666667
    """

    @property
    def _listed(self) -> dict[str, str]:
        return {name: name for name in ("true_positives", "false_positives")}

    def result(self) -> Any:
        return self.shown(self.precisions)


class Recall(_Share):
    """Fraction of the positives that are predicted as positive: `TP / (TP + FN)`, 0 if there are none.

    Shape and arguments: those of `Precision`.

    >>> round(Recall()([0, 1, 1, 1], [1, 0, 1, 1]), 6)
    0.666667
    """

    @property
    def _listed(self) -> dict[str, str]:
        return {name: name for name in ("true_positives", "false_negatives")}

    def result(self) -> Any:
        return self.shown(self.recalls)
