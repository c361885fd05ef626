"""Structured matrices over all parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.derivatives.curvature.base import Curvature
from nnlite.derivatives.curvature.blocks import Block
from nnlite.errors import DataError
from nnlite.jacobians import ParameterVector
from nnlite.optimizers.full_batch.conjugate_gradients import conjugate_gradients

__all__ = ["BlockCurvature", "MatrixFreeCurvature"]

CG_TOLERANCE = 1e-12
CG_FACTOR = 10  # products of a solution, in units of the number of parameters


class BlockCurvature(Curvature):
    """Blocks on the diagonal, zero elsewhere; a single block of all parameters is the whole matrix.

    Args:
        vector: how the parameters are laid end to end.
        blocks: `(numbers of its parameters, block)` for each.
    """

    def __init__(self, vector: ParameterVector, blocks: Sequence[tuple[np.ndarray, Block]]) -> None:
        super().__init__(vector)
        self.blocks = list(blocks)

    def _product(self, vectors: Array) -> Array:
        result = np.zeros_like(vectors)
        for places, block in self.blocks:
            result[:, places] = block.product(vectors[:, places])
        return result

    def _solution(self, vectors: Array, damping: float) -> Array:
        result = np.empty_like(vectors)
        for places, block in self.blocks:
            result[:, places] = block.solution(vectors[:, places], damping)
        return result

    def diagonal(self) -> np.ndarray:
        result = np.zeros(self.size)
        for places, block in self.blocks:
            result[places] = block.diagonal()
        return result

    def __repr__(self) -> str:
        kinds = [f"{type(block).__name__} of {len(places)}" for places, block in self.blocks]
        return f"{type(self).__name__}({self.size} by {self.size}: {', '.join(kinds)})"


class MatrixFreeCurvature(Curvature):
    """The whole matrix, represented by its products, which are computed from the cached Jacobians.

    `solve` is by conjugate gradients.

    Args:
        vector: how the parameters are laid end to end.
        pieces: for some of the rows each, the Jacobians of the outputs, and the curvature of the loss by these.
        find_diagonal: computes the diagonal.
    """

    def __init__(
        self, vector: ParameterVector, pieces: Sequence[tuple[Any, Any]], find_diagonal: Callable[[], Array]
    ) -> None:
        super().__init__(vector)
        self.pieces, self._find_diagonal = list(pieces), find_diagonal

    def _product(self, vectors: Array) -> Array:
        return np.stack([self._one_product(vector) for vector in vectors])

    def _one_product(self, vector: Array) -> Array:
        total = np.zeros(self.size)
        for jacobians, curvature in self.pieces:
            total += self.vector.vjp(jacobians, curvature.jvp(self.vector.jvp(jacobians, vector)))
        return total

    def _solution(self, vectors: Array, damping: float) -> Array:
        results = []
        for vector in vectors:

            def product(direction: Array) -> Array:
                return self._one_product(direction) + damping * direction

            solved = conjugate_gradients(product, vector, CG_TOLERANCE, CG_FACTOR * self.size)
            if np.linalg.norm(solved.residual) > 1e-6 * np.linalg.norm(vector):
                raise DataError(f"conjugate gradients found no solution with damping={damping:g}: pass a larger one")
            results.append(solved.vector)
        return np.stack(results)

    def diagonal(self) -> np.ndarray:
        return self._find_diagonal()
