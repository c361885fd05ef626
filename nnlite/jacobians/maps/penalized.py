"""The identity of values whose size is penalized, and the penalties of a whole step."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.jacobians.maps.base import Jacobian

if TYPE_CHECKING:
    from nnlite.regularizers import Regularizer

__all__ = ["Penalized", "add_penalties", "penalized_parts"]


class Penalized(Jacobian):
    """y = x, where the loss has the term `regularizer.penalty(x)` besides.

    The map is the identity. A training step that counts the term calls `add`, which lets the products of reverse mode
    gain the derivative of the term from then on: they are no longer linear, but what the step needs. Storage: x.
    """

    __slots__ = ("gradient", "regularizer", "values")

    def __init__(self, values: np.ndarray, regularizer: "Regularizer") -> None:
        super().__init__(values.shape, values.shape)
        self.values = values
        self.regularizer = regularizer
        self.gradient = None

    def add(self) -> None:
        """From now on the products of reverse mode include the derivative of the penalty."""
        self.gradient = np.zeros_like(self.values)
        self.regularizer.add_gradient(self.values, self.gradient)

    @property
    def penalty(self) -> float:
        """The term of the loss."""
        return self.regularizer.penalty(self.values)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return cotangent if self.gradient is None else cotangent + self.gradient

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return tangent


def penalized_parts(jacobians: Any) -> list[Penalized]:
    """The penalized maps among the parts of `jacobians`."""
    if isinstance(jacobians, Penalized):
        return [jacobians]
    return [found for _, part in jacobians.parts() for found in penalized_parts(part)]


def add_penalties(jacobians: Any) -> float:
    """Let the next product of reverse mode include all penalties; returns their sum."""
    found = penalized_parts(jacobians)
    for part in found:
        part.add()
    return sum(part.penalty for part in found)
