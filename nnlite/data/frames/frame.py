"""A raw table as named columns, each of one kind."""

import copy
import dataclasses
import functools
import numbers
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol, cast

import numpy as np

from nnlite.data.files.around.amounts import amounts_of_texts, conversion
from nnlite.data.files.remedies import remedy_of_typed_text
from nnlite.errors import DataError, no_column

__all__ = ["Column", "Frame"]

Kind = Literal["number", "boolean", "category", "date"]
SINGULAR = {"number": "a number", "boolean": "true or false", "category": "text", "date": "a date"}
PLURAL = {"number": "numbers", "boolean": "true and false", "category": "categories", "date": "dates"}
REMEDIES = {
    "boolean": "give True and False",
    "category": "give text",
    "date": "make dates of it, such as by pandas.to_datetime",
}


def text_of(cell: Any) -> str:
    """A level of a category as a string: 1, 1.0 and "1" are the same level."""
    if isinstance(cell, (numbers.Real, Decimal)) and not isinstance(cell, (bool, np.bool_)):
        whole = None if cell in (np.inf, -np.inf) else int(cast(Any, cell))
        return str(whole) if whole == cell else str(cell)
    return str(cell)


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a raw table.

    Args:
        name: the column's name.
        kind: `"number"`, `"boolean"`, `"category"` or `"date"`.
        values: shape (rows,). Numbers are float64 or float32, booleans floats 0 and 1, both with NaN for a gap;
            categories are Python strings with None for a gap; dates are `datetime64` with NaT for a gap.
        from_numbers: whether categories may be numbers, so that one number is one category however it is written.
        declared: whether the table itself says that these are categories, by the type of the column.
        unit: what stands around numbers that were texts, such as `$`; None or empty for bare numbers.
        zoned: whether dates had a time zone, and are in universal time now; None if there are none.
    """

    name: str
    kind: Kind
    values: np.ndarray
    from_numbers: bool = False
    declared: bool = False
    unit: str | None = None
    zoned: bool | None = None

    @property
    def missing(self) -> np.ndarray:
        """Mask of the missing rows. Shape: (rows,), booleans."""
        if self.kind == "category":
            return np.fromiter((cell is None for cell in self.values), bool, len(self.values))
        return np.isnat(self.values) if self.kind == "date" else np.isnan(self.values)

    def taken(self, rows: np.ndarray | None) -> "Column":
        """The column restricted to these rows; unchanged if None."""
        return self if rows is None else dataclasses.replace(self, values=self.values[rows])

    def in_unit(self, wanted: str | None) -> "Column":
        """The numbers in a unit: times are converted, bare numbers accepted; `DataError` for another unit.

        >>> Column("ride", "number", np.array([3.0]), unit="min").in_unit("s").values.tolist()
        [180.0]
        """
        if not wanted or not self.unit or self.unit == wanted:
            return self
        factor = conversion(self.unit, wanted)
        if factor is None:
            raise DataError(
                f"column {self.name!r} holds amounts in {self.unit!r}, the model learned {wanted!r}; convert them, and "
                "write them as bare numbers or with that unit"
            )
        return Column(self.name, "number", self.values * factor, unit=wanted)

    def as_kind(self, kind: Kind) -> "Column":
        """The same column read as `kind`.

        Booleans are numbers 0 and 1; numbers are booleans, where 0 and 1 alone have a meaning; numbers and booleans
        are categories by their text; texts such as $5,000 are numbers; a column of gaps is of any kind.

        Raises:
            DataError: another kind that cannot be read as this one; it names column, row and cell.
        """
        if kind == self.kind:
            return self
        if {kind, self.kind} == {"number", "boolean"}:
            return Column(self.name, kind, self.values)
        missing = self.missing
        if missing.all():
            return Column(self.name, kind, _gaps(kind, len(missing)))
        if kind == "category" and self.kind != "date":
            return Column(self.name, kind, self._texts(missing), from_numbers=self.kind == "number")
        if kind == "number" and self.kind == "category" and (amounts := amounts_of_texts(self.values)) is not None:
            return Column(self.name, kind, amounts[0], unit=amounts[1])
        row = self.first_text()
        cell = str(self.values[row])
        remedy = remedy_of_typed_text(cell) if kind == "number" else REMEDIES[kind]
        raise DataError(
            f"column {self.name!r}, row {row}: {cell!r} is {SINGULAR[self.kind]}; in the fit the column held "
            f"{PLURAL[kind]}{f'; {remedy}' if remedy else ''}"
        )

    def first_text(self) -> int:
        """The first row whose string is not an amount; if all are, or none is a string, the first that is present."""
        present = np.flatnonzero(~self.missing)
        texts = present if self.kind == "category" else ()
        return int(next((row for row in texts if amounts_of_texts(self.values[[row]]) is None), present[0]))

    def _texts(self, missing: np.ndarray) -> np.ndarray:
        texts = np.full(len(missing), None, object)
        cells = self.values[~missing]
        texts[~missing] = [text_of(cell) for cell in (cells != 0 if self.kind == "boolean" else cells)]
        return texts


def _gaps(kind: Kind, rows: int) -> np.ndarray:
    if kind == "category":
        return np.full(rows, None, object)
    return np.full(rows, "NaT", "datetime64[us]") if kind == "date" else np.full(rows, np.nan)


class ColumnSource(Protocol):
    """A source of columns by name: a `Frame`, or the `Table` of a CSV file, each with errors of its own."""

    def column(self, name: str, kind: Kind) -> Column:
        """The column `name` read as `kind`."""
        ...

    def given(self, name: str) -> Column:
        """The column `name` in its original kind, with None for missing strings."""
        ...


class Frame:
    """A raw table: columns of equal length, by name and by position; `read_frame` makes one of any table.

    Args:
        columns: the columns, with distinct names; None if `matrix` holds them.
        matrix: columns of numbers, shape (rows, columns), float32 or float64 without infinities.
        names: what the columns of `matrix` are called; `x0`, `x1`, ... where None.
        named: whether the names came with the table, so that columns may be found by them.
        complete: whether `matrix` is known to have no gaps.

    >>> from nnlite.data import read_frame
    >>> frame = read_frame({"age": [31, None, 40], "city": ["Rome", "Oslo", None]})
    >>> frame.names, frame.n_rows, [column.kind for column in frame.columns]
    (['age', 'city'], 3, ['number', 'category'])
    >>> frame.column("age", "number").values.tolist()
    [31.0, nan, 40.0]
    """

    def __init__(
        self,
        columns: Sequence[Column] | None = None,
        *,
        matrix: np.ndarray | None = None,
        names: list[str] | None = None,
        named: bool = True,
        complete: bool = False,
    ) -> None:
        self.matrix, self.named, self.complete = matrix, named, complete
        self._columns = None if columns is None else list(columns)
        self._names = names if columns is None else [column.name for column in columns]
        self._gap_text: str | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0].values) if self.matrix is None else self.matrix.shape[0]

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.columns) if self.matrix is None else self.matrix.shape[1]

    @functools.cached_property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [f"x{index}" for index in range(self.n_columns)] if self._names is None else self._names

    @functools.cached_property
    def columns(self) -> list[Column]:
        """The columns, in order."""
        if self.matrix is None:
            return self._columns or []
        return [Column(name, "number", values) for name, values in zip(self.names, self.matrix.T, strict=True)]

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """Position of each column."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def dtype(self) -> np.dtype:
        """float32 if all numbers have that dtype and there are no dates, else float64."""
        if self.matrix is not None:
            return self.matrix.dtype
        dtypes = {column.values.dtype for column in self.columns if column.kind in ("number", "date")}
        return np.dtype(np.float32 if dtypes == {np.dtype(np.float32)} else np.float64)

    def column(self, name: str, kind: Kind) -> Column:
        """The column `name` read as `kind`; `DataError` if there is none, or if it holds something else."""
        column = self.given(name).as_kind(kind)
        if kind == "category" and self._gap_text is not None:
            filled = np.where(column.missing, self._gap_text, column.values)
            return Column(name, kind, filled, column.from_numbers)
        return column

    def given(self, name: str) -> Column:
        """The column `name` in its own kind; `DataError` if it does not exist."""
        if name not in self.places:
            raise DataError(f"the table has {no_column(name, self.names)}")
        index = self.places[name]
        return self.columns[index] if self.matrix is None else Column(name, "number", self.matrix[:, index])

    def numbers(self, names: list[str]) -> np.ndarray:
        """Columns of numbers side by side, NaN for missing values. Shape: (rows, columns named)."""
        if self.matrix is not None and names == self.names:
            return self.matrix
        if self.matrix is not None:
            return self.matrix[:, [self.places[name] for name in names]]
        return np.column_stack([self.column(name, "number").values for name in names])

    def renamed(self, names: list[str]) -> "Frame":
        """The same columns under other names."""
        if self.matrix is not None:
            return Frame(matrix=self.matrix, names=names, named=self.named, complete=self.complete)
        pairs = zip(names, self.columns, strict=True)
        return Frame([dataclasses.replace(column, name=name) for name, column in pairs], named=self.named)

    def with_columns(self, columns: Sequence[Column]) -> "Frame":
        """The given columns, such as a subset of rows or columns, as a table of the same type."""
        return Frame(columns, named=self.named)

    def gaps_as_text(self) -> "Frame":
        """The same table with `""` for missing categories, as in a CSV file."""
        frame = copy.copy(self)
        frame._gap_text = ""
        return frame

    def __repr__(self) -> str:
        kinds = ", ".join(f"{column.name}: {column.kind}" for column in self.columns[:8])
        return f"Frame({self.n_rows} rows; {kinds}{', ...' if self.n_columns > 8 else ''})"
