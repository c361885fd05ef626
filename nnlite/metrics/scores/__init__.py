"""Exact scores of whole vectors, weighted, in NumPy alone: the evaluation of trained models.

The definitions are scikit-learn's. A score that is not defined, such as the area under the ROC curve of rows that are
all of one class, is NaN; `undefined_scores` says why.
"""

from nnlite.metrics.scores.classes import *
from nnlite.metrics.scores.curves import *
from nnlite.metrics.scores.labels import *
from nnlite.metrics.scores.quantities import *
from nnlite.metrics.scores.thresholds import *
