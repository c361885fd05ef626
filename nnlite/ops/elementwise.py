"""Elementwise functions of one array that are not activation functions."""

import math

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.kernels import erf
from nnlite.ops.base import Op

__all__ = ["Abs", "Clip", "Cos", "Erf", "Expm1", "Log", "Log1p", "Sin", "Sqrt", "Square"]


def elementwise(slopes: np.ndarray) -> Jacobians:
    """The Jacobians of a function of one array with the same shape: diag(slopes)."""
    return Jacobians(Diagonal(slopes, slopes.shape, slopes.shape))


class Log(Op):
    """y = log(x), dy/dx = 1 / x.

    >>> from nnlite.ops import Log
    >>> op = Log()
    >>> op.forward([1.0, 4.0]).round(4).tolist(), op.backward(1).tolist()
    ([0.0, 1.3863], [1.0, 0.25])
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return np.log(x), elementwise(1 / x)


class Log1p(Op):
    """y = log(1 + x), exact near 0; dy/dx = 1 / (1 + x).

    >>> from nnlite.ops import Log1p
    >>> op = Log1p()
    >>> op.forward([0.0, 1.0]).round(4).tolist(), op.backward(1).tolist()
    ([0.0, 0.6931], [1.0, 0.5])
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return np.log1p(x), elementwise(1 / (1 + x))


class Expm1(Op):
    """y = exp(x) - 1, exact near 0; dy/dx = y + 1.

    >>> from nnlite.ops import Expm1
    >>> op = Expm1()
    >>> op.forward([0.0, 1e-12]).tolist()  # np.exp(1e-12) - 1 is 1.0000889e-12
    [0.0, 1.0000000000005e-12]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.expm1(x)
        return y, elementwise(y + 1)


class Square(Op):
    """y = x * x, dy/dx = 2 x.

    >>> from nnlite.ops import Square
    >>> op = Square()
    >>> op.forward([-2.0, 3.0]).tolist(), op.backward(1).tolist()
    ([4.0, 9.0], [-4.0, 6.0])
    """

    _keeps_integers, _widens = True, "b"

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return x * x, elementwise(2 * x)


class Sqrt(Op):
    """y = sqrt(x), dy/dx = 1 / (2 y); infinite at 0.

    >>> from nnlite.ops import Sqrt
    >>> op = Sqrt()
    >>> op.forward([4.0, 16.0]).tolist(), op.backward(1).tolist()
    ([2.0, 4.0], [0.25, 0.125])
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.sqrt(x)
        with np.errstate(divide="ignore"):
            return y, elementwise(0.5 / y)


class Sin(Op):
    """y = sin(x), dy/dx = cos(x).

    >>> import numpy as np
    >>> from nnlite.ops import Sin
    >>> op = Sin()
    >>> op.forward([0.0, np.pi / 2]).tolist(), op.backward(1).round(6).tolist()
    ([0.0, 1.0], [1.0, 0.0])
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return np.sin(x), elementwise(np.cos(x))


class Cos(Op):
    """y = cos(x), dy/dx = -sin(x).

    >>> import numpy as np
    >>> from nnlite.ops import Cos
    >>> op = Cos()
    >>> op.forward([0.0, np.pi / 2]).round(6).tolist(), op.backward(1).tolist()
    ([1.0, 0.0], [-0.0, -1.0])
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return np.cos(x), elementwise(-np.sin(x))


class Abs(Op):
    """y = |x|, dy/dx = sign(x), 0 at 0; for complex x the sign of the real part decides.

    >>> from nnlite.ops import Abs
    >>> op = Abs()
    >>> op.forward([-2.0, 0.0, 3.0]).tolist(), op.backward(1).tolist()
    ([2.0, 0.0, 3.0], [-1.0, 0.0, 1.0])
    """

    _keeps_integers = True

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        sign = np.sign(x.real)
        return x * sign, elementwise(sign)

    def _of_integers(self, x: np.ndarray) -> np.ndarray:
        return np.abs(x)


class Erf(Op):
    """y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x; dy/dx = 2 / sqrt(pi) * exp(-x^2).

    >>> from nnlite.ops import Erf
    >>> Erf().forward([0.0, 1.0, 3.0]).round(4).tolist()
    [0.0, 0.8427, 1.0]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return erf(x), elementwise(2 / math.sqrt(math.pi) * np.exp(-x * x))


class Clip(Op):
    """y = x within [x_min, x_max], else the nearer bound; slope 1 within, 0 at the bounds and beyond.

    Integers stay such between whole bounds.

    >>> from nnlite.ops import Clip
    >>> op = Clip(0.0, 1.0)
    >>> op.forward([-2.0, 0.5, 3.0]).tolist(), op.backward(1).tolist()
    ([0.0, 0.5, 1.0], [0.0, 1.0, 0.0])
    """

    x_min: float
    x_max: float

    @property
    def _keeps_integers(self) -> bool:  # type: ignore[override]
        return all(float(bound).is_integer() or np.isinf(bound) for bound in (self.x_min, self.x_max))

    def validate(self) -> None:
        if self.x_min > self.x_max:
            raise ConfigError(f"Clip needs x_min <= x_max, got {self.x_min} and {self.x_max}")

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        inside = (x.real > self.x_min) & (x.real < self.x_max)
        bounded = np.clip(x.real, self.x_min, self.x_max).astype(x.real.dtype, copy=False)
        return np.where(inside, x, bounded), elementwise(inside.astype(x.real.dtype))
