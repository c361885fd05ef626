"""Activation functions: what `activation="relu"` names."""

import math
from typing import ClassVar

import numpy as np

from nnlite import kernels
from nnlite.arrays.in_place import InPlace, relu_in_place, sigmoid_in_place, softmax_in_place, tanh_in_place
from nnlite.arrays.types import Array
from nnlite.jacobians import Diagonal, Identity, Jacobians, LogSoftmaxJacobian, SoftmaxJacobian
from nnlite.kernels import log_softmax, sigmoid, softplus
from nnlite.kernels.reference import dense
from nnlite.kernels.reference.dense import LINEAR, RELU, SIGMOID, TANH
from nnlite.ops.base import Op, from_right
from nnlite.ops.elementwise import elementwise
from nnlite.registry.field_types import NonNegative

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "ActivationFunction",
    "Exp",
    "HardSigmoid",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]


class ActivationFunction(Op, abstract=True):
    """A function of one array that keeps its shape. Piecewise ones branch on the real part of complex input.

    Attributes:
        keeps_order: true where the largest input is known to have the largest output, rounding included, so that a
            maximum may be taken first.
    """

    _family = "activation function"
    keeps_order: ClassVar[bool] = False
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {
        "kernel_code": ("linearize",),
        "keeps_order": ("linearize",),
        "in_place": ("linearize",),
    }

    def kernel_code(self) -> int | None:
        """The number by which compiled kernels know the function; None for one that they do not know."""
        return None

    def in_place(self, like: np.ndarray) -> InPlace:
        """The function as one that overwrites its argument, at most as large as `like`, and returns it."""

        def overwrite(x: np.ndarray) -> np.ndarray:
            x[...] = self.linearize(x)[0]
            return x

        return overwrite

    @property
    def by_element(self) -> bool:
        """Whether each output is a function of one input."""
        _, (by_input,) = self.linearize(np.zeros((1, 1)))
        return isinstance(by_input, Diagonal)

    @property
    def along_last_axis(self) -> bool:
        """Whether an output depends on nothing but inputs that differ from it in the last axis alone."""
        return True


class Linear(ActivationFunction):
    """y = x."""

    def kernel_code(self) -> int | None:
        return LINEAR

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return x, Jacobians(Identity(x.shape))


class ReLU(ActivationFunction):
    """y = max(x, 0); slope 1 where x > 0, else 0 (so 0 at 0).

    With the arguments: `max_value` where x >= max_value, x where threshold < x, else
    `negative_slope * (x - threshold)`.
    """

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
    """y = x where x > 0, else negative_slope * x. PyTorch's default slope is 0.01."""

    negative_slope: NonNegative = 0.2

    keeps_order = True

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        slopes = np.where(x.real > 0, np.ones((), x.real.dtype), np.asarray(self.negative_slope, x.real.dtype))
        return x * slopes, elementwise(slopes)


class ELU(ActivationFunction):
    """y = x where x > 0, else alpha * (exp(x) - 1). Reference: Clevert et al. 2016, arXiv:1511.07289."""

    alpha: float = 1.0

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        positive = x.real > 0
        below = self.alpha * np.expm1(np.where(positive, 0, x))
        return np.where(positive, x, below), elementwise(np.where(positive, np.ones((), x.dtype), below + self.alpha))


class SELU(ActivationFunction):
    """y = scale * ELU(x, alpha), scale 1.0507, alpha 1.6733: layers keep mean 0 and variance 1.

    Reference: Klambauer et al. 2017, arXiv:1706.02515.
    """

    def kernel_code(self) -> int | None:
        return dense.SELU

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        alpha, scale = 1.6732632423543772, 1.0507009873554805
        positive = x.real > 0
        below = scale * alpha * np.expm1(np.where(positive, 0, x))
        slopes = np.where(positive, np.full((), scale, x.dtype), below + scale * alpha)
        return np.where(positive, scale * x, below), elementwise(slopes)


class GELU(ActivationFunction):
    """y = x * Phi(x), Phi the normal distribution function; `approximate` uses a tanh in its place.

    Reference: Hendrycks & Gimpel 2016, arXiv:1606.08415.
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
    """y = x * sigmoid(x). Reference: Ramachandran et al. 2017, arXiv:1710.05941."""

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        gate = sigmoid(x)
        y = x * gate
        return y, elementwise(gate + y * (1 - gate))


class Sigmoid(ActivationFunction):
    """y = 1 / (1 + exp(-x)), dy/dx = y * (1 - y)."""

    keeps_order = True

    def kernel_code(self) -> int | None:
        return SIGMOID

    def in_place(self, like: np.ndarray) -> InPlace:
        return sigmoid_in_place

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = sigmoid(x)
        return y, elementwise(y * (1 - y))


class Tanh(ActivationFunction):
    """y = tanh(x), dy/dx = 1 - y ** 2."""

    keeps_order = True

    def kernel_code(self) -> int | None:
        return TANH

    def in_place(self, like: np.ndarray) -> InPlace:
        return tanh_in_place

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.tanh(x)
        return y, elementwise(1 - y * y)


class Softplus(ActivationFunction):
    """y = log(1 + exp(x)), dy/dx = sigmoid(x)."""

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return softplus(x), elementwise(sigmoid(x))


class Softsign(ActivationFunction):
    """y = x / (1 + |x|), dy/dx = 1 / (1 + |x|) ** 2."""

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        scale = 1 / (1 + x * np.sign(x.real))
        return x * scale, elementwise(scale * scale)


class HardSigmoid(ActivationFunction):
    """y = min(max(x + 3, 0), 6) / 6: slope 1/6 between -3 and 3."""

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        inside = (x.real > -3) & (x.real < 3)
        slopes = inside.astype(x.real.dtype) / 6
        return np.where(inside, x + 3, np.clip(x.real + 3, 0, 6)) / 6, elementwise(slopes)


class Exp(ActivationFunction, aliases=("exponential",)):
    """y = exp(x), dy/dx = y."""

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.exp(x)
        return y, elementwise(y)


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


def kernel_code(activation: ActivationFunction | None) -> int | None:
    """The number by which compiled kernels know `activation`, none being linear."""
    return LINEAR if activation is None else activation.kernel_code()
