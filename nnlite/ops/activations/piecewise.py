"""Piecewise activation functions; at a kink, the slope is that of the flatter piece."""

import numpy as np

from nnlite.arrays.types import Array
from nnlite.jacobians import Jacobians
from nnlite.ops.activations.base import ActivationFunction
from nnlite.ops.elementwise import elementwise
from nnlite.registry.bounds import NonNegative

__all__ = ["HardShrink", "HardSiLU", "HardTanh", "ReLU6", "SoftShrink", "SparsePlus", "SparseSigmoid", "Threshold"]


def _bounded(x: Array, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """x within [low, high], else the nearer bound; and the slope, 0 from the bounds on."""
    inside = ((x.real > low) & (x.real < high)).astype(x.real.dtype)
    bounded = np.clip(x.real, low, high).astype(x.real.dtype, copy=False)
    return (bounded + 1j * (x.imag * inside) if x.dtype.kind == "c" else bounded), inside


class HardTanh(ActivationFunction):
    """y = min(max(x, -1), 1): slope 1 between -1 and 1.

    >>> from nnlite.ops import HardTanh
    >>> HardTanh().forward([-2.0, 0.5, 3.0]).tolist()
    [-1.0, 0.5, 1.0]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        y, slopes = _bounded(x, -1, 1)
        return y, elementwise(slopes)


class ReLU6(ActivationFunction):
    """y = min(max(x, 0), 6): slope 1 between 0 and 6.

    >>> from nnlite.ops import ReLU6
    >>> ReLU6().forward([-2.0, 0.5, 9.0]).tolist()
    [0.0, 0.5, 6.0]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        y, slopes = _bounded(x, 0, 6)
        return y, elementwise(slopes)


class HardSiLU(ActivationFunction, aliases=("hard_swish",)):
    """y = x * min(max(x + 3, 0), 6) / 6. Reference: Howard et al. 2019, arXiv:1905.02244.

    >>> from nnlite.ops import HardSiLU
    >>> HardSiLU().forward([-4.0, -1.5, 0.0, 3.0]).tolist()
    [-0.0, -0.375, 0.0, 3.0]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        gate, slopes = _bounded(x + 3, 0, 6)
        gate /= 6
        return x * gate, elementwise(gate + x * slopes / 6)


class HardShrink(ActivationFunction):
    """y = x where |x| > threshold, else 0.

    Args:
        threshold: inputs up to this absolute value become 0, >= 0.

    >>> from nnlite.ops import HardShrink
    >>> HardShrink(threshold=0.5).forward([-2.0, 0.25, 1.0]).tolist()
    [-2.0, 0.0, 1.0]
    """

    threshold: NonNegative = 0.5

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        slopes = (np.abs(x.real) > self.threshold).astype(x.real.dtype)
        return x * slopes, elementwise(slopes)


class SoftShrink(ActivationFunction):
    """y = x - threshold where x > threshold, x + threshold where x < -threshold, else 0.

    Args:
        threshold: amount by which inputs are drawn towards 0, >= 0.

    >>> from nnlite.ops import SoftShrink
    >>> SoftShrink(threshold=0.5).forward([-2.0, 0.25, 1.0]).tolist()
    [-1.5, -0.0, 0.5]
    """

    threshold: NonNegative = 0.5

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        slopes = (np.abs(x.real) > self.threshold).astype(x.real.dtype)
        return (x - self.threshold * np.sign(x.real)) * slopes, elementwise(slopes)


class SparsePlus(ActivationFunction):
    """y = 0 where x <= -1, (x + 1) ** 2 / 4 between -1 and 1, x where x >= 1.

    >>> from nnlite.ops import SparsePlus
    >>> SparsePlus().forward([-2.0, 0.0, 1.0, 3.0]).tolist()
    [0.0, 0.25, 1.0, 3.0]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        bounded, _ = _bounded(x, -1, 1)
        slopes = (bounded + 1) / 2
        return slopes * slopes + (x - bounded) * (x.real >= 1), elementwise(slopes)


class SparseSigmoid(ActivationFunction):
    """y = 0 where x <= -1, (x + 1) / 2 between -1 and 1, 1 where x >= 1.

    >>> from nnlite.ops import SparseSigmoid
    >>> SparseSigmoid().forward([-2.0, 0.0, 0.5, 3.0]).tolist()
    [0.0, 0.5, 0.75, 1.0]
    """

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        bounded, inside = _bounded(x, -1, 1)
        return (bounded + 1) / 2, elementwise(inside / 2)


class Threshold(ActivationFunction):
    """y = x where x > threshold, else default_value.

    Args:
        threshold: inputs up to it are replaced.
        default_value: number that replaces them.

    >>> from nnlite.ops import Threshold
    >>> Threshold(1.0, -5.0).forward([0.5, 2.0]).tolist()
    [-5.0, 2.0]
    """

    threshold: float
    default_value: float

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        above = x.real > self.threshold
        return np.where(above, x, np.asarray(self.default_value, x.dtype)), elementwise(above.astype(x.real.dtype))
