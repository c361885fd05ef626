"""Prediction with as little as possible around the matrix products."""

from nnlite.inference.predictor import Predictor

__all__ = ["Predictor"]
