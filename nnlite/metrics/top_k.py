"""Fraction of labels among the k most probable classes."""

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.metrics.base import Average
from nnlite.registry.bounds import Count

__all__ = ["SparseTopKCategoricalAccuracy", "TopKCategoricalAccuracy"]


def labelled(metric: Average, y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers `(batch, ...)` and scores `(batch, ..., classes)`, or `ShapeError`."""
    labels, scores = np.asarray(y_true), np.asarray(y_pred)
    scores = np.moveaxis(scores, axis, -1) if scores.ndim else scores
    if labels.shape == (*scores.shape[:-1], 1):
        labels = labels[..., 0]
    if scores.ndim < 2 or labels.shape != scores.shape[:-1]:
        raise ShapeError(
            f"{metric.name}: y_true has shape {labels.shape} and y_pred {scores.shape}; they must be (batch, ...) and "
            "(batch, ..., classes)"
        )
    return labels, scores


class SparseTopKCategoricalAccuracy(Average):
    """Fraction of integer labels among the k largest predictions; ties count as included.

    Shape: y_true (batch, ...) or (batch, ..., 1); y_pred (batch, ..., classes); sample_weight a number, (batch,), or
    any that broadcasts to (batch, ...).

    Args:
        k: how many predictions are looked at.
        from_sorted_ids: whether y_pred holds class numbers, the most probable first, instead of scores.

    >>> SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5
    """

    higher_is_better = True
    adds_up = True
    takes_logits = True
    _positional = ("k", "name", "dtype", "from_sorted_ids")
    k: Count = 5
    from_sorted_ids: bool = False

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        labels, scores = labelled(self, y_true, y_pred)
        if self.from_sorted_ids:
            hits = (scores[..., : self.k] == labels[..., None]).any(axis=-1)
        else:
            hits = among_top(labels, scores, self.k)
        self.accumulate(hits, sample_weight)


class TopKCategoricalAccuracy(Average):
    """Fraction of one-hot labels among the k largest predictions; ties count as included.

    Shape: y_true and y_pred (batch, ..., classes); sample_weight a number, (batch,), or any that broadcasts to
    (batch, ...).

    Args:
        k: how many predictions are looked at.

    >>> TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5
    """

    higher_is_better = True
    adds_up = True
    takes_logits = True
    k: Count = 5

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if y_true.shape != y_pred.shape or y_true.ndim < 2:
            raise ShapeError(
                f"{self.name}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}; both must be "
                "(batch, ..., classes) and equal (labels as integers: SparseTopKCategoricalAccuracy)"
            )
        self.accumulate(among_top(y_true.argmax(-1), y_pred, self.k), sample_weight)


def among_top(labels: np.ndarray, scores: np.ndarray, k: int) -> np.ndarray:
    """Whether fewer than k scores are larger than that of the label, which must be finite."""
    places = np.clip(labels.astype(np.intp), 0, scores.shape[-1] - 1)
    score = np.take_along_axis(scores, places[..., None], -1)
    return ((scores > score).sum(axis=-1) < k) & np.isfinite(score[..., 0]) & (places == labels)
