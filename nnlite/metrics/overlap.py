"""Overlap metrics: intersection over union of the true and the predicted regions of a class."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any, ClassVar

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.metrics.base import Metric
from nnlite.metrics.state.variables import StateArray, weights_of_values
from nnlite.registry.bounds import Range

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class _Overlap(Metric, abstract=True):
    """Base of metrics of a confusion matrix of classes, rows being the true ones.

    `result` is the mean of `TP / (TP + FP + FN)` over those classes asked for that occur, 0 where none does.
    """

    higher_is_better = True
    _default_dtype = "int32"
    _names_subclasses = False
    _state = ("total_cm",)
    total_cm = StateArray()

    @property
    def _listed(self) -> dict[str, str]:
        return {"total_cm": "total_confusion_matrix"}

    def classes(self) -> int:
        """The number of classes."""
        raise NotImplementedError

    def chosen(self) -> Sequence[int]:
        """The classes whose mean is the result."""
        return range(self.classes())

    def reset_state(self) -> None:
        self.total_cm = np.zeros((self.classes(), self.classes()))

    def check_classes(self, asked: Sequence[int]) -> None:
        """`ConfigError` unless these are classes."""
        if any(not 0 <= number < self.classes() for number in asked):
            path = (type(self).__name__, "target_class_ids")
            raise ConfigError(f"must be in 0 to {self.classes() - 1}, got {asked}", path)

    def count(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any, ignored: int | None = None) -> None:
        """Add class numbers of one shape."""
        if y_true.shape != y_pred.shape or not y_true.ndim:
            shapes = f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}"
            raise ShapeError(f"{self.name}: {shapes}; they must be equal")
        counts = None
        if sample_weight is not None:
            counts = weights_of_values(self, sample_weight, y_true.shape).ravel().astype(np.float64)
        rows, columns, size = y_true.ravel(), y_pred.ravel(), self.classes()
        if ignored is not None:
            valid = rows != ignored
            rows, columns, counts = rows[valid], columns[valid], None if counts is None else counts[valid]
        for numbers in (rows, columns):
            if numbers.size and not 0 <= numbers.min() <= numbers.max() < size:
                stranger = numbers[(numbers < 0) | (numbers >= size)][0]
                raise DataError(f"{self.name}: there is a class {stranger:g}; the classes are 0 to {size - 1}")
        places = rows.astype(np.intp) * size + columns.astype(np.intp)
        added, state = np.bincount(places, counts, minlength=size * size), vars(self)
        state["total_cm"] = state["total_cm"] + added.reshape(size, size)

    def result(self) -> float:
        true = np.diag(self.total_cm)
        union = self.total_cm.sum(axis=0) + self.total_cm.sum(axis=1) - true
        chosen = [number for number in self.chosen() if union[number] > 0]
        return float(np.mean(true[chosen] / union[chosen])) if chosen else 0.0


class _OfClasses(_Overlap, abstract=True):
    """Overlap of classes given by number, or by scores along an axis."""

    num_classes: Annotated[int, Range(1, 10**5)]
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1

    def classes(self) -> int:
        return self.num_classes

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        true, predicted = np.asarray(y_true), np.asarray(y_pred)
        true = true if self.sparse_y_true or not true.ndim else true.argmax(self.axis)
        predicted = predicted if self.sparse_y_pred or not predicted.ndim else predicted.argmax(self.axis)
        for one, other in ((true, predicted), (predicted, true)):
            if one.shape == (*other.shape, 1):
                true, predicted = true.reshape(other.shape), predicted.reshape(other.shape)
        self.count(true, predicted, sample_weight, self.ignore_class)


class IoU(_OfClasses):
    """Mean of `TP / (TP + FP + FN)` over the chosen classes that occur.

    Shape: y_true and y_pred (batch, ...), class numbers, or with an axis of scores; sample_weight a number, (batch,),
    or any that broadcasts to (batch, ...).

    Args:
        num_classes: number of classes.
        target_class_ids: the classes whose mean is taken.
        ignore_class: a number in y_true whose places do not count.
        sparse_y_true, sparse_y_pred: whether these are class numbers; else one-hot, or scores.
        axis: that of the scores.

    >>> round(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 6)
    0.333333
    """

    _positional = (
        *("num_classes", "target_class_ids", "name", "dtype", "ignore_class"),
        *("sparse_y_true", "sparse_y_pred", "axis"),
    )
    target_class_ids: list[int] | None = None

    def validate(self) -> None:
        if self.target_class_ids is None:
            raise ConfigError("missing argument 'target_class_ids'").within(type(self).__name__)
        self.check_classes(self.target_class_ids)

    def chosen(self) -> Sequence[int]:
        return self.target_class_ids or ()


class MeanIoU(_OfClasses):
    """Mean of `TP / (TP + FP + FN)` over all classes that occur.

    Shape and arguments: those of `IoU`, without `target_class_ids`.

    >>> round(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 6)
    0.333333
    """

    _positional = ("num_classes", "name", "dtype", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


def _without_sparse_targets(self: Any) -> dict[str, Any]:
    """The arguments as plain values, without the one that one-hot targets leave no choice of."""
    return {name: value for name, value in Metric.get_config(self).items() if name != "sparse_y_true"}


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and scores.

    Shape and arguments: those of `IoU`.

    >>> round(OneHotIoU(3, [0, 2])([[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7],
    ...     [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]]), 6)
    0.166667
    """

    _positional = ("num_classes", "target_class_ids", "name", "dtype", "ignore_class", "sparse_y_pred", "axis")
    sparse_y_true: bool = False
    sparse_y_pred: bool = False
    get_config = _without_sparse_targets


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and scores.

    Shape and arguments: those of `IoU`, without `target_class_ids`.

    >>> round(OneHotMeanIoU(3)([[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7],
    ...     [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]]), 6)
    0.111111
    """

    _positional = ("num_classes", "name", "dtype", "ignore_class", "sparse_y_pred", "axis")
    sparse_y_true: bool = False
    sparse_y_pred: bool = False
    get_config = _without_sparse_targets


class BinaryIoU(_Overlap):
    """Mean of `TP / (TP + FP + FN)` over classes 0 and 1, or one of them, with predictions compared to a threshold.

    Shape: y_true and y_pred (batch, ...); sample_weight a number, (batch,), or any that broadcasts to these.

    Args:
        target_class_ids: the classes whose mean is taken, among 0 and 1.
        threshold: predictions at or above it are class 1.

    >>> round(BinaryIoU(target_class_ids=[0, 1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 6)
    0.333333
    """

    target_class_ids: list[int] = field(default_factory=lambda: [0, 1])
    threshold: float = 0.5

    def validate(self) -> None:
        self.check_classes(self.target_class_ids)

    num_classes: ClassVar[int] = 2

    def classes(self) -> int:
        return self.num_classes

    def chosen(self) -> Sequence[int]:
        return self.target_class_ids

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        true, predicted = self.aligned(y_true, y_pred)
        self.count(true.astype(np.intp), (predicted >= self.threshold).astype(np.intp), sample_weight)
