"""What an activation function is, and the one that changes nothing."""

from typing import ClassVar

import numpy as np

from nnlite.arrays.in_place import InPlace
from nnlite.jacobians import Diagonal, Identity, Jacobians
from nnlite.kernels.reference.dense import LINEAR
from nnlite.ops.base import Op

__all__ = ["ActivationFunction", "Linear"]


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


def kernel_code(activation: ActivationFunction | None) -> int | None:
    """The number by which compiled kernels know `activation`, none being linear."""
    return LINEAR if activation is None else activation.kernel_code()
