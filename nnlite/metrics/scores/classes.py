"""Scores of a classification: one label per row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.rows import LazyRows, blocks, in_blocks
from nnlite.arrays.types import ArrayLike
from nnlite.metrics.scores.curves import average_precision, roc_auc
from nnlite.metrics.scores.reading import as_codes, as_probabilities, as_weights, mean_of_defined, ratio

__all__ = [
    "class_table",
    "classification_scores",
    "confusion_matrix",
    "f1",
    "log_loss",
    "undefined_scores",
]

SCORES = ("accuracy", "balanced_accuracy", "log_loss", "roc_auc", "average_precision", "f1")


def classification_scores(
    y: ArrayLike,
    probabilities: ArrayLike | LazyRows,
    weights: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
) -> dict[str, float]:
    """Accuracy, balanced accuracy, log loss, area under the ROC curve, average precision and F1.

    Of two classes the second is the positive one. Of more, ROC AUC and average precision are the mean over the
    classes, each against the rest, and F1 is the mean over the classes; a class for which a score is not defined is
    left out of its mean.

    Args:
        y: class numbers, shape (rows,).
        probabilities: shape (rows, classes), or (rows,) for that of the second of two classes; they may stay in a
            file, of which some rows, and then one column at a time, are read.
        weights: weight of each row, >= 0.
        predictions: class numbers, where they are not those of the highest probability.

    Returns:
        `accuracy balanced_accuracy log_loss roc_auc average_precision f1`; NaN where one is not defined, and all of
        them where a probability is NaN.

    >>> scores = classification_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8])
    >>> {name: round(score, 3) for name, score in scores.items() if name in ("accuracy", "roc_auc", "f1")}
    {'accuracy': 0.5, 'roc_auc': 0.75, 'f1': 0.5}
    """
    p = as_probabilities(probabilities)
    rows, classes = p.shape
    codes, weight = as_codes(y, rows, classes), None if weights is None else as_weights(weights, rows)
    if predictions is None:
        predictions = in_blocks(lambda some: some.argmax(axis=1), p)
    chosen = as_codes(predictions, rows, classes, "predictions")
    if any(np.isnan(p[some]).any() for some in blocks(p)):
        return dict.fromkeys(SCORES, float("nan"))
    matrix = confusion_matrix(codes, chosen, classes, weight)
    positive = [1] if classes == 2 else range(classes)
    occurs = matrix.sum(axis=1) > 0
    return {
        "accuracy": float(ratio(np.trace(matrix), matrix.sum())),
        "balanced_accuracy": mean_of_defined(ratio(matrix.diagonal(), matrix.sum(axis=1))),
        "log_loss": log_loss(codes, p, weight),
        "roc_auc": mean_of_defined([roc_auc(codes == k, _column(p, k), weight) for k in positive if occurs[k]]),
        "average_precision": mean_of_defined(
            [average_precision(codes == k, _column(p, k), weight) for k in positive if occurs[k]]
        ),
        "f1": mean_of_defined(f1(matrix)[positive]),
    }


def confusion_matrix(
    y: ArrayLike, predictions: ArrayLike, classes: int, weights: ArrayLike | None = None
) -> np.ndarray:
    """Weight of the rows of class i that are predicted as class j, at [i, j].

    Shape: y and predictions (rows,), class numbers in [0, classes); the result (classes, classes), of integers if
    there are no weights.
    """
    rows = len(np.asarray(y))
    codes, chosen = as_codes(y, rows, classes), as_codes(predictions, rows, classes, "predictions")
    weight = None if weights is None else as_weights(weights, rows)
    return np.bincount(codes * classes + chosen, weight, classes * classes).reshape(classes, classes)


def class_table(
    y: ArrayLike, predictions: ArrayLike, classes: int, weights: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """`precision`, `recall`, `f1` and `support` of each class, shape (classes,); NaN where one is not defined.

    Precision is the share of the rows taken for a class that are of it, recall the share of a class's rows that are
    taken for it, F1 = 2 * precision * recall / (precision + recall), and support the weight of the class's rows.
    """
    matrix = confusion_matrix(y, predictions, classes, weights)
    right, support = matrix.diagonal(), matrix.sum(axis=1)
    return {
        "precision": ratio(right, matrix.sum(axis=0)),
        "recall": ratio(right, support),
        "f1": f1(matrix),
        "support": support,
    }


def f1(matrix: np.ndarray) -> np.ndarray:
    """F1 of each class of a confusion matrix; NaN for a class that neither occurs nor is predicted."""
    return ratio(2 * matrix.diagonal(), matrix.sum(axis=0) + matrix.sum(axis=1))


def log_loss(y: ArrayLike, probabilities: ArrayLike | LazyRows, weights: ArrayLike | None = None) -> float:
    """`-mean(log(p))` for the probability p of the right class, >= 0; `log(classes)` for equal probabilities.

    Probabilities of 0 and 1 are moved by the smallest step of their type, so that the score is finite.

    Shape: y (rows,), probabilities (rows, classes) or (rows,), weights (rows,).
    """
    p = as_probabilities(probabilities)
    rows, classes = p.shape
    codes = as_codes(y, rows, classes)
    step = np.finfo(p.dtype).eps if p.dtype.kind == "f" else np.finfo(float).eps
    right = np.empty(rows)
    for some in blocks(p):
        inner = np.arange(some.stop - some.start)
        right[some] = np.clip(p[some][inner, codes[some]], step, 1 - step)
    logarithms = np.log(right, out=right)
    if weights is None:
        return float(ratio(0.0 - logarithms.sum(), rows))
    weight = as_weights(weights, rows)
    return float(ratio(0.0 - (weight * logarithms).sum(), weight.sum()))


def _column(p: Any, k: int) -> np.ndarray:
    """One column of probabilities, which may stay in a file."""
    return in_blocks(lambda some: some[:, k], p)


def undefined_scores(y: ArrayLike, labels: Sequence[object], weights: ArrayLike | None = None) -> dict[str, str]:
    """Reasons why scores of `classification_scores` are NaN, or leave classes out: score -> reason; empty if none is.

    Args:
        y: class numbers, shape (rows,).
        labels: what the classes are called.
        weights: weight of each row.
    """
    rows = len(np.asarray(y))
    codes = as_codes(y, rows, len(labels))
    occurs = np.bincount(codes, as_weights(weights, rows), len(labels)) > 0
    absent = [str(label) for label, present in zip(labels, occurs, strict=True) if not present]
    if not absent:
        return {}
    if len(absent) == len(labels):
        reason = "no row has a weight above 0"
        return dict.fromkeys(SCORES, reason)
    if len(labels) == 2:
        reason = f"no row is of class {absent[0]!r}"
        return dict.fromkeys(("roc_auc",) if occurs[1] else ("roc_auc", "average_precision"), reason)
    listed = ", ".join(map(repr, absent[:8])) + (", ..." if len(absent) > 8 else "")
    return dict.fromkeys(("balanced_accuracy", "roc_auc", "average_precision"), f"no row is of class {listed}")
