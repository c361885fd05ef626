"""Maps that carry a term of the loss, and the terms of a whole step."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.jacobians.maps.base import Jacobian

if TYPE_CHECKING:
    from nnlite.regularizers import Regularizer

__all__ = ["AddedLoss", "Penalized", "add_penalties", "penalized_parts"]


class Penalized(Jacobian):
    """y = x, where the loss also has the term `regularizer.penalty(x) / batch`.

    The map is the identity. A training step that counts the term calls `add`, which lets the products of reverse mode
    gain the derivative of the term from then on: they are no longer linear, but what the step needs. Storage: x.
    """

    __slots__ = ("gradient", "regularizer", "values")

    def __init__(self, values: np.ndarray, regularizer: "Regularizer") -> None:
        super().__init__(values.shape, values.shape)
        # The square of a small integer may not fit its type.
        self.values = values.astype(np.float64) if values.dtype.kind in "biu" else values
        self.regularizer = regularizer
        self.gradient = None

    def add(self, share: float = 1.0) -> None:
        """From now on, include the derivative of `share` times the penalty in products of reverse mode."""
        gradient = np.zeros_like(self.values)
        self.regularizer.add_gradient(self.values, gradient)
        self.gradient = gradient / self.batch if share == 1 else gradient * (share / self.batch)

    @property
    def batch(self) -> int:
        """The number of examples, by which the penalty is divided."""
        return max(1, len(self.values))

    @property
    def penalty(self) -> float:
        """The term of the loss."""
        return self.regularizer.penalty(self.values) / self.batch

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return cotangent if self.gradient is None else cotangent + self.gradient

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return tangent


class AddedLoss(Jacobian):
    """The map of a layer's outputs with respect to `term`, whose sum is a further term of the loss: zero.

    As in a `Penalized`, `add` lets the products of reverse mode include the derivative of the loss, which is 1 for each
    entry of the term. Storage: the term.
    """

    __slots__ = ("added", "term")

    def __init__(self, term: np.ndarray, out_shape: Shape) -> None:
        super().__init__(term.shape, out_shape)
        self.term = term
        self.added = 0.0

    def add(self, share: float = 1.0) -> None:
        """From now on, include the derivative of `share` times the loss in products of reverse mode."""
        self.added = share

    @property
    def penalty(self) -> float:
        """The term of the loss."""
        return float(self.term.sum())

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        return np.full((*seeds, *self.in_shape), self.added, cotangent.dtype)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return np.zeros((*seeds, *self.out_shape), tangent.dtype)


def penalized_parts(jacobians: Any) -> list[Penalized | AddedLoss]:
    """The maps with a term of the loss among the parts of `jacobians`."""
    if isinstance(jacobians, (Penalized, AddedLoss)):
        return [jacobians]
    return [inner for _, part in jacobians.parts() for inner in penalized_parts(part)]


def add_penalties(jacobians: Any, share: float = 1.0) -> float:
    """Let the next product of reverse mode include all terms, times the fraction of the rows; returns their sum."""
    parts = penalized_parts(jacobians)
    for part in parts:
        part.add(share)
    return sum(part.penalty for part in parts) * share
