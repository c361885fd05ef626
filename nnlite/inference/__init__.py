"""Prediction with as little as possible around the matrix products, and intervals around predictions."""

from nnlite.inference.conformal import ConformalIntervals
from nnlite.inference.predictor import Predictor

__all__ = ["ConformalIntervals", "Predictor"]
