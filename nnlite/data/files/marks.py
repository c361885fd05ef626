"""Cells that stand for a missing value."""

from collections.abc import Iterable
from itertools import product
from typing import Literal

__all__ = ["Marks"]

EVERYWHERE = ("", "na", "n/a", "nan", "null", "0000-00-00", "0000-00-00 00:00:00")  # databases write zero dates
# A dash may be a category; in a column of numbers it can only be a gap.
IN_NUMBERS = ("?", "-", "--", ".", "..", "*", "none", "<na>", "#n/a", "#na", "n.a.", "nil", "-nan")
IN_NUMBERS = (*IN_NUMBERS, "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!")  # errors of a spreadsheet


class Marks:
    """The marks of a missing value, case-insensitive.

    Args:
        declared: those of a `Dialect`: `"auto"`, or a list to which the empty cell is added.

    >>> marks = Marks(["-"])
    >>> "-" in marks.everywhere, "NA" in marks.in_numbers
    (True, False)
    """

    def __init__(self, declared: Literal["auto"] | list[str]) -> None:
        if declared == "auto":
            self.everywhere = _spelled(EVERYWHERE)
            self.in_numbers = self.everywhere | _spelled(IN_NUMBERS)
        else:
            self.everywhere = _spelled(["", *(mark.strip() for mark in declared)])
            self.in_numbers = self.everywhere


def _spelled(marks: Iterable[str]) -> frozenset[str]:
    """Each mark in every case: to look a cell up is faster than to turn it into lowercase."""
    spelled: set[str] = set()
    for mark in marks:
        few = sum(character.isalpha() for character in mark) <= 6
        cases = product(*({c.lower(), c.upper()} for c in mark)) if few else [mark, mark.lower(), mark.upper()]
        spelled |= {"".join(case) for case in cases}
    return frozenset(spelled)
