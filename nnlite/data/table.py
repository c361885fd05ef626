"""A text file as named columns of cells, read as numbers, strings or labels on request."""

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from nnlite.data.files.around.amounts import read_amounts
from nnlite.data.files.dialects import Dialect, plain_dialect
from nnlite.data.files.marks import Marks
from nnlite.data.files.notes import Notes
from nnlite.data.files.numerals import EXACT
from nnlite.data.files.reading import TextTable, read_text_table, read_text_table_like
from nnlite.data.files.remedies import LEAVE_OUT, remedy_of, shown
from nnlite.data.frames.digits import ROUNDED, rounded_pair
from nnlite.data.frames.frame import Column, Kind
from nnlite.data.safety.files import place_of, read_bytes
from nnlite.errors import DataError, no_column

__all__ = ["Table"]

SPELLED_OUT = re.compile("-?[0-9]+")  # an integer of `NumberFormat.canonical`, which rounds those with an exponent


@dataclass(frozen=True)
class Table:
    """The cells of a text file, stripped of blanks; each error names file, line and column.

    Which cells stand for a missing value, and how numbers are written, is a matter of the `dialect`.

    Args:
        path: of the file.
        columns: name -> cells.
        lines: the line of each row.
        dialect: how the file writes its cells.
        notes: what was decided about the file, or about cells that were read as missing.
        repeated: names that stand more than once in the first line.
        told_marks: what stands for a missing value, and has been reported.

    >>> table = Table("t.csv", {"size": ["3.5", "NA"], "kind": ["1.0", "01"]}, [2, 3])
    >>> table.numbers("size").tolist(), table.texts("kind").tolist()
    ([3.5, nan], ['1.0', '01'])
    >>> table.labels("kind").tolist()
    [1, 1]
    """

    path: str
    columns: dict[str, list[str]]
    lines: Sequence[int]
    dialect: Dialect = field(default_factory=plain_dialect)
    notes: Notes = field(default_factory=Notes)
    repeated: frozenset[str] = frozenset()
    told_marks: set[str] = field(default_factory=lambda: {""}, repr=False, compare=False)

    @classmethod
    def read(
        cls,
        path: str,
        dialect: Dialect | Mapping[str, Any] | None = None,
        named: Collection[str] = (),
        like: bool = False,
    ) -> "Table":
        """Read a text file.

        Args:
            path: the file; `-` is the standard input.
            dialect: how it is written; what it leaves open is found from the file.
            named: columns that are asked for: a first line that has them all is one of names.
            like: whether the dialect is that of another file, so that this one may differ: a note then says how.

        Raises:
            DataError: no such file, an empty one, broken quoting, a line with too few or too many cells.
        """
        return cls.from_bytes(read_bytes(path), path, dialect, named, like)

    @classmethod
    def from_bytes(
        cls,
        content: bytes,
        path: str,
        dialect: Dialect | Mapping[str, Any] | None = None,
        named: Collection[str] = (),
        like: bool = False,
    ) -> "Table":
        """The table in the bytes of a file called `path`."""
        settings = Dialect.get(dialect or {})
        if like:
            return cls.of(read_text_table_like(content, settings, path), path)
        return cls.of(read_text_table(content, settings, path, named), path)

    @classmethod
    def of(cls, text: TextTable, path: str) -> "Table":
        """The table of a text that has been read."""
        return cls(place_of(path), text.columns, text.lines, text.dialect, text.notes, text.repeated)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return list(self.columns)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self)

    def require(self, names: Collection[str]) -> None:
        """Raise `DataError` for a missing column, or a name that occurs twice."""
        for name in names:
            self.cells(name)
            if name in self.repeated:
                raise DataError(
                    f"{self.path}: the column name {name!r} occurs more than once in the first line; give each "
                    "column a name of its own"
                )

    def cells(self, name: str) -> list[str]:
        """The column `name` as it is in the file; `DataError` if it does not exist."""
        if name in self.columns:
            return self.columns[name]
        unnamed = "" if self.dialect.header else "; its first line is read as a row, unless `header: true`"
        raise DataError(f"{self.path}: {no_column(name, self.columns)}{unnamed}")

    def column(self, name: str, kind: Kind) -> Column:
        """The column `name` as `kind`; a missing category is the category `""`, equal numbers are one category.

        Raises:
            DataError: a cell that is not a finite number in a column of numbers; a kind that a text file does not have.
        """
        if kind == "number":
            numbers, unit = self._numbers(name, LEAVE_OUT)
            return Column(name, "number", numbers, unit=unit)
        texts = np.array(self._levels(name), dtype=object)
        return Column(name, "category", texts, from_numbers=True).as_kind(kind)

    def given(self, name: str) -> Column:
        """The column `name` as categories with None for missing values: a text file has no other kind of cells."""
        texts = np.array(self._levels(name), dtype=object)
        texts[texts == ""] = None
        return Column(name, "category", texts)

    def texts(self, name: str) -> np.ndarray:
        """The column `name` as strings, `""` where the value is missing."""
        cells, gaps = self.cells(name), self._gaps(name, self._marks.everywhere)
        return np.array(["" if cell in gaps else cell for cell in cells] if gaps else cells)

    def numbers(self, name: str, remedy: str = LEAVE_OUT) -> np.ndarray:
        """The column `name` as float64, NaN where the value is missing.

        Raises:
            DataError: a cell that is not a finite number; it ends with what to do, `remedy` if nothing better is known.
        """
        return self._numbers(name, remedy)[0]

    def _numbers(self, name: str, remedy: str) -> tuple[np.ndarray, str | None]:
        """The column `name` as numbers, and their unit, if they have one."""
        cells = self.cells(name)
        gaps = set(self._marks.in_numbers.intersection(cells))
        numbers, unit = self._values([cell for cell in cells if cell not in gaps] if gaps else cells)
        if numbers is None:
            self._refuse_text(name, gaps, remedy)
        if gaps:
            missing = np.fromiter((cell in gaps for cell in cells), bool, len(cells))
            present, numbers = numbers, np.full(len(cells), np.nan)
            numbers[~missing] = present
        infinite = np.isinf(numbers)
        if infinite.any():
            self._refuse_infinite(name, int(infinite.argmax()))
        self._gaps(name, self._marks.in_numbers)  # which tells of them, now that all others are numbers
        self.rounds(name, numbers)
        return numbers, unit

    def rounds(self, name: str, numbers: np.ndarray) -> bool:
        """Whether different integers of a column are the same as floats, `numbers`; if so, it is told."""
        if not (np.abs(numbers) > EXACT).any():
            return False
        canonical = map(self.dialect.numbers.canonical, self.cells(name))
        spelled_out = {row: text for row, text in enumerate(canonical) if SPELLED_OUT.fullmatch(text)}
        rows, texts = list(spelled_out), list(spelled_out.values())
        pair = rounded_pair(texts, numbers[rows])
        if pair is not None:
            location = self.place(rows[texts.index(pair[1])], name)
            self.notes.tell(f"{location}: {pair[0]} and {pair[1]} {ROUNDED}, or encode them as categories")
        return pair is not None

    def _values(self, cells: list[str]) -> tuple[np.ndarray | None, str | None]:
        """The numbers in present cells and the currency or unit around them; None if one of them is not a number."""
        numbers = self.dialect.numbers.values(cells)
        if numbers is None and (amounts := read_amounts(cells)) is not None:
            return self.dialect.numbers.values(amounts.numbers), amounts.unit
        return numbers, None

    def missing(self, name: str) -> np.ndarray:
        """Mask of the rows without a value in the column `name`, `(rows,)`."""
        return self._missing(name, self._levels(name))

    def labels(self, name: str) -> np.ndarray:
        """The column `name` as class labels: integers if every cell is one, else strings.

        Codes of one length such as `007` are text: a label must come back from `predict` as it went in.

        Raises:
            DataError: a missing value.
        """
        levels = self._levels(name)
        self._refuse_missing(name, self._missing(name, levels))
        texts = np.array(levels)
        try:
            numbers = texts.astype(np.int64)
        except (ValueError, OverflowError):
            return texts
        return numbers if (numbers.astype(texts.dtype) == texts).all() else texts

    def quantities(self, name: str) -> np.ndarray:
        """The column `name` as finite float64 numbers; `DataError` for a string or a missing value."""
        numbers = self.numbers(name, remedy="only numbers are allowed here")
        self._refuse_missing(name, np.isnan(numbers))
        return numbers

    def _levels(self, name: str) -> list[str]:
        """The cells as categories: `""` for a gap; one text for each number where the column holds numbers."""
        cells, gaps = self.cells(name), self._gaps(name, self._marks.everywhere)
        canonical = self.dialect.numbers.canonical if self._is_numeric(name) and not self._is_coded(name) else str
        level_by_cell = {cell: "" if cell in gaps else canonical(cell) for cell in set(cells)}
        return [level_by_cell[cell] for cell in cells]

    def _missing(self, name: str, levels: list[str]) -> np.ndarray:
        """Mask of the gaps among the levels of a column."""
        gaps = {"", *self._marks.in_numbers} if self._is_numeric(name) else {""}
        return np.fromiter((level in gaps for level in levels), bool, len(levels))

    def _is_numeric(self, name: str) -> bool:
        """Whether a column holds nothing but numbers and what may stand for a missing one."""
        return self.dialect.numbers.all_match(set(self.cells(name)) - self._marks.in_numbers)

    def _is_coded(self, name: str) -> bool:
        """Whether its cells are codes of one length, zeros in front, such as `01067` and `10115`."""
        present = set(self.cells(name)) - self._marks.in_numbers
        same = len(set(map(len, present))) == 1 and all(map(str.isdecimal, present))
        return same and any(cell[0] == "0" and len(cell) > 1 for cell in present)

    @functools.cached_property
    def _marks(self) -> Marks:
        return Marks(self.dialect.missing)

    def _gaps(self, name: str, marks: frozenset[str]) -> set[str]:
        """The marks in a column; each, but for the empty cell, is reported once a file."""
        cells = self.cells(name)
        gaps = set(marks.intersection(cells))
        for mark in sorted(gaps - self.told_marks):
            self.told_marks.add(mark)
            where = "wherever else it stands" if mark in self._marks.everywhere else "in other columns of numbers"
            self.notes.tell(
                f"{self.place(cells.index(mark), name)}: {mark!r} is read as a missing value, here and {where}; "
                "`missing` states what is one"
            )
        return gaps

    def _refuse_text(self, name: str, gaps: set[str], remedy: str) -> NoReturn:
        form, cells = self.dialect.numbers, self.cells(name)
        bad = [row for row, cell in enumerate(cells) if cell not in gaps and not form.matches(cell)]
        row, cell = bad[0], cells[bad[0]]
        if cell.lower().lstrip("+-") in ("inf", "infinity", "nan"):
            self._refuse_infinite(name, row)
        advice = remedy_of(cell, form, name, remedy, rare=2 * len(bad) < len(cells))
        if row == 0 and len(bad) == 1 and not self.dialect.header:
            advice = "state `header: true` if this line names the columns"
        count = f" ({len(bad)} of {len(cells)} cells are not numbers)" if len(bad) > 1 else ""
        raise DataError(f"{self.place(row, name)}: text {shown(cell)} in a numeric column; {advice}{count}")

    def _refuse_infinite(self, name: str, row: int) -> NoReturn:
        cell = self.cells(name)[row]
        raise DataError(
            f"{self.place(row, name)}: {shown(cell)} is not a finite number; leave the cell empty if it is missing"
        )

    def _refuse_missing(self, name: str, missing: np.ndarray) -> None:
        if missing.any():
            location = self.place(int(missing.argmax()), name)
            raise DataError(
                f"{location}: the value is missing (so in {missing.sum()} of {len(self)} rows); remove such rows, or "
                "leave them out by `missing_target: drop`"
            )

    def place(self, row: int, name: str) -> str:
        """The position of a cell in the file, for error messages."""
        return f"{self.path}, line {self.lines[row]}, column {name!r}"
