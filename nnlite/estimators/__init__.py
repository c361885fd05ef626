"""Neural networks as scikit-learn estimators."""

from nnlite.estimators.classifier import *
from nnlite.estimators.regressor import *
