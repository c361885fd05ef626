"""Tables from CSV files."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from nnlite.data.encoders.columns import Numeric, OneHot, Ordinal
from nnlite.data.encoders.inputs import Columns, InputEncoder, Texts
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.base import Dataset, DataSource, find_file
from nnlite.data.storage.chunks import csv_chunks
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.registry.fields import Converted, option

__all__ = ["Csv"]

STREAMED_BYTES = 200_000_000


class Csv(DataSource):
    """A CSV file whose first line names the columns.

    Numeric columns are standardised, with missing values filled by the median; categorical ones become one column
    of 0 and 1 per category, a missing value being a category of its own. All of it is learnt from the training part.

    Args:
        path: the file.
        target: the column to predict, or a list of columns for a regression with several outputs.
        categorical: input columns that hold categories rather than amounts.
        ordinal: columns of categories that become integers instead, for an `Embedding`: 1, 2, ... in sorted
            order, 0 for what the training part did not hold.
        text: the one column that holds text; the other columns are left out.
        drop: columns to leave out, such as row numbers or names.
        delimiter: what stands between two cells; `";"` and tabs are common too.
        stream: whether rows are encoded chunk by chunk into files and read from there while training, so that the
            table need not fit into memory; "auto" does so for files of more than 200 MB.
        cache: a folder that keeps the encoded rows of a streamed table for the next run; relative to the current
            folder. Without one they are in a temporary folder and go with the process.
    """

    path: str
    target: Converted[str | Sequence[str], str | list[str]]
    categorical: Converted[Sequence[str], list[str]] = option(default=())
    ordinal: Converted[Sequence[str], list[str]] = option(default=())
    text: str | None = None
    drop: Converted[Sequence[str], list[str]] = option(default=())
    delimiter: str = ","
    stream: Literal["auto"] | bool = "auto"
    cache: str | None = None

    def validate(self) -> None:
        if len(self.delimiter) != 1:
            raise ConfigError(f"expected one character, got {self.delimiter!r}", ("Csv", "delimiter"))
        if not self._targets():
            raise ConfigError("expected one column or more", ("Csv", "target"))
        both = sorted({*self.categorical} & {*self.ordinal})
        if both:
            raise ConfigError(f"{both[0]!r} is categorical as well; a column is one of them", ("Csv", "ordinal"))
        if self.text is not None and (self.categorical or self.ordinal):
            raise ConfigError("a model of texts takes one column; leave categorical and ordinal out", ("Csv", "text"))
        if self.text in (*self._targets(), *self.drop):
            raise ConfigError(f"{self.text!r} is the target, or dropped; name another column", ("Csv", "text"))

    def located(self, folder: str) -> "Csv":
        return dataclasses.replace(self, path=find_file(self.path, folder))

    @property
    def files(self) -> list[str]:
        return [self.path]

    @property
    def streams(self) -> bool:
        return os.path.getsize(self.path) > STREAMED_BYTES if self.stream == "auto" else self.stream

    def chunks(self, target_kind: TargetKind) -> Iterator[Dataset]:
        for table in csv_chunks(self.path, self.delimiter):
            yield self._dataset(table, target_kind)

    def load(self, target_kind: TargetKind) -> Dataset:
        return self._dataset(Table.read(self.path, self.delimiter), target_kind)

    def _dataset(self, table: Table, target_kind: TargetKind) -> Dataset:
        for name in (*self._targets(), *self.categorical, *self.ordinal, *self.drop):
            table.cells(name)
        if target_kind == "regression":
            target = np.column_stack([table.quantities(name) for name in self._targets()])
        elif len(self._targets()) == 1:
            target = table.labels(self._targets()[0])
        else:
            raise ConfigError("a classification has one target column", ("Csv", "target"))
        return Dataset(table, target, self._targets())

    def read_inputs(self, path: str) -> Table:
        return Table.read(path, self.delimiter)

    def fit_inputs(self, inputs: Table, rows: np.ndarray) -> InputEncoder:
        if self.text is not None:
            return Texts(self.text)
        names = [name for name in inputs.columns if name not in (*self._targets(), *self.drop)]
        if not names:
            raise DataError(f"{self.path}: no input columns are left beside the target and the dropped ones")
        kinds = [Ordinal if name in self.ordinal else OneHot if name in self.categorical else Numeric for name in names]
        return Columns([kind.fit(name, inputs, rows) for kind, name in zip(kinds, names, strict=True)])

    def _targets(self) -> list[str]:
        return [self.target] if isinstance(self.target, str) else list(self.target)
