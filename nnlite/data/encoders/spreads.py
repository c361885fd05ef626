"""Mean and scale of numbers, which may overflow float64."""

import math

import numpy as np

from nnlite.errors import DataError

__all__ = ["check_spread", "standard_scale"]


def check_spread(what: str, center: float, width: float) -> None:
    """`DataError` if the mean or the scale of numbers is not finite, since they reach beyond 1e154.

    >>> check_spread("column 'a'", 1e300, math.inf)
    Traceback (most recent call last):
        ...
    nnlite.errors.DataError: column 'a' holds numbers whose spread exceeds float64; use a larger unit
    """
    if not (math.isfinite(center) and math.isfinite(width)):
        raise DataError(f"{what} holds numbers whose spread exceeds float64; use a larger unit")


def standard_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, 1 for a constant, bit for bit as scikit-learn's `StandardScaler`.

    To import that takes as long as to encode a small table. The sum of squared differences is corrected by that of the
    differences; a deviation within its rounding errors counts as 0 (Chan, Golub and LeVeque 1983).

    Args:
        values: shape (rows, columns), without gaps; calculated with in float64.

    Returns:
        Two arrays of shape (columns,); infinite or NaN where float64 cannot hold them, which `check_spread` refuses.

    >>> [figure.tolist() for figure in standard_scale(np.array([[1.0, 5.0], [3.0, 5.0]]))]
    [[2.0, 5.0], [1.0, 1.0]]
    """
    values, count = np.asarray(values, np.float64), np.float64(len(values))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = values.sum(axis=0) / count
        differences = values - mean
        correction = differences.sum(axis=0)
        differences **= 2
        variance = (differences.sum(axis=0) - correction**2 / count) / count
        rounding = count * np.finfo(np.float64).eps * variance + (count * mean * np.finfo(np.float64).eps) ** 2
    return mean, np.where(variance <= rounding, 1.0, np.sqrt(variance))
