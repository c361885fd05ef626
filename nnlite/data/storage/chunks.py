"""Tables some rows at a time: CSV by the standard library, Parquet by DuckDB."""

import csv
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.data.frames.frame import Column, Frame, Kind
from nnlite.data.frames.reading import read_frame
from nnlite.data.table import Table
from nnlite.errors import DataError, needed_for

__all__ = ["csv_chunks", "joined", "parquet_chunks", "taken"]

CHUNK_CELLS = 2**15  # that stay in the cache: larger chunks take up to twice the time
PARQUET_ROWS = 2**14


def csv_chunks(path: str | os.PathLike, delimiter: str = ",", rows: int | None = None) -> Iterator[Table]:
    """The table of a CSV file, so many rows at a time, with the rules and the complaints of `Table.read`."""
    name, empty = os.fspath(path), True
    try:
        with open(name, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter)
            header, line = next(reader, []), reader.line_num
            rows = rows or max(CHUNK_CELLS // max(len(header), 1), 16)
            while cells := list(itertools.islice(reader, rows)):
                if any(cells):
                    yield _table(name, header, cells, line, reader.line_num, checked=not empty)
                    empty = False
                line = reader.line_num
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{name}: not a CSV file in UTF-8 ({error})") from None
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}") from None
    if empty:
        raise DataError(f"{name}: {'only column names, no rows' if header else 'the file is empty'}")


def _table(path: str, header: list[str], cells: list[list[str]], line: int, last: int, checked: bool) -> Table:
    """The rows of the lines from after `line` to `last` as a table.

    Args:
        checked: whether the header has been looked at.
    """
    lines = range(line + 1, last + 1)
    if len(lines) != len(cells):  # cells with line breaks in them
        lines = itertools.accumulate((1 + "".join(row).count("\n") for row in cells), initial=line)
        lines = list(lines)[1:]
    if not checked or set(map(len, cells)) != {len(header)}:
        return Table._from_rows(path, _Numbered(header, zip(lines, cells, strict=True)))
    columns = [list(map(str.strip, column)) for column in zip(*cells, strict=True)]
    return Table(path, dict(zip(map(str.strip, header), columns, strict=True)), list(lines))


class _Numbered:
    """Rows that have been read, as a reader of the header and these rows.

    Args:
        header: the names of the columns.
        rows: the number of the line on which each row ends, and its cells.
    """

    def __init__(self, header: list[str], rows: Iterable[tuple[int, list[str]]]) -> None:
        self.line_num = 1
        self._rows = itertools.chain([(1, header)], rows)

    def __iter__(self) -> "_Numbered":
        return self

    def __next__(self) -> list[str]:
        self.line_num, row = next(self._rows)
        return row


def parquet_chunks(path: str | os.PathLike, rows: int = PARQUET_ROWS) -> Iterator[Frame]:
    """The table of a Parquet file, so many rows at a time, with columns of the file's types.

    Raises:
        MissingLibraryError: DuckDB, the extra `tables`, is not installed.
        DataError: no such file, or none of this format.
    """
    with needed_for("Parquet files are read by DuckDB", "nnlite[tables]"):
        import duckdb
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise DataError(f"{name}: No such file or directory")
    with duckdb.connect(config={"memory_limit": "256MB", "threads": 1}) as connection:
        try:
            counted = connection.execute("select count(*) from read_parquet(?)", [name]).fetchone()
            total = counted[0] if counted else 0
            query = """select * exclude (file_row_number) from read_parquet(?, file_row_number = true)
                where file_row_number >= ? and file_row_number < ?"""
            for start in range(0, total, rows):
                columns = connection.execute(query, [name, start, start + rows]).fetchnumpy()
                yield read_frame({key: _plain(values) for key, values in columns.items()})
        except duckdb.Error as error:
            raise DataError(f"{name}: not a Parquet file that can be read ({error})") from None
    if not total:
        raise DataError(f"{name}: no rows")


def _plain(values: Any) -> Any:
    """A column of DuckDB, gaps as NaN, NaT or None."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    data, missing = values.data, np.ma.getmaskarray(values)
    if not missing.any():
        return data
    kind = data.dtype.kind
    filled: Any = data.astype(np.float64 if kind in "iuf" else data.dtype if kind == "M" else object)
    filled[missing] = np.nan if kind in "iuf" else np.datetime64("NaT") if kind == "M" else None
    return filled


def taken(inputs: Any, rows: np.ndarray) -> Any:
    """These rows of a chunk: of a `Table`, a `Frame` or an array."""
    if isinstance(inputs, Table):
        chosen = rows.tolist()
        cells = {name: [column[row] for row in chosen] for name, column in inputs.columns.items()}
        return Table(inputs.path, cells, [inputs.lines[row] for row in chosen])
    if isinstance(inputs, Frame):
        return Frame([column.taken(rows) for column in inputs.columns], named=inputs.named)
    return inputs[rows]


def joined(chunks: Sequence[Any]) -> Any:
    """Chunks of one table, one after another."""
    first = chunks[0]
    if isinstance(first, Table):
        cells = {name: list(itertools.chain(*(chunk.columns[name] for chunk in chunks))) for name in first.columns}
        return Table(first.path, cells, list(itertools.chain(*(chunk.lines for chunk in chunks))))
    if isinstance(first, Frame):
        return Frame([_joined_column([chunk.columns[place] for chunk in chunks]) for place in range(first.n_columns)])
    return np.concatenate(chunks)


def _joined_column(parts: list[Column]) -> Column:
    """One column; where a chunk of gaps alone was read as another kind, it is of the kind of the others."""
    full = [part for part in parts if not part.missing.all()]
    kind: Kind = (full or parts)[0].kind
    alike = [part.as_kind(kind) for part in parts]
    return Column(parts[0].name, kind, np.concatenate([part.values for part in alike]))
