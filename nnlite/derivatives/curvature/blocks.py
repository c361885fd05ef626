"""The diagonal blocks of structured matrices."""

from typing import Protocol

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import DataError

__all__ = ["Block", "DenseBlock", "DiagonalBlock", "KroneckerBlock"]


class Block(Protocol):
    """A symmetric positive semidefinite matrix; vectors are `(count, size)`."""

    def product(self, vectors: Array) -> Array:
        """The matrix times each vector."""
        ...

    def solution(self, vectors: Array, damping: float) -> Array:
        """`(matrix + damping I)^-1` times each vector; `DataError` where that is singular."""
        ...

    def diagonal(self) -> Array:
        """The diagonal."""
        ...


class DenseBlock:
    """All entries."""

    def __init__(self, matrix: Array) -> None:
        self.matrix = matrix
        self._inverse: tuple[float, Array] | None = None  # of the Cholesky factor, with the damping

    def product(self, vectors: Array) -> Array:
        """The matrix times each vector."""
        return vectors @ self.matrix

    def solution(self, vectors: Array, damping: float) -> Array:
        """`(matrix + damping I)^-1` times each vector; for the same damping the matrix is factored once."""
        if self._inverse is None or self._inverse[0] != damping:
            damped = self.matrix.copy()
            damped.flat[:: len(damped) + 1] += damping
            try:
                factor = np.linalg.cholesky(damped)
            except np.linalg.LinAlgError:
                raise _singular(damping, self.diagonal()) from None
            self._inverse = damping, np.linalg.inv(factor)
        inverse = self._inverse[1]
        return (vectors @ inverse.T) @ inverse

    def diagonal(self) -> Array:
        """The diagonal."""
        return self.matrix.diagonal().copy()


class DiagonalBlock:
    """The diagonal alone."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def product(self, vectors: Array) -> Array:
        """The matrix times each vector."""
        return vectors * self.values

    def solution(self, vectors: Array, damping: float) -> Array:
        """`(matrix + damping I)^-1` times each vector."""
        damped = self.values + damping
        if not (damped > 0).all():
            raise _singular(damping, self.diagonal())
        return vectors / damped

    def diagonal(self) -> Array:
        """The diagonal."""
        return self.values.copy()


class KroneckerBlock:
    """The Kronecker product of `left (m, m)` and `right (n, n)`; a vector is a matrix `(m, n)`, row by row.

        product: left V right        solution: Ql ((Ql' V Qr) / (dl dr' + damping)) Qr'

    with the eigenvectors Q and the eigenvalues d of both. Storage and work are those of the factors.
    """

    def __init__(self, left: Array, right: Array) -> None:
        self.left, self.right = left, right

    def product(self, vectors: Array) -> Array:
        """The matrix times each vector."""
        return (self.left @ self._matrices(vectors) @ self.right).reshape(len(vectors), -1)

    def solution(self, vectors: Array, damping: float) -> Array:
        """`(matrix + damping I)^-1` times each vector."""
        (by_left, left), (by_right, right) = np.linalg.eigh(self.left), np.linalg.eigh(self.right)
        damped = np.outer(np.maximum(by_left, 0.0), np.maximum(by_right, 0.0)) + damping
        if damped.min() <= np.finfo(np.float64).eps * damped.max():
            raise _singular(damping, self.diagonal())
        turned = left.T @ self._matrices(vectors) @ right
        return (left @ (turned / damped) @ right.T).reshape(len(vectors), -1)

    def diagonal(self) -> Array:
        """The diagonal."""
        return np.outer(self.left.diagonal(), self.right.diagonal()).reshape(-1)

    def _matrices(self, vectors: Array) -> Array:
        return vectors.reshape(-1, len(self.left), len(self.right))


def _singular(damping: float, diagonal: Array) -> DataError:
    return DataError(
        f"the matrix is singular with damping={damping:g}: some combinations of the parameters have no effect on the "
        f"outputs; pass a larger damping, such as {1e-3 * diagonal.mean():.1e}"
    )
