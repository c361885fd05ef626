"""The contract of a matrix of second derivatives with respect to the parameters."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.config import dense_limit
from nnlite.derivatives.curvature.lanczos import largest_eigenvalues
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import ParameterVector
from nnlite.jacobians.maps.base import readable_bytes

__all__ = ["Curvature"]


class Curvature(ABC):
    """A symmetric positive semidefinite matrix over the trained parameters, as a structured map.

    Vectors are laid out as everywhere in `model.derivatives`; a list of arrays, or a dict by name, does as well, and
    the result comes in the same form. Numbers are float64.

    Args:
        vector: how the parameters are laid end to end.
    """

    def __init__(self, vector: ParameterVector) -> None:
        self.vector, self.size = vector, vector.size

    @abstractmethod
    def _product(self, vectors: Array) -> Array:
        """The matrix times each of `(count, size)` vectors."""

    @abstractmethod
    def _solution(self, vectors: Array, damping: float) -> Array:
        """`(matrix + damping I)^-1` times each of `(count, size)` vectors."""

    @abstractmethod
    def diagonal(self) -> np.ndarray:
        """The diagonal, exactly. Shape: `(size,)`."""

    def vp(self, v: Any) -> Any:
        """The matrix times `v`. Shape: that of `v`, `(*seeds, size)`."""
        return self._mapped(v, "vp", self._product)

    def solve(self, v: Any, damping: float = 0.0) -> Any:
        """`(matrix + damping I)^-1 v`. Shape: that of `v`, `(*seeds, size)`.

        Raises:
            DataError: the damped matrix is singular.
            ConfigError: `damping` is negative.
        """
        if not damping >= 0:
            raise ConfigError(f"damping must be >= 0, got {damping!r}")
        return self._mapped(v, "solve", lambda vectors: self._solution(vectors, float(damping)))

    def todense(self) -> np.ndarray:
        """The dense matrix, `(size, size)`; `DataError` if it exceeds `nnlite.config.dense_limit()`."""
        check_dense(self.size)
        return self._product(np.eye(self.size))

    def trace(self) -> float:
        """The sum of the diagonal, exactly."""
        return float(self.diagonal().sum())

    def top_eigenvalues(self, count: int = 1, seed: int = 0) -> np.ndarray:
        """The largest eigenvalues by Lanczos's method, largest first: `count` of them, or all if there are fewer.

        Repeated eigenvalues are found with their multiplicity, each by a further start.

        Args:
            count: how many, >= 1.
            seed: draws the start vectors.
        """
        if count < 1:
            raise ConfigError(f"count must be >= 1, got {count!r}")
        return largest_eigenvalues(lambda vector: self._product(vector[None])[0], self.size, count, seed)

    def _mapped(self, v: Any, method: str, mapped: Any) -> Any:
        vectors = self.vector.read(v, method).astype(np.float64, copy=False)
        result = mapped(vectors.reshape(-1, self.size)).reshape(vectors.shape)
        return self.vector.like(v, result)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size} by {self.size})"


def check_dense(size: int, way: str = 'structure="kfac", "diagonal", "block" or "matrix_free"') -> None:
    """`DataError` if a square matrix of that size exceeds the limit; `way` is what can be taken in its place."""
    nbytes = 8 * size * size
    if nbytes > dense_limit():
        raise DataError(
            f"the matrix of {size:,} by {size:,} parameters takes {readable_bytes(nbytes)}, the limit is "
            f"{readable_bytes(dense_limit())}: take {way}, or raise the limit with "
            "nnlite.config.set_dense_limit(bytes)"
        )
