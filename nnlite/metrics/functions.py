"""Metrics as functions of targets and predictions, one value per sample, under Keras's names."""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import floatx
from nnlite.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from nnlite.metrics.base import Metric
from nnlite.metrics.top_k import among_top
from nnlite.registry.modules import of_family

__all__ = [
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> np.ndarray:
    """1 where `y_true == (y_pred > threshold)`, else 0. Shape of the result: that of the arguments."""
    return (np.asarray(y_true) == (np.asarray(y_pred) > threshold)).astype(floatx())


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
    """1 where the one-hot label has the largest prediction, else 0. Shape: `(batch, ..., classes) -> (batch, ...)`."""
    return (np.argmax(y_true, axis=-1) == np.argmax(y_pred, axis=-1)).astype(floatx())


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
    """1 where the integer label has the largest prediction, else 0. Shape of the result: `(batch, ...)`."""
    labels, scores = _labelled(y_true, y_pred)
    return (labels == scores.argmax(axis=-1)).astype(floatx())


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> np.ndarray:
    """1 where the one-hot label is among the k largest predictions, else 0. Shape of the result: `(batch, ...)`."""
    return among_top(np.argmax(y_true, axis=-1), np.asarray(y_pred), k).astype(floatx())


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> np.ndarray:
    """1 where the integer label is among the k largest predictions, else 0. Shape of the result: `(batch, ...)`.

    With `from_sorted_ids`, `y_pred` has the classes themselves, the most probable first, in place of scores.
    """
    labels, scores = _labelled(y_true, y_pred)
    if from_sorted_ids:
        return (scores[..., :k] == labels[..., None]).any(axis=-1).astype(floatx())
    return among_top(labels, scores, k).astype(floatx())


def _labelled(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(y_true), np.asarray(y_pred)
    return (labels[..., 0] if labels.shape == (*scores.shape[:-1], 1) else labels), scores


get_as_asked, serialize, deserialize = of_family(Metric, {})


def get(identifier: Any) -> Any:
    """The metric given by a name, a class, a config or an instance; a function is returned unchanged.

    One asked for by a short name has the name of its class; `compile` calls it by the short one.

    >>> get("mse").name, get(None)
    ('mean_squared_error', None)
    """
    metric = get_as_asked(identifier)
    if isinstance(identifier, str) and isinstance(metric, Metric):
        metric.name = metric.default_name()
    return metric
