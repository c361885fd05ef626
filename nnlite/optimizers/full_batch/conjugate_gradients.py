"""Linear systems of which only products with the matrix are known."""

from collections.abc import Callable

import numpy as np

from nnlite.arrays.types import Array

__all__ = ["conjugate_gradients"]


def conjugate_gradients(
    product: Callable[[Array], Array], right: Array, tolerance: float, iterations: int
) -> tuple[Array, int]:
    """`x` with `product(x) = right` for a symmetric positive definite matrix, and the number of products.

    Ends where the residual is at most `tolerance` times `right` in norm, or at a direction along which the matrix is
    not positive: `x` is then what was found before, `right` where that is nothing.
    """
    solution, residual = np.zeros_like(right), right.copy()
    direction, square = residual.copy(), float(residual @ residual)
    limit = tolerance * tolerance * square
    for number in range(1, iterations + 1):
        bent = product(direction)
        curvature = float(direction @ bent)
        if not curvature > 0:
            return (solution if number > 1 else right.copy()), number
        length = square / curvature
        solution += length * direction
        residual -= length * bent
        square, before = float(residual @ residual), square
        if square <= limit:
            return solution, number
        direction = residual + (square / before) * direction
    return solution, iterations
