"""Linear systems whose matrix is available as products with vectors."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nnlite.arrays.types import Array

__all__ = ["Solution", "conjugate_gradients"]


class Solution(NamedTuple):
    """Result of conjugate gradients.

    Attributes:
        vector: x.
        residual: `right - product(x)`.
        products: how many were taken.
        bounded: whether x ended at the radius.
    """

    vector: Array
    residual: Array
    products: int
    bounded: bool = False


def conjugate_gradients(
    product: Callable[[Array], Array], right: Array, tolerance: float, iterations: int, radius: float = math.inf
) -> Solution:
    """`x` with `product(x) = right` for a symmetric matrix, of norm at most `radius`.

    Ends where the residual is at most `tolerance` times `right` in norm, where x would be longer than the radius, or
    at a direction along which the matrix is not positive. In the last two cases x continues to the radius where that is
    finite; else it is what was found before, `right` where that is nothing.

    Reference: Steihaug 1983, "The conjugate gradient method and trust regions in large scale optimization".
    """
    solution, residual = np.zeros_like(right), right.copy()
    direction, square = residual.copy(), float(residual @ residual)
    limit = tolerance * tolerance * square
    for number in range(1, iterations + 1):
        bent = product(direction)
        curvature = float(direction @ bent)
        length = square / curvature if curvature > 0 else math.inf
        if math.isinf(length) and math.isinf(radius):
            return Solution(solution, residual, number) if number > 1 else Solution(right, right - bent, number)
        if math.isinf(length) or np.linalg.norm(solution + length * direction) >= radius:
            length = _to_radius(solution, direction, radius)
            return Solution(solution + length * direction, residual - length * bent, number, True)
        solution += length * direction
        residual -= length * bent
        square, before = float(residual @ residual), square
        if square <= limit:
            return Solution(solution, residual, number)
        direction = residual + (square / before) * direction
    return Solution(solution, residual, iterations)


def _to_radius(start: Array, direction: Array, radius: float) -> float:
    """The positive length at which `start + length * direction` has the norm `radius`."""
    square, middle = float(direction @ direction), float(start @ direction)
    left = radius * radius - float(start @ start)
    return left / (middle + math.sqrt(middle * middle + square * left))
