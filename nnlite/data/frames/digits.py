"""Numbers with more digits than a float has: different ones that become the same."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlite.data.files.numerals import EXACT
from nnlite.errors.caller import warn_user

__all__ = ["ROUNDED", "rounded_pair", "warn_of_rounding"]

ROUNDED = (
    "are the same floating-point number, which has 16 digits, so that rows which differ may count as equal: subtract "
    "what all of them have in common"
)


def warn_of_rounding(name: str, numbers: Any, floats: np.ndarray) -> None:
    """A warning where different numbers of a column are the same as floats; arguments as for `rounded_pair`."""
    pair = rounded_pair(numbers, floats)
    if pair is not None:
        warn_user(f"column {name!r}: {pair[0]} and {pair[1]} {ROUNDED}, or make categories of them by .astype(str)")


def rounded_pair(numbers: Any, floats: np.ndarray) -> tuple[Any, Any] | None:
    """The first two different numbers that are the same as floats; None if there are none.

    Args:
        numbers: an array, or a sequence of Python numbers or of their texts; a gap is NaN in `floats`.
        floats: the same as floating-point numbers.

    >>> rounded_pair(np.array([2**62, 2**62 + 1]), np.array([2.0**62, 2.0**62]))
    (4611686018427387904, 4611686018427387905)
    """
    if len(floats) < 2:
        return None
    if isinstance(numbers, np.ndarray):
        kind, width = numbers.dtype.kind, numbers.dtype.itemsize
        if (kind == "f" and width <= 8) or (kind in "iu" and numbers.min() >= -EXACT and numbers.max() <= EXACT):
            return None
        if len(np.unique(numbers)) == len(np.unique(floats)):
            return None
        numbers = list(numbers) if kind == "f" else numbers.tolist()
    return _first_pair(numbers, floats.tolist())


def _first_pair(numbers: Iterable[Any], floats: Iterable[float]) -> tuple[Any, Any] | None:
    number_by_float: dict[float, Any] = {}
    for number, rounded in zip(numbers, floats, strict=True):
        earlier = number_by_float.setdefault(rounded, number)
        if earlier is not number and type(earlier) is type(number) and earlier != number:  # NaN differs from itself
            return earlier, number
    return None
