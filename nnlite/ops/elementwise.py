"""Elementwise functions of one array that are no activation functions."""

import numpy as np

from nnlite.jacobians import Diagonal, Jacobians
from nnlite.ops.base import Op

__all__ = ["Abs", "Cos", "Log", "Sin", "Sqrt"]


def elementwise(slopes) -> Jacobians:
    """The Jacobians of a function of one array with the same shape: diag(slopes)."""
    return Jacobians(Diagonal(slopes, slopes.shape, slopes.shape))


class Log(Op):
    """y = log(x), dy/dx = 1 / x."""

    def linearize(self, x):
        return np.log(x), elementwise(1 / x)


class Sqrt(Op):
    """y = sqrt(x), dy/dx = 1 / (2 y); infinite at 0."""

    def linearize(self, x):
        y = np.sqrt(x)
        with np.errstate(divide="ignore"):
            return y, elementwise(0.5 / y)


class Sin(Op):
    """y = sin(x), dy/dx = cos(x)."""

    def linearize(self, x):
        return np.sin(x), elementwise(np.cos(x))


class Cos(Op):
    """y = cos(x), dy/dx = -sin(x)."""

    def linearize(self, x):
        return np.cos(x), elementwise(-np.sin(x))


class Abs(Op):
    """y = |x|, dy/dx = sign(x), 0 at 0; for complex x the sign of the real part decides."""

    def linearize(self, x):
        sign = np.sign(x.real)
        return x * sign, elementwise(sign)
