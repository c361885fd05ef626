"""The width of numbers, which float64 cannot always hold."""

import math

from nnlite.errors import DataError

__all__ = ["check_spread"]


def check_spread(what: str, center: float, width: float) -> None:
    """`DataError` where the center or the width of numbers is not finite, since they reach beyond 1e154.

    >>> check_spread("column 'a'", 1e300, math.inf)
    Traceback (most recent call last):
        ...
    nnlite.errors.DataError: column 'a' holds numbers so large that float64 cannot hold their spread; use a larger unit
    """
    if not (math.isfinite(center) and math.isfinite(width)):
        raise DataError(f"{what} holds numbers so large that float64 cannot hold their spread; use a larger unit")
