"""Chunks of tables: those of a Parquet file, some rows of one, and several as one."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.data.files.frames import FileFrame, framed
from nnlite.data.frames.frame import Column, Frame, Kind
from nnlite.data.table import Table
from nnlite.errors import DataError, needed_for

__all__ = ["joined", "parquet_chunks", "taken"]

PARQUET_ROWS = 2**14


def parquet_chunks(path: str | os.PathLike, rows: int = PARQUET_ROWS) -> Iterator[FileFrame]:
    """The table of a Parquet file, at most so many rows at a time, with columns of the file's types.

    Raises:
        MissingLibraryError: pyarrow, the extra `tables`, is not installed.
        DataError: no such file, or none of this format.
    """
    with needed_for("Parquet files are read by pyarrow", "nnlite[tables]"):
        from pyarrow import ArrowException, Table as ArrowTable, parquet  # pyright: ignore[reportMissingImports]

    name, empty = os.fspath(path), True
    try:
        with parquet.ParquetFile(name) as file:
            for batch in file.iter_batches(rows):
                yield framed(name, ArrowTable.from_batches([batch]))
                empty = False
    except (ArrowException, OSError) as error:
        raise DataError(f"{name}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None
    if empty:
        raise DataError(f"{name}: no rows")


def taken(inputs: Any, rows: np.ndarray) -> Any:
    """These rows of a chunk: of a `Table`, a `Frame` or an array."""
    if isinstance(inputs, Table):
        chosen = rows.tolist()
        cells = {name: [column[row] for row in chosen] for name, column in inputs.columns.items()}
        return dataclasses.replace(inputs, columns=cells, lines=[inputs.lines[row] for row in chosen])
    if isinstance(inputs, Frame):
        return Frame([column.taken(rows) for column in inputs.columns], named=inputs.named)
    return inputs[rows]


def joined(chunks: Sequence[Any]) -> Any:
    """Chunks of one table, one after another."""
    first = chunks[0]
    if len(chunks) == 1:
        return first
    if isinstance(first, Table):
        cells = {name: list(itertools.chain(*(chunk.columns[name] for chunk in chunks))) for name in first.columns}
        lines = list(itertools.chain(*(chunk.lines for chunk in chunks)))
        return dataclasses.replace(first, columns=cells, lines=lines)
    if isinstance(first, Frame):
        return Frame([_joined_column([chunk.columns[place] for chunk in chunks]) for place in range(first.n_columns)])
    return np.concatenate(chunks)


def _joined_column(parts: list[Column]) -> Column:
    """One column; where a chunk of gaps alone was read as another kind, it is of the kind of the others."""
    full = [part for part in parts if not part.missing.all()]
    kind: Kind = (full or parts)[0].kind
    alike = [part.as_kind(kind) for part in parts]
    return Column(parts[0].name, kind, np.concatenate([part.values for part in alike]))
