"""Tables from text files: CSV and its relatives."""

import dataclasses
from typing import Any

from nnlite.data.files.dialects import Dialect, DialectFields
from nnlite.data.sources.streamed import StreamedTableSource
from nnlite.data.table import Table

__all__ = ["Csv"]


class Csv(DialectFields, StreamedTableSource):
    """A delimited text file: CSV, tab-separated values and the like; columns are treated as by `TableSource`.

    How the file is written is found from it: how cells are separated and quoted, how characters and
    numbers are written, whether the first line names the columns. Each of these may be stated instead.

    Args:
        path: the file, plain or compressed by gzip, bzip2, xz or zip; `-` is the standard input.
        target: the column to predict, or a list of columns for a regression with several outputs.
        categorical: input columns that hold categories rather than amounts.
        ordinal: columns of categories that become integers instead, for an `Embedding`: 1, 2, ... in sorted
            order, 0 for what the training part did not hold.
        text: the one column that holds text; the other columns are left out.
        drop: columns to leave out, such as row numbers or names.
        columns: column -> its kind or encoding, as of `TableSource`.
        delimiter, quote, encoding, decimal, thousands, missing, header, compression: as of `Dialect`; `"auto"` finds
            each from the file.
        stream: whether rows are encoded chunk by chunk into files and read from there while training, so that the
            table need not fit into memory; "auto" does so for files of more than 200 MB.
        cache: a folder that keeps the encoded rows of a streamed table for the next run; relative to the current
            folder. Without one they are in a temporary folder and go with the process.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("id;rooms;price\\n1;2;200,5\\n2;3;300\\n")
    >>> dataset = Csv(str(path), target="price", drop=["id"]).load("regression")
    >>> dataset.target.tolist(), dataset.inputs.dialect.decimal
    ([[200.5], [300.0]], ',')
    """

    def validate(self) -> None:
        self.check_dialect()
        super().validate()

    @property
    def dialect(self) -> Dialect:
        return Dialect(**self.dialect_values())

    def settled(self, inputs: Any) -> "Csv":
        if not isinstance(inputs, Table):
            return self
        return dataclasses.replace(self, **inputs.dialect.dialect_values())
