"""Classification metrics: how often the predicted class is correct."""

import warnings
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError, TrainingWarning
from nnlite.metrics.base import Average, Metric

__all__ = ["Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "resolve_accuracy"]


class Accuracy(Average, aliases=("acc",)):
    """Share of rows in which `y_pred` equals `y_true`: `mean(y_true == y_pred)`; for predicted labels, not
    probabilities.

    Shape: y_true and y_pred (batch, ...); sample_weight (batch,).

    >>> Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
    0.75
    """

    higher_is_better = True
    adds_up = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = self.aligned(y_true, y_pred)
        self.accumulate(y_true == y_pred, sample_weight)


class BinaryAccuracy(Average):
    """Share of binary labels that are predicted: `mean(y_true == (y_pred > threshold))`.

    Shape: y_true and y_pred (batch, ...); sample_weight (batch,).

    Args:
        threshold: predictions above it are class 1: 0.5 for probabilities, 0.0 for logits.

    >>> BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
    0.75
    """

    higher_is_better = True
    adds_up = True
    _positional = ("name", "dtype", "threshold")
    threshold: float = 0.5

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = self.aligned(y_true, y_pred)
        self.accumulate(y_true == (y_pred > self.threshold), sample_weight)


class CategoricalAccuracy(Average):
    """Share of one-hot labels that are predicted: `mean(argmax(y_true) == argmax(y_pred))`; logits serve as well.

    Shape: y_true and y_pred (batch, ..., classes); sample_weight (batch,).

    >>> CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5
    """

    higher_is_better = True
    adds_up = True
    takes_logits = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if y_true.shape != y_pred.shape or not y_true.ndim:
            raise ShapeError(
                f"{self.name}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}; both must be "
                "(batch, ..., classes) and equal (labels as integers: SparseCategoricalAccuracy)"
            )
        self.accumulate(np.atleast_1d(y_true.argmax(-1) == y_pred.argmax(-1)), sample_weight)


class SparseCategoricalAccuracy(Average):
    """Share of integer labels that are predicted: `mean(y_true == argmax(y_pred))`; logits serve as well.

    Shape: y_true (batch, ...) or (batch, ..., 1); y_pred (batch, ..., classes); sample_weight (batch,).

    >>> SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
    0.5
    """

    higher_is_better = True
    adds_up = True
    takes_logits = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        labels = y_pred.shape[:-1]
        if y_true.shape == (*labels, 1):
            y_true = y_true[..., 0]
        if y_true.shape != labels or not labels:
            raise ShapeError(
                f"{self.name}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}; they must be "
                "(batch, ...) and (batch, ..., classes) (one-hot labels: CategoricalAccuracy)"
            )
        self.accumulate(y_true == y_pred.argmax(-1), sample_weight)


def resolve_accuracy(loss: Any, output_shape: tuple, target_shape: tuple) -> Metric:
    """The metric that "accuracy" stands for, given a loss and its shapes; its name is "accuracy".

    Args:
        loss: its `target_kind` ("binary", "categorical", "sparse", "regression") decides, and its `from_logits`
            puts the threshold of binary labels at 0.0 instead of 0.5. For one of regression, for one of binary labels
            with several outputs, or without `target_kind`, such as a plain function, the shapes decide.
        output_shape: shape of the predictions; the batch axis counts, its size does not matter.
        target_shape: shape of the targets, likewise.

    Warns:
        TrainingWarning: a loss of nnlite for regression, beside which an accuracy says little; several binary labels,
            of which it compares the largest alone, as in Keras.
    """
    kind = getattr(loss, "target_kind", None) or "regression"
    threshold = 0.0 if getattr(loss, "from_logits", False) else 0.5
    if kind == "binary" and (by_shape := _kind_by_shape(output_shape, target_shape)) != kind:
        warnings.warn(
            f"'accuracy' of {output_shape[-1]} outputs is the share of rows whose largest output is right, beside any "
            f"loss; for the share of labels that are right use BinaryAccuracy(threshold={threshold})",
            TrainingWarning,
            stacklevel=2,
        )
        kind = by_shape
    elif kind == "regression":
        kind = _kind_by_shape(output_shape, target_shape)
        if type(loss).__module__.startswith("nnlite."):
            warnings.warn(
                f"'accuracy' goes with a classification loss, and {type(loss).__name__} is one of regression; use "
                "r2_score, mean_absolute_error or root_mean_squared_error, or a crossentropy as the loss",
                TrainingWarning,
                stacklevel=2,
            )
    if kind == "binary":
        return BinaryAccuracy(threshold=threshold, name="accuracy")
    if kind == "categorical":
        return CategoricalAccuracy(name="accuracy")
    return SparseCategoricalAccuracy(name="accuracy")


def _kind_by_shape(output_shape: tuple, target_shape: tuple) -> str:
    if output_shape[-1] == 1 or len(output_shape) == 1:
        return "binary"
    same_rank = len(target_shape) == len(output_shape)
    return "categorical" if same_rank and target_shape[-1] != 1 else "sparse"
