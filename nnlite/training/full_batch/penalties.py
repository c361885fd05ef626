"""The penalties of weights as functions of the vector of all parameters."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.regularizers import NormPenalty

__all__ = ["Penalties"]


class Penalties:
    """Terms that regularizers add to a loss.

    Args:
        regularized: `(regularizer, indices of its parameter's numbers in the vector)` for each.
        size: length of the vector.
    """

    def __init__(self, regularized: list[tuple[Any, np.ndarray]], size: int) -> None:
        self.regularized, self.size = regularized, size

    def _parts(self, point: Array) -> Iterator[tuple[Any, Array, np.ndarray]]:
        for regularizer, span in self.regularized:
            yield regularizer, point[span], span

    def value(self, point: Array) -> float:
        """Their sum."""
        return sum(float(regularizer.penalty(values)) for regularizer, values, _ in self._parts(point))

    def gradient(self, point: Array) -> Array:
        """Its gradient."""
        gradient = np.zeros(self.size)
        for regularizer, values, span in self._parts(point):
            slopes = np.zeros_like(values)
            regularizer.add_gradient(values, slopes)
            gradient[span] = slopes
        return gradient

    def curvature(self) -> Array:
        """The diagonal that L2 penalties add to the second derivative; the curvature of other penalties is left out."""
        bent = np.zeros(self.size)
        for regularizer, span in self.regularized:
            if isinstance(regularizer, NormPenalty):
                bent[span] = 2 * regularizer.l2
        return bent
