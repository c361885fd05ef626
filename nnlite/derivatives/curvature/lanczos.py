"""Eigenvalues of matrices that are available as products with vectors."""

from collections.abc import Callable

import numpy as np

from nnlite.arrays.types import Array
from nnlite.random import stream

__all__ = ["largest_eigenvalues"]

TOLERANCE = 1e-12  # relative change of the eigenvalues at which they have converged


def largest_eigenvalues(product: Callable[[Array], Array], size: int, count: int, seed: int = 0) -> Array:
    """The largest eigenvalues of a symmetric matrix by Lanczos's method, largest first, with multiplicity.

    From one start, an eigenvalue comes up once however often the matrix has it. Each further start is therefore
    orthogonal to all eigenvectors so far, until it brings none that belongs to the largest.

    Reference: Golub & Van Loan, "Matrix computations", sections 10.1 and 10.3.
    """
    random, count = stream(seed, "lanczos"), min(count, size)
    values, vectors = np.zeros(0), np.zeros((0, size))
    while len(values) < size:
        more, directions = _from_one_start(product, random.normal(size=size), vectors, count)
        if len(values) >= count and more[0] <= values[count - 1] + TOLERANCE * abs(values[0]):
            break
        values, vectors = np.concatenate([values, more]), np.concatenate([vectors, directions])
        order = np.argsort(-values, kind="stable")
        values, vectors = values[order], vectors[order]
    return values[:count]


def _from_one_start(product: Callable[[Array], Array], start: Array, apart: Array, count: int) -> tuple[Array, Array]:
    """The largest eigenvalues and their vectors, a row each, in the space orthogonal to the rows of `apart`.

    Each new direction is made orthogonal to all earlier ones, twice. Ends where the eigenvalues no longer change, or
    the space that products of the start span is exhausted.
    """
    basis, left = np.empty((0, len(start))), len(start) - len(apart)
    middle: list[float] = []
    beside: list[float] = []
    direction, previous = _orthogonal(start, apart), np.zeros(0)
    ritz, turns = previous, np.zeros((0, 0))
    while len(basis) < left:
        # A short direction is mostly rounding: at length 1 it is made orthogonal again.
        direction = _orthogonal(direction / np.linalg.norm(direction), np.concatenate([apart, basis]))
        basis = np.concatenate([basis, direction[None] / np.linalg.norm(direction)])
        bent = product(basis[-1])
        middle.append(float(bent @ basis[-1]))
        direction = _orthogonal(bent, np.concatenate([apart, basis]))
        ritz, turns = np.linalg.eigh(np.diag(middle) + np.diag(beside, 1) + np.diag(beside, -1))
        ritz, turns = ritz[::-1][:count], turns[:, ::-1][:, :count]
        settled = len(previous) == count and np.abs(ritz - previous).max() <= TOLERANCE * abs(ritz[0])
        previous, norm = ritz, float(np.linalg.norm(direction))
        if norm <= 1e-12 * max(map(abs, middle)) or (settled and len(basis) > 2 * count):
            break
        beside.append(norm)
    return ritz, turns.T @ basis


def _orthogonal(vector: Array, rows: Array) -> Array:
    for _ in range(2):
        vector = vector - rows.T @ (rows @ vector)
    return vector
