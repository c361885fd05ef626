"""Gates, sigmoid curves and the exponential function."""

import math

import numpy as np

from nnlite import kernels
from nnlite.arrays.in_place import InPlace, mish_in_place, sigmoid_in_place, tanh_in_place
from nnlite.arrays.types import Array
from nnlite.jacobians import Jacobians
from nnlite.kernels import magnitude, sigmoid, softplus
from nnlite.kernels.reference.dense import MISH, SIGMOID, TANH
from nnlite.ops.activations.base import ActivationFunction
from nnlite.ops.elementwise import elementwise
from nnlite.registry.bounds import Positive

__all__ = [
    "GELU",
    "Exp",
    "HardSigmoid",
    "LogSigmoid",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Squareplus",
    "Tanh",
    "TanhShrink",
]


class GELU(ActivationFunction):
    """y = x * Phi(x), Phi the normal distribution function; `approximate` replaces Phi by a tanh formula.

    Args:
        approximate: whether Phi(x) is 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).

    Reference: Hendrycks & Gimpel 2016, arXiv:1606.08415.

    >>> from nnlite.ops import GELU
    >>> GELU().forward([-1.0, 0.0, 2.0]).round(4).tolist()
    [-0.1587, 0.0, 1.9545]
    >>> GELU(approximate=True).forward([-1.0, 0.0, 2.0]).round(4).tolist()
    [-0.1588, 0.0, 1.9546]
    """

    approximate: bool = False

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        if self.approximate:
            inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
            half = 0.5 * (1 + np.tanh(inner))
            inner_slope = math.sqrt(2 / math.pi) * (1 + 0.134145 * x * x)
            return x * half, elementwise(half + 2 * x * half * (1 - half) * inner_slope)
        outputs, slopes = kernels.gelu(x)
        return outputs, elementwise(slopes)


class SiLU(ActivationFunction, aliases=("swish",)):
    """y = x * sigmoid(x). Reference: Ramachandran et al. 2017, arXiv:1710.05941.

    >>> from nnlite.ops import SiLU
    >>> SiLU().forward([-1.0, 0.0, 2.0]).round(4).tolist()
    [-0.2689, 0.0, 1.7616]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        gate = sigmoid(x)
        y = x * gate
        return y, elementwise(gate + y * (1 - gate))


class Mish(ActivationFunction):
    """y = x * tanh(softplus(x)): smooth, unbounded above, above -0.309; slope 0.6 at 0, below 0 where x < -1.192.

    dy/dx = t + x * (1 - t ** 2) * sigmoid(x), with t = tanh(softplus(x)).

    Reference: Misra 2019, arXiv:1908.08681.

    >>> from nnlite import ops
    >>> print(ops.mish([-1.0, 0.0, 1.0, 20.0]).round(4))
    [-0.3034  0.      0.8651 20.    ]
    """

    def kernel_code(self) -> int | None:
        return MISH

    def in_place(self, like: np.ndarray) -> InPlace:
        return mish_in_place

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs, slopes = kernels.mish(x)
        return outputs, elementwise(slopes)


class Sigmoid(ActivationFunction):
    """y = 1 / (1 + exp(-x)), dy/dx = y * (1 - y).

    >>> from nnlite.ops import Sigmoid
    >>> sigmoid = Sigmoid()
    >>> sigmoid.forward([-1000.0, 0.0, 1000.0]).tolist(), sigmoid.backward(1).tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.25, 0.0])
    """

    keeps_order = True

    def kernel_code(self) -> int | None:
        return SIGMOID

    def in_place(self, like: np.ndarray) -> InPlace:
        return sigmoid_in_place

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = sigmoid(x)
        return y, elementwise(y * (1 - y))


class Tanh(ActivationFunction):
    """y = tanh(x), dy/dx = 1 - y ** 2.

    >>> from nnlite.ops import Tanh
    >>> tanh = Tanh()
    >>> tanh.forward([0.0, 1.0]).round(4).tolist(), tanh.backward(1).round(4).tolist()
    ([0.0, 0.7616], [1.0, 0.42])
    """

    keeps_order = True

    def kernel_code(self) -> int | None:
        return TANH

    def in_place(self, like: np.ndarray) -> InPlace:
        return tanh_in_place

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.tanh(x)
        return y, elementwise(1 - y * y)


class Softplus(ActivationFunction):
    """y = log(1 + exp(x)), dy/dx = sigmoid(x).

    >>> from nnlite.ops import Softplus
    >>> Softplus().forward([-1000.0, 0.0, 1000.0]).round(4).tolist()
    [0.0, 0.6931, 1000.0]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return softplus(x), elementwise(sigmoid(x))


class LogSigmoid(ActivationFunction):
    """y = log(sigmoid(x)) = -log(1 + exp(-x)), dy/dx = sigmoid(-x).

    >>> from nnlite.ops import LogSigmoid
    >>> LogSigmoid().forward([-1000.0, 0.0]).round(4).tolist()
    [-1000.0, -0.6931]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return -softplus(-x), elementwise(sigmoid(-x))


class Squareplus(ActivationFunction):
    """y = (x + sqrt(x ** 2 + b)) / 2, dy/dx = y / sqrt(x ** 2 + b). Reference: Barron 2021, arXiv:2112.11687.

    Args:
        b: > 0, how far the bend at 0 reaches.

    >>> from nnlite.ops import Squareplus
    >>> Squareplus().forward([-1.5, 0.0, 1.5]).tolist()
    [0.5, 1.0, 2.0]
    """

    b: Positive = 4.0

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        root = np.sqrt(x * x + self.b) if x.dtype.kind == "c" else np.hypot(x, math.sqrt(self.b))
        above = (magnitude(x) + root) / 2  # nothing cancels: for x < 0, y is b / 4 divided by it
        y = np.where(x.real >= 0, above, self.b / 4 / above)
        return y, elementwise(y / root)


class TanhShrink(ActivationFunction):
    """y = x - tanh(x), dy/dx = tanh(x) ** 2.

    >>> from nnlite.ops import TanhShrink
    >>> TanhShrink().forward([0.0, 1.0]).round(4).tolist()
    [0.0, 0.2384]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        shrink = np.tanh(x)
        return x - shrink, elementwise(shrink * shrink)


class Softsign(ActivationFunction):
    """y = x / (1 + |x|), dy/dx = 1 / (1 + |x|) ** 2.

    >>> from nnlite.ops import Softsign
    >>> Softsign().forward([-3.0, 0.0, 1.0]).tolist()
    [-0.75, 0.0, 0.5]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        scale = 1 / (1 + x * np.sign(x.real))
        return x * scale, elementwise(scale * scale)


class HardSigmoid(ActivationFunction):
    """y = min(max(x + 3, 0), 6) / 6: slope 1/6 between -3 and 3.

    >>> from nnlite.ops import HardSigmoid
    >>> HardSigmoid().forward([-4.0, 0.0, 1.5, 4.0]).tolist()
    [0.0, 0.5, 0.75, 1.0]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        inside = (x.real > -3) & (x.real < 3)
        slopes = inside.astype(x.real.dtype) / 6
        return np.where(inside, x + 3, np.clip(x.real + 3, 0, 6)) / 6, elementwise(slopes)


class Exp(ActivationFunction, aliases=("exponential",)):
    """y = exp(x), dy/dx = y.

    >>> from nnlite.ops import Exp
    >>> Exp().forward([0.0, 1.0]).round(4).tolist()
    [1.0, 2.7183]
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.exp(x)
        return y, elementwise(y)
