"""Chunks of tables: those of a Parquet or Arrow file, a subset of one, and several concatenated."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.data.files.frames import PARQUET, FileFrame, framed, without_index
from nnlite.data.frames.frame import Column, Frame, Kind
from nnlite.data.safety.files import first_bytes
from nnlite.data.table import Table
from nnlite.errors import DataError, needed_for
from nnlite.errors.boundary import reading

__all__ = ["arrow_chunks", "joined", "taken"]

ARROW_ROWS = 2**14


def arrow_chunks(path: str, rows: int | None = None) -> Iterator[FileFrame]:
    """The table of a Parquet or Arrow file in chunks of rows, with columns of the file's types.

    Args:
        path: the file.
        rows: the maximum in a chunk; 16,384 when None.

    Raises:
        MissingLibraryError: pyarrow, the extra `tables`, is not installed.
        DataError: no such file, one of another make, or one without rows.
    """
    with needed_for("Parquet files are read by pyarrow", "nnlite[tables]"):
        import pyarrow  # noqa: F401 # pyright: ignore[reportMissingImports]

    start = 0
    with reading(path, "no Parquet or Arrow file that can be read", "write it again"):
        for table in _arrow_tables(path, rows or ARROW_ROWS):
            yield framed(path, without_index(table), start)
            start += table.num_rows
    if not start:
        raise DataError(f"{path}: no rows")


def _arrow_tables(path: str, rows: int) -> Iterator[Any]:
    from pyarrow import Table as ArrowTable, ipc, memory_map, parquet  # pyright: ignore[reportMissingImports]

    if first_bytes(path) == PARQUET:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(rows):
                yield ArrowTable.from_batches([batch])
    else:
        with memory_map(path) as mapped, ipc.open_file(mapped) as file:
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                batch.validate(full=True)  # offsets that point out of a damaged file would end the process
                for start in range(0, batch.num_rows, rows):
                    yield ArrowTable.from_batches([batch.slice(start, rows)])


def taken(inputs: Any, rows: np.ndarray) -> Any:
    """These rows of a chunk: of a `Table`, a `Frame` or an array."""
    if isinstance(inputs, Table):
        indices = rows.tolist()
        cells = {name: [column[row] for row in indices] for name, column in inputs.columns.items()}
        return dataclasses.replace(inputs, columns=cells, lines=[inputs.lines[row] for row in indices])
    if isinstance(inputs, Frame):
        return inputs.with_columns([column.taken(rows) for column in inputs.columns])
    return inputs[rows]


def joined(chunks: Sequence[Any]) -> Any:
    """Consecutive chunks of one table."""
    first = chunks[0]
    if len(chunks) == 1:
        return first
    if isinstance(first, Table):
        cells = {name: list(itertools.chain(*(chunk.columns[name] for chunk in chunks))) for name in first.columns}
        lines = list(itertools.chain(*(chunk.lines for chunk in chunks)))
        return dataclasses.replace(first, columns=cells, lines=lines)
    if isinstance(first, Frame):
        columns = zip(*(chunk.columns for chunk in chunks), strict=True)
        return first.with_columns([_joined_column(parts) for parts in columns])
    return np.concatenate(chunks)


def _joined_column(parts: Sequence[Column]) -> Column:
    """One column; where a chunk of gaps alone was read as another kind, it is of the kind of the others."""
    full = [part for part in parts if not part.missing.all()]
    kind: Kind = (full or parts)[0].kind
    alike = [part.as_kind(kind) for part in parts]
    return Column(parts[0].name, kind, np.concatenate([part.values for part in alike]))
