"""Arithmetic circuits as scikit-learn estimators."""

from nnlite.estimators.circuits.estimators import *
