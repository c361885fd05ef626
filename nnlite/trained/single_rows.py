"""Single rows given as dicts, encoded by a cached plan, at a tenth of the cost of a table."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from nnlite.data import Columns, InputEncoder, Numeric, TableEncoder, read_frame
from nnlite.data.encoders.columns import Boolean, ColumnEncoder, Levels
from nnlite.data.encoders.unknown import UnknownCategories
from nnlite.data.frames.frame import Frame, text_of
from nnlite.errors import DataError

__all__ = []

NUMBERS = {float, int, np.float64}
SAFE = 1e76  # a sum of squares below it is one of numbers that float32 holds
GAPS = {type(None), *NUMBERS}
CELLS_AT_ONCE = 256


class SingleRows:
    """Encodes rows like the encoder, or returns None for missing or unknown values, which need the encoder itself.

    Numbers are encoded all at once, categories and booleans looked up; other columns go through their own encoders.

    Args:
        encoder: `Columns`, or a `TableEncoder` whose columns have names.
    """

    def __init__(self, encoder: Columns | TableEncoder) -> None:
        places = places_of(encoder)
        numbers = [(column, position) for column, (position, *_) in places if type(column) is Numeric]
        self._template = np.zeros((1, sum(len(positions) for _, positions in places)))
        self._numbers = _cells_by([column.name for column, _ in numbers])
        self._places = np.array([position for _, position in numbers], int)
        self._fill, self._mean, self._scale = (
            np.array([(column.fill, column.mean, column.scale) for column, _ in numbers]).reshape(-1, 3).T
        )
        self._gaps_are_text = isinstance(encoder, Columns)
        looked_up = [(column, positions) for column, positions in places if isinstance(column, (Levels, Boolean))]
        self._tables = [(column.name, self._entries(column, positions[0]), column) for column, positions in looked_up]
        others = [(column, positions) for column, positions in places if type(column) is not Numeric]
        self._others = [
            (column, positions) for column, positions in others if not isinstance(column, (Levels, Boolean))
        ]

    @classmethod
    def of(cls, encoder: InputEncoder) -> "SingleRows | None":
        """The plan for an encoder; None if it is not made of columns, or identifies them by position."""
        if isinstance(encoder, Columns) or (isinstance(encoder, TableEncoder) and encoder.named):
            return cls(encoder)
        return None

    @np.errstate(over="ignore", invalid="ignore")  # of numbers that are out of range: the encoder has a word for them
    def encode(self, row: Mapping[str, Any]) -> np.ndarray | None:
        """The encoded row. Shape: (1, width); None if the row needs the encoder itself."""
        encoded = self._template.copy()
        line = encoded[0]
        try:
            for name, entries, encoder in self._tables:
                cell = row[name]
                entry = entries.get(cell) or _numeric_entry(entries, cell, encoder)
                if entry is None:
                    return None
                line[entry[0]] = entry[1]
            if self._numbers is not None and not self._set_numbers(self._numbers(row), line):
                return None
            if self._others and not self._set_others(row, line):
                return None
        except (KeyError, TypeError, OverflowError, DataError):
            return None
        return encoded if line.dot(line) < SAFE else None

    def _source(self, columns: dict[str, list]) -> Frame:
        frame = read_frame(columns)
        return frame.gaps_as_text() if self._gaps_are_text else frame

    def _entries(self, encoder: ColumnEncoder, position: int) -> dict[Any, tuple[Any, Any]]:
        """Cell -> which numbers of the encoded row it sets, and to what, as the encoder says of each cell it knows."""
        cells: list[Any] = list(encoder.categories) if isinstance(encoder, Levels) else [True, False]
        entries = {}
        for start in range(0, len(cells), CELLS_AT_ONCE):
            part = cells[start : start + CELLS_AT_ONCE]
            encoded = encoder.encode(self._source({encoder.name: part}))
            entries |= {cell: _entry(position, numbers) for cell, numbers in zip(part, encoded, strict=True)}
        with UnknownCategories().counting() as unknown:
            gap = encoder.encode(self._source({encoder.name: [None]}))[0]
        if not unknown:
            entries |= dict.fromkeys(["", None] if self._gaps_are_text else [None], _entry(position, gap))
        return entries

    def _set_numbers(self, cells: tuple, line: np.ndarray) -> bool:
        """Whether the cells are numbers or gaps."""
        types = set(map(type, cells))
        if not types <= NUMBERS:
            if not types <= GAPS:
                return False
            cells = tuple(np.nan if cell is None else cell for cell in cells)
        values = np.array(cells, np.float64)
        if np.isnan(values.dot(values)):
            values = np.where(np.isnan(values), self._fill, values)
        line[self._places] = (values - self._mean) / self._scale
        return True

    def _set_others(self, row: Mapping[str, Any], line: np.ndarray) -> bool:
        """Whether the encoders know all their cells."""
        source = self._source({encoder.name: [row[encoder.name]] for encoder, _ in self._others})
        with UnknownCategories().counting() as unknown:
            for encoder, places in self._others:
                line[places] = encoder.encode(source)[0]
        return not unknown


def places_of(encoder: Columns | TableEncoder) -> list[tuple[ColumnEncoder, list[int]]]:
    """Each column encoder with the indices of its numbers in a row."""
    places, start = [], 0
    for column in encoder.columns:
        stop = start + len(column.outputs)
        places.append((column, list(range(start, stop))))
        start = stop
    return places


def _entry(start: int, numbers: np.ndarray) -> tuple[Any, Any]:
    """Positions and values of the numbers of a column that differ from 0, in a row in which it begins at `start`."""
    (places,) = numbers.nonzero()
    if len(places) == 1:
        return start + int(places[0]), float(numbers[places[0]])
    return start + places, numbers[places].astype(np.float64)


def _cells_by(names: list[str]) -> Any:
    """A function that takes the cells of these names from a row, as a tuple."""
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names) if names else None


def _numeric_entry(entries: dict[Any, Any], cell: Any, encoder: ColumnEncoder) -> tuple[Any, Any] | None:
    """The entry of a category that is given as a number: 1 and 1.0 are "1"."""
    if not isinstance(encoder, Levels) or type(cell) not in NUMBERS:
        return None
    text = text_of(cell)
    code = encoder._codes_of_numbers.get(text, 0)
    return entries[encoder.categories[code - 1]] if code else None
