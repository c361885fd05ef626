"""Kernels in NumPy: stable for large arguments, and analytic, so that a complex step passes through them."""

import numpy as np


def magnitude(x):
    """|x|; for complex x the sign of the real part decides, which keeps the function analytic off zero."""
    return x * np.sign(x.real) if x.dtype.kind == "c" else np.abs(x)


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow, exact to rounding at both ends."""
    decay = np.exp(-magnitude(x))
    return np.where(x.real >= 0, np.ones((), decay.dtype), decay) / (1 + decay)


def softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-magnitude(x)))


def log_softmax(x, axis=-1):
    """x - log(sum(exp(x))) along `axis`; large numbers cancel before anything is rounded."""
    shifted = x - x.real.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def erf(x):
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""
    from scipy import special

    return special.erf(x)
