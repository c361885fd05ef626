"""Learning rate search: a trial run with growing rates, and its curve."""

from nnlite.training.rates.curve import LearningRateCurve
from nnlite.training.rates.search import find_learning_rate

__all__ = ["LearningRateCurve", "find_learning_rate"]
