"""One row given as a dict, encoded by a plan that is made once: the way of a table costs ten times as much."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.data import Columns, InputEncoder, Numeric, TableEncoder
from nnlite.data.encoders.columns import Boolean, ColumnEncoder, Levels, OneHot, Ordinal, TwoValued
from nnlite.data.frames.frame import text_of

__all__ = []

NUMBERS = {float, int, np.float64}
PLANNED = (Numeric, OneHot, Ordinal, TwoValued, Boolean)


class SingleRows:
    """Encodes rows as the encoder does, or says by None that only the encoder can: for what is missing or unknown.

    Args:
        encoder: `Columns` or `TableEncoder`, all of whose columns are numbers, categories or booleans.
    """

    def __init__(self, encoder: Columns | TableEncoder) -> None:
        places = places_of(encoder)
        numbers = [(own, place) for own, (place, *_) in places if isinstance(own, Numeric)]
        others = [(own, place) for own, (place, *_) in places if not isinstance(own, Numeric)]
        self.dtype = floatx() if isinstance(encoder, Columns) else "float64"
        self.template = np.zeros((1, sum(len(taken) for _, taken in places)))
        names = [own.name for own, _ in numbers]
        self._numbers: Any = _cells_by(names)
        self._places = np.array([place for _, place in numbers], int)
        rows = np.array([(own.fill, own.mean, own.scale) for own, _ in numbers]).reshape(-1, 3)
        self._fill, self._mean, self._scale = rows.T
        gap = "" if isinstance(encoder, Columns) else None
        self._tables = [(own.name, _entries(own, place, gap), own) for own, place in others]

    @classmethod
    def of(cls, encoder: InputEncoder) -> "SingleRows | None":
        """The plan for an encoder; None for one that has other columns, or finds them by place."""
        if not isinstance(encoder, (Columns, TableEncoder)):
            return None
        named = isinstance(encoder, Columns) or encoder.named
        return cls(encoder) if named and all(type(own) in PLANNED for own in encoder.columns) else None

    def encode(self, row: Mapping[str, Any]) -> np.ndarray | None:
        """Shape: (1, width); None where it takes the encoder to say what the row means, or what is wrong with it."""
        encoded = self.template.copy()
        line = encoded[0]
        try:
            for name, entries, encoder in self._tables:
                cell = row[name]
                entry = entries.get(cell) or _numeric_entry(entries, cell, encoder)
                if entry is None:
                    return None
                line[entry[0]] = entry[1]
            if len(self._places):
                cells = self._numbers(row)
                if not NUMBERS.issuperset(map(type, cells)):
                    return None
                values = np.array(cells, np.float64)
                if values.dot(values) != values.dot(values):  # a gap is NaN
                    values = np.where(np.isnan(values), self._fill, values)
                line[self._places] = (values - self._mean) / self._scale
        except (KeyError, TypeError, OverflowError):
            return None
        return encoded if np.isfinite(line.dot(line)) else None


def places_of(encoder: Columns | TableEncoder) -> list[tuple[ColumnEncoder, list[int]]]:
    """Each encoder of a column with the places of its numbers in a row."""
    found, start = [], 0
    for column in encoder.columns:
        stop = start + len(column.outputs)
        found.append((column, list(range(start, stop))))
        start = stop
    return found


def _cells_by(names: list[str]) -> Any:
    """A function that takes the cells of these names from a row, as a tuple."""
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names) if names else None


def _entries(encoder: ColumnEncoder, place: int, gap: str | None) -> dict[Any, tuple[int, float]]:
    """Cell -> which number of the encoded row it sets, and to what."""
    if isinstance(encoder, Boolean):
        return {True: (place, 1.0), False: (place, -1.0), None: (place, 0.0)}
    entries: dict[Any, tuple[int, float]] = {}
    assert isinstance(encoder, Levels)
    for code, category in enumerate(encoder.categories, start=1):
        if isinstance(encoder, OneHot):
            entries[category] = (place + code - 1, encoder.value)
        else:
            entries[category] = (place, float(code) if isinstance(encoder, Ordinal) else 2.0 * code - 3.0)
    if gap is None:
        entries[None] = (place, 0.0)
    elif gap in entries:
        entries[None] = entries[gap]
    return entries


def _numeric_entry(entries: dict[Any, Any], cell: Any, encoder: ColumnEncoder) -> tuple[int, float] | None:
    """The entry of a category that is given as a number: 1 and 1.0 are "1"."""
    if not isinstance(encoder, Levels) or type(cell) not in NUMBERS:
        return None
    text = text_of(cell)
    code = encoder._codes_of_numbers.get(text, 0)
    return entries[encoder.categories[code - 1]] if code else None
