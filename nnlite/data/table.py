"""A CSV file as named columns of text, which are read as numbers, texts or labels on request."""

import contextlib
import csv
from dataclasses import dataclass

import numpy as np

from nnlite.data.frames.frame import Column, Kind
from nnlite.errors import DataError, did_you_mean

__all__ = ["Table"]

MISSING = {"", "na", "n/a", "nan", "null"}


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file, stripped of blanks around them; every complaint names file, line and column.

    A cell that is empty or says `NA`, `N/A`, `NaN` or `null`, in any case, is a missing value.
    """

    path: str
    columns: dict[str, list[str]]
    lines: list[int]

    @classmethod
    def read(cls, path: str, delimiter: str = ",") -> "Table":
        """Read a file whose first line names the columns.

        Raises:
            DataError: no such file, an empty file, a repeated column name, a line with too few or too many cells.
        """
        try:
            with open(path, newline="", encoding="utf-8-sig") as file:
                return cls._from_rows(path, csv.reader(file, delimiter=delimiter))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not a CSV file in UTF-8 ({error})") from None
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from None

    @classmethod
    def _from_rows(cls, path, reader) -> "Table":
        header = [name.strip() for name in next(reader, [])]
        rows, lines = [], []
        for row in filter(None, reader):
            if len(row) != len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(row)} cells, but the first line names {len(header)} columns"
                )
            rows.append(row)
            lines.append(reader.line_num)
        if not rows:
            raise DataError(f"{path}: {'only column names, no rows' if header else 'the file is empty'}")
        repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
        if repeated:
            raise DataError(f"{path}, line 1: the column name {repeated[0]!r} stands {header.count(repeated[0])} times")
        cells = ([cell.strip() for cell in column] for column in zip(*rows, strict=True))
        return cls(path, dict(zip(header, cells, strict=True)), lines)

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, name: str) -> list[str]:
        """The column `name` as it stands in the file; `DataError` if there is none."""
        if name not in self.columns:
            raise DataError(f"{self.path}: no column {name!r}; {did_you_mean(name, self.columns)}")
        return self.columns[name]

    def column(self, name: str, kind: Kind) -> Column:
        """The column `name` as `kind`; a missing category is the category `""`.

        Raises:
            DataError: a cell that is no finite number in a column of numbers; a kind that a CSV file does not have.
        """
        if kind == "number":
            return Column(name, "number", self.numbers(name))
        return Column(name, "category", self.texts(name).astype(object)).as_kind(kind)

    def texts(self, name: str) -> np.ndarray:
        """The column `name` as text, `""` where the value is missing."""
        return np.array(["" if cell.lower() in MISSING else cell for cell in self.cells(name)])

    def numbers(self, name: str, remedy: str = "add it to `categorical` or to `drop`") -> np.ndarray:
        """The column `name` as float64, NaN where the value is missing.

        Raises:
            DataError: a cell that is no finite number; it ends with `remedy`.
        """
        cells = self.cells(name)
        with contextlib.suppress(ValueError):  # all at once, where the empty cells alone are missing values
            gaps = cells.count("")
            filled = (cell or "nan" for cell in cells) if gaps else cells
            numbers = np.fromiter(map(float, filled), np.float64, len(cells))
            if np.isfinite(numbers).sum() + gaps == len(cells):
                return numbers
        numbers = np.full(len(self), np.nan)
        for row, cell in enumerate(cells):
            if cell.lower() not in MISSING:
                numbers[row] = self._number(row, name, cell, remedy)
        return numbers

    def labels(self, name: str) -> np.ndarray:
        """The column `name` as class labels: integers if every cell is written as one, else text.

        Raises:
            DataError: a missing value.
        """
        texts = self.texts(name)
        self._refuse_missing(name, texts == "")
        try:
            numbers = texts.astype(np.int64)
        except (ValueError, OverflowError):
            return texts
        # "007" stays text: a label must come back from `predict` as it went in.
        return numbers if (numbers.astype(texts.dtype) == texts).all() else texts

    def quantities(self, name: str) -> np.ndarray:
        """The column `name` as finite float64 numbers; `DataError` for a text or a missing value."""
        numbers = self.numbers(name, remedy="only numbers are allowed here")
        self._refuse_missing(name, np.isnan(numbers))
        return numbers

    def _number(self, row: int, name: str, cell: str, remedy: str) -> float:
        try:
            number = float(cell)
        except ValueError:
            raise DataError(f"{self._place(row, name)}: text {cell!r} in a numeric column; {remedy}") from None
        if not np.isfinite(number):
            raise DataError(f"{self._place(row, name)}: {cell!r} is not a finite number")
        return number

    def _refuse_missing(self, name: str, missing: np.ndarray) -> None:
        if missing.any():
            place = self._place(int(missing.argmax()), name)
            raise DataError(
                f"{place}: the value is missing (so in {missing.sum()} of {len(self)} rows); remove such rows"
            )

    def _place(self, row: int, name: str) -> str:
        return f"{self.path}, line {self.lines[row]}, column {name!r}"
