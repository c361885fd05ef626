"""Scores of a multi-label classification: any number of labels per row."""

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.metrics.scores.classes import log_loss
from nnlite.metrics.scores.curves import roc_auc
from nnlite.metrics.scores.reading import as_matrix, as_weights, mean_of_defined, ratio

__all__ = ["label_table", "multilabel_scores"]

SCORES = ("subset_accuracy", "f1_macro", "f1_micro", "roc_auc", "log_loss")


def multilabel_scores(
    y: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
) -> dict[str, float]:
    """Subset accuracy, F1 (macro and micro), area under the ROC curve and log loss.

    Subset accuracy is the share of rows in which every label is right. Macro F1, ROC AUC and log loss are means
    over the labels for which they are defined; micro F1 counts all decisions of all labels together.

    Args:
        y: 0 or 1 for each label, shape (rows, labels).
        probabilities: of each label, shape (rows, labels).
        weights: weight of each row, >= 0.
        predictions: 0 or 1, where it is not whether the probability is above 1/2.

    Returns:
        `subset_accuracy f1_macro f1_micro roc_auc log_loss`; NaN where one is not defined, and all of them where a
        probability is NaN.
    """
    truth, p = as_matrix(y, "y") != 0, as_matrix(probabilities, "probabilities")
    chosen = p > 0.5 if predictions is None else as_matrix(predictions, "predictions") != 0
    if not truth.shape == p.shape == chosen.shape:
        raise ShapeError(f"y has shape {truth.shape}, probabilities {p.shape} and predictions {chosen.shape}")
    if np.isnan(p).any():
        return dict.fromkeys(SCORES, float("nan"))
    weight = as_weights(weights, len(truth))
    right, called, present = _label_counts(truth, chosen, weight)
    labels = range(truth.shape[1])
    return {
        "subset_accuracy": float(ratio(weight @ (truth == chosen).all(axis=1), weight.sum())),
        "f1_macro": mean_of_defined(ratio(2 * right, called + present)),
        "f1_micro": float(ratio(2 * right.sum(), (called + present).sum())),
        "roc_auc": mean_of_defined([roc_auc(truth[:, k], p[:, k], weight) for k in labels]),
        "log_loss": mean_of_defined([log_loss(truth[:, k], p[:, k], weight) for k in labels]),
    }


def label_table(y: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> dict[str, np.ndarray]:
    """`precision`, `recall`, `f1` and `support` of each label, shape (labels,); NaN where one is not defined.

    Shape: y and predictions (rows, labels), 0 or 1; weights (rows,).
    """
    truth, chosen = as_matrix(y, "y") != 0, as_matrix(predictions, "predictions") != 0
    right, called, present = _label_counts(truth, chosen, as_weights(weights, len(truth)))
    return {
        "precision": ratio(right, called),
        "recall": ratio(right, present),
        "f1": ratio(2 * right, called + present),
        "support": present,
    }


def _label_counts(truth: np.ndarray, chosen: np.ndarray, weight: np.ndarray) -> tuple:
    """Weight of the rows where each label is rightly given, is given, and is there."""
    return weight @ (truth & chosen), weight @ chosen, weight @ truth
