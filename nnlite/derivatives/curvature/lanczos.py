"""Eigenvalues of matrices that are given by their products with vectors."""

from collections.abc import Callable

import numpy as np

from nnlite.arrays.types import Array
from nnlite.random import stream

__all__ = ["largest_eigenvalues"]

TOLERANCE = 1e-12  # relative change of the eigenvalues at which they have converged


def largest_eigenvalues(product: Callable[[Array], Array], size: int, count: int, seed: int = 0) -> Array:
    """The largest eigenvalues of a symmetric matrix, largest first, by Lanczos's method.

    Each new direction is made orthogonal to all earlier ones, twice, so that no eigenvalue comes up a second time. Ends
    where the eigenvalues no longer change, or the space is exhausted.

    Reference: Golub & Van Loan, "Matrix computations", section 10.1.
    """
    direction = stream(seed, "lanczos").normal(size=size)
    basis = [direction / np.linalg.norm(direction)]
    middle: list[float] = []
    beside: list[float] = []
    previous = np.zeros(0)
    for step in range(size):
        bent = product(basis[-1])
        middle.append(float(bent @ basis[-1]))
        known = np.array(basis)
        for _ in range(2):
            bent = bent - known.T @ (known @ bent)
        norm = float(np.linalg.norm(bent))
        ritz = np.linalg.eigvalsh(np.diag(middle) + np.diag(beside, 1) + np.diag(beside, -1))[::-1][:count]
        settled = len(previous) == len(ritz) == count and np.abs(ritz - previous).max() <= TOLERANCE * abs(ritz[0])
        previous = ritz
        if norm <= 1e-12 * max(map(abs, middle)) or (settled and step > 2 * count):
            break
        beside.append(norm)
        basis.append(bent / norm)
    return previous
