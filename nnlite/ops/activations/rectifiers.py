"""Activation functions with a kink at 0 that are linear above it."""

from typing import ClassVar

import numpy as np

from nnlite import kernels
from nnlite.arrays.in_place import InPlace, elu_in_place, relu_in_place
from nnlite.arrays.types import Array
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.kernels.reference import dense
from nnlite.kernels.reference.dense import RELU
from nnlite.ops.activations.base import ActivationFunction
from nnlite.ops.elementwise import elementwise
from nnlite.registry.bounds import NonNegative, Positive

__all__ = ["CELU", "ELU", "SELU", "LeakyReLU", "ReLU"]


class ReLU(ActivationFunction):
    """y = max(x, 0); slope 1 where x > 0, else 0 (so 0 at 0).

    With the arguments: `max_value` where x >= max_value, x where threshold < x, else
    `negative_slope * (x - threshold)`.

    Args:
        max_value: largest output, >= 0; None for no bound.
        negative_slope: slope below the threshold, >= 0.
        threshold: inputs up to it count as below, >= 0.

    >>> from nnlite.ops import ReLU
    >>> relu = ReLU()
    >>> relu.forward([-2.0, 0.0, 3.0]).tolist(), relu.backward(1).tolist()
    ([0.0, 0.0, 3.0], [0.0, 0.0, 1.0])
    """

    _keeps_integers = True

    negative_slope: NonNegative = 0.0
    max_value: NonNegative | None = None
    threshold: NonNegative = 0.0

    keeps_order = True

    def kernel_code(self) -> int | None:
        plain = self.threshold == 0 and self.negative_slope == 0 and self.max_value is None
        return RELU if plain else None

    def in_place(self, like: np.ndarray) -> InPlace:
        if self.kernel_code() is None:
            return super().in_place(like)
        return relu_in_place(like)

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        if self.threshold == 0 and self.negative_slope == 0:
            y: Array
            y, slopes = kernels.relu(x)
        else:
            above = x.real > self.threshold
            slopes = np.where(above, np.ones((), x.real.dtype), np.asarray(self.negative_slope, x.real.dtype))
            y = np.where(above, x, (x - self.threshold) * slopes)
        if self.max_value is not None:
            below = y.real < self.max_value
            y, slopes = np.where(below, y, np.minimum(y.real, self.max_value)), slopes * below
        return y, Jacobians(Diagonal(slopes, x.shape, x.shape))


class LeakyReLU(ActivationFunction):
    """y = x where x > 0, else negative_slope * x. PyTorch's default slope is 0.01.

    Args:
        negative_slope: slope where x <= 0, >= 0.

    >>> from nnlite.ops import LeakyReLU
    >>> LeakyReLU(negative_slope=0.25).forward([-2.0, 1.0]).tolist()
    [-0.5, 1.0]
    """

    negative_slope: NonNegative = 0.2

    keeps_order = True

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        slopes = np.where(x.real > 0, np.ones((), x.real.dtype), np.asarray(self.negative_slope, x.real.dtype))
        return x * slopes, elementwise(slopes)


class ELU(ActivationFunction):
    """y = x where x > 0, else alpha * (exp(x) - 1). Reference: Clevert et al. 2016, arXiv:1511.07289.

    Args:
        alpha: the outputs of negative inputs tend to -alpha.

    >>> from nnlite.ops import ELU
    >>> ELU().forward([-1.0, 0.0, 1.0]).round(4).tolist()
    [-0.6321, 0.0, 1.0]
    """

    alpha: float = 1.0

    def in_place(self, like: np.ndarray) -> InPlace:
        return elu_in_place(1.0, self.alpha)

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs, slopes = kernels.elu(x, 1.0, self.alpha)
        return outputs, elementwise(slopes)


class CELU(ActivationFunction):
    """y = x where x > 0, else alpha * (exp(x / alpha) - 1): slope 1 at 0. Reference: Barron 2017, arXiv:1704.07483.

    Args:
        alpha: the outputs of negative inputs tend to -alpha, > 0.

    >>> from nnlite.ops import CELU
    >>> CELU(alpha=2.0).forward([-2.0, 0.0, 1.0]).round(4).tolist()
    [-1.2642, 0.0, 1.0]
    """

    alpha: Positive = 1.0

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs, slopes = kernels.elu(x / self.alpha, 1.0, 1.0)
        outputs *= self.alpha
        return outputs, elementwise(slopes)


class SELU(ActivationFunction):
    """y = scale * ELU(x, alpha), scale 1.0507, alpha 1.6733: layers keep mean 0 and variance 1.

    Reference: Klambauer et al. 2017, arXiv:1706.02515.

    >>> from nnlite.ops import SELU
    >>> SELU().forward([-1.0, 0.0, 1.0]).round(4).tolist()
    [-1.1113, 0.0, 1.0507]
    """

    alpha: ClassVar[float] = 1.6732632423543772
    scale: ClassVar[float] = 1.0507009873554805

    def kernel_code(self) -> int | None:
        return dense.SELU

    def in_place(self, like: np.ndarray) -> InPlace:
        return elu_in_place(self.scale, self.alpha)

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs, slopes = kernels.elu(x, self.scale, self.alpha)
        return outputs, elementwise(slopes)
