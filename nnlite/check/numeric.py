"""Numerical derivatives along directions: complex steps, finite differences, and detection of kinks."""

import warnings
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import Array, ArrayLike

__all__ = []

EXACT, NEAR = 1e-12, 1e-8  # how close a Jacobian comes to a complex step, to a stencil; per largest entry
SMALLEST = 0.1  # a largest entry below it counts as this much: where all entries cancel, rounding is left
COMPLEX_STEP = 1e-30  # there is no difference of near values, so nothing is lost by a tiny step
STENCIL_STEPS = (1e-3, 1e-4, 1e-5)  # a smaller one where a larger one meets a kink or high derivatives
KINK_STEP = 1e-4
WEIGHTS = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}


class Effort(Enum):
    """Effort of the comparison of Jacobians with numerical ones; the value is the number of random directions."""

    QUICK = 1
    USUAL = 3  # arrays of up to 12 entries entry by entry
    ENTRYWISE = 0  # all arrays entry by entry

    def entrywise(self, size: int) -> bool:
        """Whether an array with this many entries is checked entry by entry."""
        return self is Effort.ENTRYWISE or (self is Effort.USUAL and size <= 12)


class Slopes(NamedTuple):
    """Numerical derivatives of m outputs along k directions, each array of shape `(k, m)`.

    Attributes:
        exact: by complex step; None if the function does not pass complex numbers on.
        near: by stencil.
        bends: where the slopes on the two sides differ.
        left, right: these slopes, where they were looked at, else `near`.
    """

    exact: np.ndarray | None
    near: np.ndarray
    bends: np.ndarray
    left: np.ndarray
    right: np.ndarray


def complex_steps(
    function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, tangents: np.ndarray
) -> np.ndarray | None:
    """One row per tangent; None if the function does not accept complex numbers."""
    rows = []
    for tangent in tangents:
        rows.append(complex_step(function, point, tangent))
        if rows[-1] is None:
            return None
    return np.array(rows)


def slopes(
    function: Callable[[np.ndarray], np.ndarray],
    point: np.ndarray,
    tangents: np.ndarray,
    products: np.ndarray,
    exact: np.ndarray | None,
) -> Slopes:
    """Derivatives of `function` at `point` along each of `tangents`, to be compared with `found`.

    What costs more, smaller stencils and a look for kinks, is done where `found` is not met. `exact` are the
    `complex_steps`.
    """
    near = np.array([stencil(function, point, tangent, STENCIL_STEPS[0]) for tangent in tangents])
    scale, last, spread = largest(near), near.copy(), np.zeros(near.shape)
    for step in STENCIL_STEPS[1:]:
        for row in np.flatnonzero(~(abs(near - products) <= NEAR * scale).all(axis=1)):
            again = stencil(function, point, tangents[row], step)
            last[row], spread[row] = again, abs(again - last[row])
            nearer = ~(abs(near[row] - products[row]) <= abs(again - products[row]))
            near[row, nearer] = again[nearer]
    missed = ~(abs(near - products) <= NEAR * scale)
    # A kink is so near that stencils of two widths differ as much.
    undecided = missed & (spread > 0.5 * abs(near - products))
    if exact is not None:
        missed |= ~(abs(exact - products) <= EXACT * scale)
    left, right, bends = near.copy(), near.copy(), np.zeros(near.shape, bool)
    for row in np.flatnonzero(missed.any(axis=1)):
        left[row], right[row], bends[row] = sides(function, point, tangents[row])
    return Slopes(exact, near, (bends & missed) | undecided, left, right)


def complex_step(
    function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, tangent: np.ndarray
) -> np.ndarray | None:
    """`imag(function(point + i h tangent)) / h`; None if the function does not accept complex numbers."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            value: Array = function(point + 1j * COMPLEX_STEP * tangent)
    except Exception:
        return None
    return value.imag / COMPLEX_STEP if value.dtype.kind == "c" else None


def stencil(
    function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, tangent: np.ndarray, step: float
) -> np.ndarray:
    """(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h: only real values, with an error of order h ** 4."""
    step = step / length(tangent)
    with np.errstate(all="ignore"):
        total: Any = sum(weight * function(point + count * step * tangent) for count, weight in WEIGHTS.items())
        return total / step


def sides(
    function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, tangent: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The one-sided derivatives at `point`, and where it has a kink.

    There they differ, and not less so when looked at from nearer by. Where the function jumps, slopes grow then; they
    count as unbounded.
    """
    step = KINK_STEP / length(tangent)
    with np.errstate(all="ignore"):
        here = function(point)
        far, close = (
            ((here - function(point - h * tangent)) / h, (function(point + h * tangent) - here) / h)
            for h in (step, step / 2)
        )
        rounding = 1e4 * np.finfo(float).eps * np.max(abs(here), initial=0) / step
        least = max(1e-6 * largest(*far), float(rounding))
        bends = (abs(close[1] - close[0]) > 0.75 * abs(far[1] - far[0])) & (abs(far[1] - far[0]) > least)
        jumps = np.logical_or(*(grown(farther, nearer, least) for farther, nearer in zip(far, close, strict=True)))
    return np.where(jumps, -np.inf, far[0]), np.where(jumps, np.inf, far[1]), bends | jumps


def grown(far: np.ndarray, close: np.ndarray, least: float) -> np.ndarray:
    """Mask of slopes that double at half the step: the function has a jump there."""
    return (abs(close - 2 * far) < 0.05 * abs(close)) & (abs(close) > least)


def length(tangent: np.ndarray) -> float:
    """The Euclidean length of a tangent, at least 1: steps have this length, whatever the number of entries."""
    return max(1.0, float(np.linalg.norm(tangent)))


def largest(*arrays: ArrayLike) -> float:
    """The largest absolute entry, at least `SMALLEST`; entries that are not finite are ignored."""
    sizes = [abs(array)[np.isfinite(array)] for array in map(np.asarray, arrays)]
    return max([SMALLEST, *(float(size.max()) for size in sizes if size.size)])


def difference(computed: ArrayLike, expected: ArrayLike) -> float:
    """The largest difference of two arrays relative to the largest expected entry; infinite unless both are finite."""
    computed, expected = np.asarray(computed), np.asarray(expected)
    if computed.shape != expected.shape:
        return np.inf
    if not computed.size:
        return 0.0
    worst = float(np.max(abs(computed - expected)))
    return worst / largest(expected) if np.isfinite(worst) else np.inf
