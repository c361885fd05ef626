"""Prediction with minimal overhead around the matrix products, and prediction intervals."""

from nnlite.inference.conformal import ConformalIntervals
from nnlite.inference.predictor import Predictor

__all__ = ["ConformalIntervals", "Predictor"]
