"""The few array functions that several ops, layers and losses share."""

from nnlite.kernels.reference import erf, log_softmax, sigmoid, softplus

__all__ = ["erf", "log_softmax", "sigmoid", "softplus"]
