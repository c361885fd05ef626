"""Metrics as functions of targets and predictions, one value per sample, under Keras's names."""

import numpy as np

from nnlite.arrays.types import ArrayLike
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
    """Share of each row where `y_true == (y_pred > threshold)`. Shape: `(batch, ..., units) -> (batch, ...)`."""
    return (np.asarray(y_true) == (np.asarray(y_pred) > threshold)).mean(axis=-1)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
    """1 where the one-hot label has the largest prediction, else 0. Shape: `(batch, ..., classes) -> (batch, ...)`."""
    return (np.argmax(y_true, axis=-1) == np.argmax(y_pred, axis=-1)).astype(np.float64)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> np.ndarray:
    """1 where the integer label has the largest prediction, else 0. Shape of the result: `(batch, ...)`."""
    labels, scores = _labelled(y_true, y_pred)
    return (labels == scores.argmax(axis=-1)).astype(np.float64)


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> np.ndarray:
    """1 where the one-hot label is among the k largest predictions, else 0. Shape of the result: `(batch, ...)`."""
    return among_top(np.argmax(y_true, axis=-1), np.asarray(y_pred), k).astype(np.float64)


def sparse_top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> np.ndarray:
    """1 where the integer label is among the k largest predictions, else 0. Shape of the result: `(batch, ...)`."""
    labels, scores = _labelled(y_true, y_pred)
    return among_top(labels, scores, k).astype(np.float64)


def _labelled(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(y_true), np.asarray(y_pred)
    return (labels[..., 0] if labels.shape == (*scores.shape[:-1], 1) else labels), scores


get, serialize, deserialize = of_family(Metric)
