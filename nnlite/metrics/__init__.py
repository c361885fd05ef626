"""Metrics: figures of merit that are gathered batch by batch, with Keras's names and formulas."""

from nnlite.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    resolve_accuracy,
)
from nnlite.metrics.base import Average, Mean, Metric
from nnlite.metrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError

__all__ = [
    "Accuracy",
    "Average",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "R2Score",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "resolve_accuracy",
]
