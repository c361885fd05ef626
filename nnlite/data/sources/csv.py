"""Tables from text files: CSV and its relatives."""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any, Literal

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.files.decoding import STDIN
from nnlite.data.files.dialects import Dialect, DialectFields
from nnlite.data.files.frames import FileFrame
from nnlite.data.sources.base import Dataset
from nnlite.data.sources.tables import TableSource
from nnlite.data.storage.text import text_chunks
from nnlite.data.table import Table
from nnlite.errors import ConfigError

__all__ = ["Csv"]

STREAMED_BYTES = 200_000_000


class Csv(DialectFields, TableSource):
    """A text file of rows: CSV, tab-separated values and their relatives; columns are treated as by `TableSource`.

    How the file is written is found from it: what stands between the cells, how they are quoted, how characters and
    numbers are written, whether the first line names the columns. Each of these may be stated instead.

    Args:
        path: the file, plain or compressed by gzip, bzip2 or xz; `-` is the standard input.
        target: the column to predict, or a list of columns for a regression with several outputs.
        categorical: input columns that hold categories rather than amounts.
        ordinal: columns of categories that become integers instead, for an `Embedding`: 1, 2, ... in sorted
            order, 0 for what the training part did not hold.
        text: the one column that holds text; the other columns are left out.
        drop: columns to leave out, such as row numbers or names.
        delimiter, quote, encoding, decimal, thousands, missing, header, compression: as of `Dialect`; `"auto"` finds
            each from the file.
        stream: whether rows are encoded chunk by chunk into files and read from there while training, so that the
            table need not fit into memory; "auto" does so for files of more than 200 MB.
        cache: a folder that keeps the encoded rows of a streamed table for the next run; relative to the current
            folder. Without one they are in a temporary folder and go with the process.
    """

    stream: Literal["auto"] | bool = "auto"
    cache: str | None = None

    def validate(self) -> None:
        self.check_dialect()
        super().validate()
        if self.path == STDIN and self.stream is True:
            raise ConfigError("a streamed table is read twice, the standard input only once", ("Csv", "stream"))

    @property
    def dialect(self) -> Dialect:
        return Dialect(**self.dialect_values())

    def settled(self, inputs: Any) -> "Csv":
        if not isinstance(inputs, Table):
            return self
        return dataclasses.replace(self, **inputs.dialect.dialect_values())

    @property
    def files(self) -> list[str]:
        return [self.path]

    @property
    def streams(self) -> bool:
        if self.stream == "auto":
            return self.path != STDIN and os.path.getsize(self.path) > STREAMED_BYTES
        return self.stream

    def chunks(self, target_kind: TargetKind) -> Iterator[Dataset]:
        for table in text_chunks(self.path, self.dialect, named=self._named()):
            yield self._dataset(table, target_kind)

    def input_chunks(self, path: str, rows: int) -> Iterator[Table | FileFrame]:
        yield from text_chunks(path, self.dialect, rows, like=True)
