"""scikit-learn's multi-layer perceptrons, computed by nnlite."""

from nnlite.estimators.mlp.classifier import *
from nnlite.estimators.mlp.regressor import *
