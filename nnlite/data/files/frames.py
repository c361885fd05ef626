"""Files with typed columns: Parquet, Arrow and JSON, read as a `Frame` with the path of its file."""

import contextlib
import io
import json
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from nnlite.data.files.around.amounts import amounts_of_texts
from nnlite.data.files.decoding import decode, decompress
from nnlite.data.files.dialects import AUTO
from nnlite.data.files.notes import Notes
from nnlite.data.files.remedies import LEAVE_OUT, remedy_of_typed_text, shown
from nnlite.data.frames.frame import Column, Frame, Kind
from nnlite.data.frames.reading import read_frame
from nnlite.data.safety.files import first_bytes, place_of, regular
from nnlite.data.safety.limits import limits
from nnlite.errors import DataError, needed_for, no_column
from nnlite.errors.boundary import reading, with_place

__all__ = ["FileFrame", "read_arrow_file", "read_json_file"]

PARQUET, ARROW = b"PAR1", b"ARRO"
ARROW_HEADS = (PARQUET, ARROW)  # first bytes of files that pyarrow reads


class FileFrame(Frame):
    """A frame that names its file in each error; a missing category is the category `""`.

    Args:
        path: of the file.
        frame: its columns.
        start: number of rows of the file before these.

    >>> from nnlite.data import read_frame
    >>> frame = FileFrame("t.parquet", read_frame({"size": [3.5, None], "kind": ["a", "b"]}))
    >>> frame.labels("kind").tolist(), frame.column("size", "number").missing.tolist()
    (['a', 'b'], [False, True])
    """

    def __init__(self, path: str, frame: Frame, start: int = 0) -> None:
        columns = frame.columns if frame.matrix is None else None
        super().__init__(columns, matrix=frame.matrix, names=frame.names, named=frame.named, complete=frame.complete)
        self.path, self.start = path, start
        self._gap_text = ""

    def require(self, names: Collection[str]) -> None:
        """Raise `DataError` for a missing column."""
        for name in names:
            if name not in self.places:
                raise DataError(f"{self.path}: {no_column(name, self.names)}")

    def with_columns(self, columns: Sequence[Column]) -> "FileFrame":
        return FileFrame(self.path, super().with_columns(columns))

    def given(self, name: str) -> Column:
        self.require([name])
        return super().given(name)

    def column(self, name: str, kind: Kind) -> Column:
        column = self.given(name)
        if kind == "number" and column.kind == "category":
            amounts = amounts_of_texts(column.values)
            if amounts is not None:
                return Column(name, kind, amounts[0], unit=amounts[1])
        if kind == "number" and column.kind in ("category", "date") and not column.missing.all():
            row = column.first_text()
            what = "text" if column.kind == "category" else "the date"
            advice = (
                remedy_of_typed_text(str(column.values[row])) or LEAVE_OUT
                if column.kind == "category"
                else f"state `columns: {{{name}: date}}`, or add it to `drop`"
            )
            raise DataError(
                f"{self.path}, row {self.start + row}, column {name!r}: {what} {shown(str(column.values[row]))} in a "
                f"numeric column; {advice}"
            )
        try:
            return super().column(name, kind)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None

    def missing(self, name: str) -> np.ndarray:
        """Mask of the rows without a value in the column `name`, `(rows,)`."""
        return self.given(name).missing

    def labels(self, name: str) -> np.ndarray:
        """The column `name` as class labels: integers, booleans or strings; `DataError` for a gap or a date."""
        column = self.given(name)
        self._refuse_missing(name, column.missing)
        if column.kind == "boolean":
            return column.values == 1
        if column.kind == "number" and (column.values == np.floor(column.values)).all():
            return column.values.astype(np.int64)
        return np.array(self.column(name, "category").values.tolist())

    def quantities(self, name: str) -> np.ndarray:
        """The column `name` as finite float64 numbers; `DataError` for a text, a date or a gap."""
        column = self.column(name, "number")
        self._refuse_missing(name, column.missing)
        return column.values.astype(np.float64)

    def _refuse_missing(self, name: str, missing: np.ndarray) -> None:
        if missing.any():
            raise DataError(
                f"{self.path}, row {self.start + int(missing.argmax())}, column {name!r}: the value is missing (so "
                f"in {missing.sum()} of {self.n_rows} rows); remove such rows, or leave them out by "
                "`missing_target: drop`"
            )


def read_arrow_file(path: str, content: bytes | None = None) -> FileFrame:
    """A Parquet or Arrow file.

    Args:
        path: the file.
        content: its bytes, where they are read already.

    Raises:
        MissingLibraryError: pyarrow is not installed.
        DataError: a damaged file, or columns that are not a table of numbers, strings and dates.
    """
    with needed_for("Parquet files are read by pyarrow", "nnlite[tables]"):
        from pyarrow import feather, parquet  # pyright: ignore[reportMissingImports]

    location, source = place_of(path), path if content is None else io.BytesIO(content)
    if content is None:
        limits().check_bytes(regular(path).st_size, location)
    with reading(location, "a damaged file", "write it again"):
        is_parquet = (content[:4] if content else first_bytes(path)) == PARQUET
        if is_parquet:
            described = parquet.read_metadata(source)
            limits().check_shape(described.num_rows, described.num_columns, location)
        table: Any = parquet.read_table(source) if is_parquet else feather.read_table(source)
        limits().check_shape(table.num_rows, table.num_columns, location)
        table.validate(full=True)  # offsets that point out of a damaged file would end the process
        return framed(location, without_index(table))


def without_index(table: Any) -> Any:
    """An Arrow table without the index columns that pandas writes."""
    index = [name for name in table.column_names if name.startswith("__index_level_")]
    return table.drop_columns(index) if index else table


def read_json_file(path: str, content: bytes) -> FileFrame:
    """A JSON file: one object per line, a list of objects, or one object that holds a whole table.

    Such an object has a list for each column, or it is what pandas's `to_json` writes by default, or with the `orient`
    "split", "table", or "index" of rows that are numbered and columns that are not. An index without a name is left
    out.

    Raises:
        DataError: no JSON, or no objects; it names the line.
    """
    location = place_of(path)
    text, _ = decode(decompress(content, AUTO, location)[0], AUTO, location, Notes())
    if text.lstrip().startswith("["):
        return framed(location, _checked(_parsed(text, location, 1), location))
    rows = _objects(text, location)
    if not rows:
        raise DataError(f"{location}: the file is empty")
    return framed(location, _table_of(rows[0], location) if len(rows) == 1 else rows)


def _checked(rows: Any, location: str) -> list[dict[str, Any]]:
    """The rows; `DataError` unless they are objects."""
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        return rows
    raise DataError(f'{location}: expected a list of objects, such as [{{"size": 3.5}}]')


def _objects(text: str, location: str) -> list[dict[str, Any]]:
    """The only object in a text, which may take several lines, or those of its lines."""
    with contextlib.suppress(ValueError, RecursionError):  # there are several objects, or one line is wrong
        whole = json.loads(text)
        if isinstance(whole, dict):
            return [whole] if whole else []
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            rows.append(_parsed(line, location, number))
            if not isinstance(rows[-1], dict):
                raise DataError(f'{location}, line {number}: expected an object, such as {{"size": 3.5}}')
    return rows


def _table_of(table: dict[str, Any], location: str) -> Any:
    """The rows, or the columns, that one object holds; the object itself is the only row where it holds no others."""
    values, keys = list(table.values()), table.keys()
    if keys == {"schema", "data"}:
        return _without_numbers(_checked(table["data"], location), table["schema"])
    if keys == {"columns", "data"} or keys == {"columns", "index", "data"}:
        return _joined(table["columns"], table["data"], location)
    if len(table) > 1 and all(isinstance(cells, list) for cells in values):
        return table
    if not all(isinstance(cells, dict) and cells and cells.keys() == values[0].keys() for cells in values):
        return [table]
    if _are_numbers(table) and not _are_numbers(values[0]):
        return values
    return {name: [cells[row] for row in values[0]] for name, cells in table.items()}


def _are_numbers(keys: Collection[str]) -> bool:
    """Whether keys number rows, not always from 0 on: some may have been taken out, or their order changed."""
    return all(key.isdecimal() for key in keys)


def _without_numbers(rows: list[dict[str, Any]], schema: Any) -> list[dict[str, Any]]:
    """The rows without the index, where it has no name of its own and pandas's schema calls it `index` or `level_0`."""
    keys = schema.get("primaryKey") if isinstance(schema, dict) else None
    unnamed = [key for key in keys if re.fullmatch(r"index|level_\d+", str(key))] if isinstance(keys, list) else []
    return [{name: cell for name, cell in row.items() if name not in unnamed} for row in rows] if unnamed else rows


def _joined(names: Any, rows: Any, location: str) -> list[dict[str, Any]]:
    """The rows with the names of their cells."""
    lists = isinstance(names, list) and isinstance(rows, list) and names and rows
    if not lists or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        raise DataError(
            f'{location}: "data" is not a list of rows, each a list of one value for each name in "columns"'
        )
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


def _parsed(text: str, location: str, line: int) -> Any:
    with reading(f"{location}, line {line}", "not valid JSON"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{location}, line {line + error.lineno - 1}: not valid JSON: {error.msg}") from None


def framed(location: str, table: Any, start: int = 0) -> FileFrame:
    """A table of a library as the frame of the file `location`, from row `start` on; its errors name the file."""
    try:
        return FileFrame(location, read_frame(table), start)
    except DataError as error:
        raise with_place(error, location) from None
