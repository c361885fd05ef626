"""Search of a learning rate that suits a model: a trial with growing rates, and its curve."""

from nnlite.training.rates.curve import LearningRateCurve
from nnlite.training.rates.search import find_learning_rate

__all__ = ["LearningRateCurve", "find_learning_rate"]
