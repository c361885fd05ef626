"""Plain NumPy functions that ops are compared with."""

import numpy as np


def logistic(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along `axis`."""
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)
