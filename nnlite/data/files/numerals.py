"""Numbers in a text file, by the file's decimal mark and thousands separator."""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["EXACT", "PLAIN", "NumberFormat"]

# Thousands separator -> the characters that may stand for it.
SEPARATORS = {"none": "", ",": ",", ".": ".", " ": " \u00a0\u202f\u2009", "'": "'\u2019"}
INTEGER = re.compile(r"([+-]?)0*([0-9]+)(?:\.0*)?")
EXACT = 2**53  # above it, a float64 is one of several integers


@dataclass(frozen=True)
class NumberFormat:
    """Numbers of a text file: ASCII digits, an optional sign, a decimal mark, an exponent of ten.

    Python reads more than that as a number: `12_3`, digits of other scripts, `inf` and `nan` are text here.

    Args:
        decimal: `"."` or `","`.
        thousands: the separator of groups of three digits; `"none"` for nothing.

    >>> NumberFormat(",", ".").value("-1.234,5"), NumberFormat().matches("12_3")
    (-1234.5, False)
    """

    decimal: str = "."
    thousands: str = "none"

    def matches(self, cell: str) -> bool:
        """Whether the cell, stripped of blanks, is a number."""
        return self._pattern.fullmatch(cell) is not None

    def value(self, cell: str) -> float:
        """The number in a cell that `matches`; infinite if it overflows float64."""
        return float(self.plain(cell))

    def values(self, cells: Sequence[str]) -> np.ndarray | None:
        """The numbers in these cells, float64; None if one of them is not a number."""
        if self.thousands == "none":
            joined = "\n".join(cells)
            if joined.translate(self._allowed) or joined.count("\n") != max(len(cells) - 1, 0):
                return None
            plain = cells if self.decimal == "." else joined.replace(self.decimal, ".").split("\n") if cells else []
            try:
                # Of these characters alone, `float` takes exactly what `_pattern` does.
                return np.fromiter(map(float, plain), np.float64, len(cells))
            except ValueError:
                return None
        if not all(map(self._pattern.fullmatch, cells)):
            return None
        return np.array([float(self.plain(cell)) for cell in cells], np.float64)

    def plain(self, cell: str) -> str:
        """The number in a cell that `matches` in Python's notation: a decimal point, no separators."""
        return cell.translate(self._to_plain)

    def canonical(self, cell: str) -> str:
        """One string for all spellings of a number: `"1"` for `1`, `1.0`, `01` and `1e0`; other cells unchanged."""
        if not self.matches(cell):
            return cell
        plain = self.plain(cell)
        integer = INTEGER.fullmatch(plain)
        if integer:
            sign, digits = integer.groups()
            return f"-{digits}" if sign == "-" and digits != "0" else digits
        number = float(plain)
        return str(int(number)) if number.is_integer() and abs(number) < EXACT else str(number)

    def all_match(self, cells: Iterable[str]) -> bool:
        """Whether every cell is a number."""
        return all(map(self._pattern.fullmatch, cells))

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        digits, mark = "[0-9]+", re.escape(self.decimal)
        if self.thousands != "none":
            digits = f"(?:[1-9][0-9]{{0,2}}(?:[{re.escape(SEPARATORS[self.thousands])}][0-9]{{3}})+|[0-9]+)"
        return re.compile(f"[+-]?(?:{digits}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?")

    @functools.cached_property
    def _allowed(self) -> dict[int, None]:
        return dict.fromkeys(map(ord, f"0123456789+-eE\n{self.decimal}"))

    @functools.cached_property
    def _to_plain(self) -> dict[int, str | None]:
        return {**dict.fromkeys(map(ord, SEPARATORS[self.thousands])), ord(self.decimal): "."}


PLAIN = NumberFormat()
