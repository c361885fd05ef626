"""The encoder of a whole raw table: the kind of each column determines its encoding."""

import functools
from collections import Counter
from typing import Any

import numpy as np

from nnlite.data.encoders.columns import Boolean, ColumnEncoder, GapIndicator, Numeric, OneHot, Ordinal, TwoValued
from nnlite.data.encoders.dates import Dates
from nnlite.data.encoders.hashing import size_of
from nnlite.data.encoders.inputs import InputEncoder
from nnlite.data.frames.frame import Column, Frame
from nnlite.data.frames.reading import read_frame
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.registry.fields import FromSpecs

__all__ = ["TableEncoder"]

ORDER = (Numeric, GapIndicator, OneHot, TwoValued, Boolean, Dates, Ordinal)
MOST_LEVELS = 10_000


class TableEncoder(InputEncoder):
    """A raw table, of any type that `read_frame` reads, as one matrix of numbers.

    Numbers are unchanged, with gaps filled by the median, and come first. They are followed by an indicator of gaps
    for each column of numbers or dates that had gaps in the fit; categories of few levels as one column per level;
    categories of two levels, and booleans, as -1 and 1; dates as days, and as sine and cosine of time of day, weekday
    and month where they differ in them. Categories of many levels come last, as codes from 1 for a
    `CategoryEmbedding`; levels that occur once have none. Gaps and unknown levels are 0 in all columns of categories.

    A column without any value in the fit, or with the same one everywhere, has no column in the matrix.

    Args:
        names: the columns of the table that it was fitted on.
        named: whether columns of other tables are found by these names, else by position.
        columns: the encoders in the order of the matrix.

    >>> encoder = TableEncoder.fit({"age": [31, None, 40], "city": ["Rome", "Oslo", "Bern"], "ok": [True, False, True]})
    >>> encoder.feature_names
    ['age', 'age_missing', 'city=Bern', 'city=Oslo', 'city=Rome', 'ok']
    >>> encoder.encode({"ok": [None], "age": [None], "city": ["Oslo"]}).tolist()
    [[35.5, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """

    names: list[str]
    named: bool
    columns: FromSpecs[ColumnEncoder]

    def validate(self) -> None:
        unknown = [column.name for column in self.columns if column.name not in set(self.names)]
        if unknown:
            raise ConfigError(f"{unknown[0]!r} is not among the names", (type(self).__name__, "columns"))
        if len(set(self.names)) < len(self.names):
            raise ConfigError("a name occurs twice", (type(self).__name__, "names"))

    @classmethod
    def fit(
        cls, frame: Any, rows: np.ndarray | None = None, one_hot: int = 8, one_hot_value: float = 1.0
    ) -> "TableEncoder":
        """The encoder fitted to the `rows` of a table.

        Args:
            frame: a `Frame`, or a table that `read_frame` reads.
            rows: indices of the rows to learn from, such as the training part; all where None.
            one_hot: number of levels up to which a category becomes one column per level, else codes.
            one_hot_value: the value in the column of the level that a row has.
        """
        frame = read_frame(frame)
        fitted = [
            encoder
            for column in frame.columns
            for encoder in _encoders(column.taken(rows), one_hot, float(one_hot_value))
        ]
        return cls(frame.names, frame.named, sorted(fitted, key=lambda coding: ORDER.index(type(coding))))

    @property
    def takes_tables(self) -> bool:
        return True

    @property
    def row_shape(self) -> tuple[int, ...]:
        return (size_of(self.columns),)

    def encode(self, inputs: Any) -> np.ndarray:
        """The matrix of a table. Shape: (rows, width), float32 where all numbers of the table are, else float64.

        Columns are found by name where both tables have names, then their order is free and others are passed over;
        else by position.

        Raises:
            DataError: a column that is missing, or holds another kind of cells than in the fit.
            ShapeError: another number of columns, where they have no names.
        """
        frame = self._matched(read_frame(inputs))
        if self.is_identity and frame.complete and frame.matrix is not None and frame.names == self.names:
            return frame.matrix
        matrix = np.empty((frame.n_rows, len(self.feature_names)), frame.dtype)
        numbers, others = self._split
        if numbers:
            self._encode_numbers(frame, matrix[:, : len(numbers)])
        start = len(numbers)
        for encoder in others:
            stop = start + len(encoder.outputs)
            matrix[:, start:stop] = encoder.encode(frame)
            start = stop
        return matrix

    def _encode_numbers(self, frame: Frame, into: np.ndarray) -> None:
        """All columns of numbers at once, as `Numeric.encode` does each."""
        names, fill, mean, scale = self._numbers
        into[...] = frame.numbers(names)
        if not frame.complete:
            np.copyto(into, fill, where=np.isnan(into))
        if mean.any() or (scale != 1).any():
            np.divide(into - mean, scale, out=into)

    def _matched(self, frame: Frame) -> Frame:
        if self.named and frame.named:
            missing = [
                name for name in dict.fromkeys(column.name for column in self.columns) if name not in frame.places
            ]
            if missing:
                raise DataError(f"the table lacks columns of the fit: {', '.join(map(repr, missing))}")
            return frame
        if frame.n_columns != len(self.names):
            raise ShapeError(
                f"X has {frame.n_columns} features, but {type(self).__name__} is expecting {len(self.names)} features "
                "as input"
            )
        return frame.renamed(self.names)

    @functools.cached_property
    def _split(self) -> tuple[list[Numeric], list[ColumnEncoder]]:
        """The columns of numbers in front, and all others."""
        count = next((n for n, column in enumerate(self.columns) if type(column) is not Numeric), len(self.columns))
        return [column for column in self.columns[:count] if isinstance(column, Numeric)], self.columns[count:]

    @functools.cached_property
    def _numbers(self) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
        numbers, _ = self._split
        rows = np.array([(number.fill, number.mean, number.scale) for number in numbers])
        return [number.name for number in numbers], *rows.T

    @functools.cached_property
    def is_identity(self) -> bool:
        """Whether all columns were numbers without missing values in the fit: the matrix is the table itself."""
        plain = all(type(column) is Numeric and (column.mean, column.scale) == (0, 1) for column in self.columns)
        return plain and [column.name for column in self.columns] == self.names

    @functools.cached_property
    def _outputs(self) -> list[tuple[ColumnEncoder, list[str]]]:
        """The encoders with the names of their columns; one that is taken gets lines under it."""
        used_names: set[str] = set()
        outputs = []
        for encoder in self.columns:
            names = []
            for name in encoder.outputs:
                while name in used_names:
                    name += "_"
                used_names.add(name)
                names.append(name)
            outputs.append((encoder, names))
        return outputs

    @functools.cached_property
    def feature_names(self) -> list[str]:
        """The columns of the matrix: `"age"`, `"age_missing"`, `"city=Rome"`, ..."""
        return [name for _, names in self._outputs for name in names]

    @property
    def groups(self) -> dict[str, list[str]]:
        """Column of the table -> its columns of the matrix; none for a column without information."""
        groups: dict[str, list[str]] = {name: [] for name in self.names}
        for encoder, names in self._outputs:
            groups[encoder.name] += names
        return groups

    @property
    def numbers(self) -> list[str]:
        """The columns of the matrix on the scale of the data: numbers, and days of dates."""
        return [names[0] for encoder, names in self._outputs if encoder.amounts]

    @property
    def code_sizes(self) -> dict[str, int]:
        """Column of codes -> number of codes, including 0 for missing values and unknown levels."""
        return {
            names[0]: 1 + len(encoder.categories) for encoder, names in self._outputs if isinstance(encoder, Ordinal)
        }


def _encoders(column: Column, one_hot: int, value: float) -> list[ColumnEncoder]:
    """The encoders of a column; none if all rows are the same."""
    missing = column.missing
    gaps = bool(missing.any())
    if missing.all():
        return []
    if column.kind == "category":
        return _category_encoders(column, gaps, one_hot, value)
    present = column.values[~missing] if gaps else column.values
    varies = bool(present.min() < present.max())
    if column.kind == "boolean":
        return [Boolean(column.name)] if varies or gaps else []
    encoder: ColumnEncoder = Dates.fit(column) if column.kind == "date" else Numeric.filling(column)
    indicator = GapIndicator(column.name, column.kind)
    return [*([encoder] if varies else []), *([indicator] if gaps else [])]


def _category_encoders(column: Column, gaps: bool, one_hot: int, value: float) -> list[ColumnEncoder]:
    count = Counter(cell for cell in column.values if cell is not None)
    levels = sorted(count)
    if len(levels) == 1 and not gaps:
        return []
    if len(levels) == 2:
        return [TwoValued(column.name, levels)]
    if len(levels) <= one_hot or len(levels) == 1:
        return [OneHot(column.name, levels, value)]
    frequent = sorted((level for level in levels if count[level] > 1), key=lambda level: -count[level])
    return [Ordinal(column.name, sorted(frequent[:MOST_LEVELS]))] if frequent else []
