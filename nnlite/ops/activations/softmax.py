"""Activation functions of whole rows: probabilities and their logarithms."""

import numpy as np

from nnlite.arrays.in_place import InPlace, softmax_in_place
from nnlite.arrays.types import Array
from nnlite.jacobians import Jacobians, LogSoftmaxJacobian, SoftmaxJacobian
from nnlite.kernels import log_softmax
from nnlite.ops.activations.base import ActivationFunction
from nnlite.ops.base import from_right

__all__ = ["LogSoftmax", "Softmax"]


class Softmax(ActivationFunction):
    """p = exp(x) / sum(exp(x)) along `axis`; J = diag(p) - p p'."""

    axis: int = -1

    @property
    def along_last_axis(self) -> bool:
        return self.axis == -1

    def in_place(self, like: np.ndarray) -> InPlace:
        return softmax_in_place if self.along_last_axis else super().in_place(like)

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        axis = from_right(self.axis, x.ndim)
        p = np.exp(x - x.real.max(axis=axis, keepdims=True))
        p /= p.sum(axis=axis, keepdims=True)
        return p, Jacobians(SoftmaxJacobian(p, axis))


class LogSoftmax(ActivationFunction):
    """y = x - log(sum(exp(x))) along `axis`; J = I - 1 p'."""

    axis: int = -1

    @property
    def along_last_axis(self) -> bool:
        return self.axis == -1

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        axis = from_right(self.axis, x.ndim)
        y = log_softmax(x, axis)
        return y, Jacobians(LogSoftmaxJacobian(np.exp(y), axis))
