"""Plain NumPy functions that ops are compared with."""

import math

import numpy as np


def logistic(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def mish(x):
    """x * tanh(softplus(x))."""
    return x * np.tanh(np.log(1 + np.exp(x)))


def erf(x):
    """The error function."""
    return np.vectorize(math.erf)(x)


def selu(x):
    """Scaled exponential linear units."""
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along `axis`."""
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)
