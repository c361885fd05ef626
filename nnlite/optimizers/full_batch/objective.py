"""The interface of the loss over all rows, as used by full-batch optimizers."""

from typing import Protocol

from nnlite.arrays.types import Array

__all__ = ["Objective"]


class Objective(Protocol):
    """The loss over all rows, penalties of parameters included, as a function of one float64 vector.

    Attributes:
        size: length of the vector: the number of trained parameters.
        residuals: number of single errors (rows times outputs that count), of a sum of squares.
        scale: what the loss multiplies the sum of squares by; 0 where it is not one.
        penalized: whether a parameter has a regularizer.
    """

    size: int

    @property
    def residuals(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def penalized(self) -> bool: ...

    def value(self, point: Array) -> float:
        """The loss."""
        ...

    def gradient(self, point: Array) -> tuple[float, Array]:
        """The loss and its gradient, `(size,)`."""
        ...

    def gauss_newton(self, point: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient and the generalized Gauss-Newton matrix `J' H J`, `(size, size)`."""
        ...

    def gauss_newton_product(self, point: Array, vector: Array) -> Array:
        """The generalized Gauss-Newton matrix times a vector."""
        ...

    def hessian_product(self, point: Array, vector: Array) -> Array:
        """The Hessian times a vector."""
        ...
