"""The cells of one column, and the kinds of values that they can be read as."""

import functools
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from nnlite.data.files.around.amounts import amounts_of_texts
from nnlite.data.files.numerals import PLAIN, NumberFormat
from nnlite.data.frames.frame import Column, Frame, Kind
from nnlite.data.frames.spelling import CLOCK, date_format, month_first, other_than_dates, read_dates
from nnlite.data.table import Table
from nnlite.errors import DataError

__all__ = ["Cells", "read_cells"]

MOST_MARKS = 3
FOR_EACH = 5  # levels, of which four are numbers, for one that is not
INFINITY = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True)
class Cells:
    """One column as strings and, if they can be parsed, as numbers or dates.

    Args:
        name: the column.
        typed: the kind by the type of the cells; None for those of a text file, which have no type.
        texts: shape (rows,), Python strings with None for a gap.
        numbers: shape (rows,), float64 with NaN for a gap; None if some cell is not a number.
        dates: shape (rows,), `datetime64` with NaT for a gap; None if some cell is not a date.
        form: how text spells the dates, as `date_format` says; None if they are not text.
        spelling: how the file writes numbers.
        unit: what stands around numbers in strings, such as `$`; None or empty for bare numbers.
    """

    name: str
    typed: Kind | None
    texts: np.ndarray
    numbers: np.ndarray | None
    dates: np.ndarray | None
    form: str | None
    spelling: NumberFormat = PLAIN
    unit: str | None = None

    @functools.cached_property
    def missing(self) -> np.ndarray:
        """Mask of the missing rows. Shape: (rows,), booleans."""
        return np.fromiter((cell is None for cell in self.texts), bool, len(self.texts))

    @functools.cached_property
    def counts(self) -> Counter[str]:
        """Counts of each level; equal numbers are one level, however they are spelled."""
        if self.numbers is None or self.has_leading_zeros:
            return Counter(cell for cell in self.texts if cell is not None)
        first = dict(zip(self.present.tolist(), (cell for cell in self.texts if cell is not None), strict=True))
        return Counter({first[value]: count for value, count in Counter(self.present.tolist()).items()})

    @functools.cached_property
    def present(self) -> np.ndarray:
        """The numbers without missing values; empty if the column holds none."""
        return np.zeros(0) if self.numbers is None else self.numbers[~np.isnan(self.numbers)]

    @functools.cached_property
    def is_whole(self) -> bool:
        """Whether the column holds integers."""
        return bool(len(self.present)) and bool((self.present == np.floor(self.present)).all())

    @functools.cached_property
    def has_leading_zeros(self) -> bool:
        """Whether strings of digits such as 02134 have leading zeros, so that they are not amounts."""
        return self.typed is None and any(
            cell is not None and len(cell) > 1 and cell[0] == "0" and cell.isdecimal() for cell in self.texts
        )

    @functools.cached_property
    def marks(self) -> list[str]:
        """The levels that are not numbers, if they are few among many that are; else none."""
        others = [level for level in self.counts if not self.spelling.matches(level)]
        numbers = len(self.counts) - len(others)
        is_marked = self.typed is None and self.numbers is None and numbers > MOST_MARKS >= len(others)
        return others if is_marked else []

    @functools.cached_property
    def strangers(self) -> list[str]:
        """The levels that are not numbers, if they are more than marks and at most a fifth of all levels."""
        if self.typed is not None or self.numbers is not None or self.dates is not None or self.marks:
            return []
        others = [level for level in self.counts if not self.spelling.matches(level)]
        return others if 0 < FOR_EACH * len(others) <= len(self.counts) else []

    @functools.cached_property
    def other_order(self) -> str | None:
        """The format with the month first, if it reads the dates as well as the one that was chosen."""
        return None if self.form is None else month_first(self.counts, self.form)

    @functools.cached_property
    def misfits(self) -> list[str]:
        """The levels that are not dates of the most frequent format, if at least half of all are dates; else none."""
        is_text = self.typed in (None, "category") and self.numbers is None and self.dates is None
        return other_than_dates(self.counts) if is_text and len(self.counts) > 2 else []

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """The index of each row's level, from 0; a missing value is a level of its own. Shape: (rows,)."""
        if self.numbers is not None:
            return np.unique(self.numbers, return_inverse=True)[1].astype(np.int64)  # gaps, NaN, count as one
        code_by_text: dict[str | None, int] = {}
        return np.fromiter(
            (code_by_text.setdefault(cell, len(code_by_text)) for cell in self.texts), np.int64, len(self.texts)
        )


def read_cells(source: Table | Frame, name: str) -> Cells:
    """The cells of the column `name`; `DataError` if it does not exist."""
    if isinstance(source, Frame):
        return _of_frame(source.given(name))
    texts = source.texts(name).astype(object)
    texts[texts == ""] = None
    if all(cell is None for cell in texts):
        return Cells(name, None, texts, None, None, None)
    if ":" in next(filter(None, texts)) and date_format(filter(None, texts)) == CLOCK:  # which could be durations, too
        return _of_texts(name, None, texts)
    try:
        column = source.column(name, "number")
        texts[column.missing] = None  # marks of a gap that text could have as a value, such as ?
        if source.rounds(name, column.values):
            return _of_texts(name, None, texts, source.dialect.numbers)
        return Cells(name, None, texts, column.values, None, None, unit=column.unit)
    except DataError:
        spelling = source.dialect.numbers
        if all(cell is None or spelling.matches(cell) or INFINITY.fullmatch(cell) for cell in texts):
            raise  # numbers, one of them infinite
        return _of_texts(name, None, texts, spelling)


def _of_texts(name: str, typed: Kind | None, texts: np.ndarray, spelling: NumberFormat = PLAIN) -> Cells:
    form = date_format(cell for cell in texts if cell is not None)
    dates = None if form is None else read_dates(name, texts.tolist(), form)
    return Cells(name, typed, texts, None, dates, form, spelling)


def _of_frame(column: Column) -> Cells:
    missing = column.missing
    if column.kind == "category":
        is_time = date_format(filter(None, column.values)) == CLOCK
        amounts = None if column.declared or is_time else amounts_of_texts(column.values)
        if amounts is not None:
            return Cells(column.name, "category", column.values, amounts[0], None, None, unit=amounts[1])
        return _of_texts(column.name, "category", column.values)
    if column.kind == "date":
        texts = column.values.astype(str).astype(object)
        texts[missing] = None
        return Cells(column.name, "date", texts, None, column.values, None)
    texts = column.as_kind("category").values
    return Cells(column.name, column.kind, texts, column.values.astype(np.float64), None, None)
