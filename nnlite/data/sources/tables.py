"""Base of the sources of tables: the target column, and the treatment of the others."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.data.encoders.choices import ColumnChoice
from nnlite.data.encoders.columns import Numeric, OneHot, Ordinal
from nnlite.data.encoders.fitting import fit_columns, rows_without_gaps
from nnlite.data.encoders.inputs import Columns, InputEncoder, Texts
from nnlite.data.encoders.targets import TargetKind, read_target
from nnlite.data.encoders.targets.missing import labelled_rows
from nnlite.data.files.dialects import Dialect
from nnlite.data.files.frames import FileFrame
from nnlite.data.files.opening import read_table_file
from nnlite.data.sources.base import Dataset, DataSource, find_file
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.registry.fields import Converted, Spec, option

__all__ = ["TableSource"]


class TableSource(DataSource, abstract=True):
    """Base of the sources whose file holds a table; a subclass defines how its file is read.

    With `path` and `target` alone, or with `columns`, the kinds of columns are found, and each becomes what suits its
    kind (docs/columns.md). With `categorical`, `ordinal`, `text` or `drop`, but without `columns`, all other columns
    are numbers. These are standardized, with missing values filled by the median; categorical ones become one column
    of 0 and 1 per category, a missing value being a category of its own. All of it is learned from the training part.

    Args:
        path: the file; `-` is the standard input.
        target: the column to predict, or a list of columns for a regression with several outputs.
        categorical: input columns that hold categories rather than amounts.
        ordinal: columns of categories that become integers instead, for an `Embedding`: 1, 2, ... in sorted
            order, 0 for what the training part did not hold.
        text: the one column that holds text; the other columns are left out.
        drop: columns to leave out, such as row numbers or names.
        columns: column -> its kind or encoding, a word or a mapping as `ColumnChoice` reads it; kinds of all others are
            found.
        missing_target: whether rows without a target are left out, and counted in a note ("drop"), or an error. Where
            a cell holds several labels, an empty one has none of them, and is never left out.
    """

    path: str
    target: Converted[str | Sequence[str], str | list[str]]
    categorical: Converted[Sequence[str], list[str]] = option(default=())
    ordinal: Converted[Sequence[str], list[str]] = option(default=())
    text: str | None = None
    drop: Converted[Sequence[str], list[str]] = option(default=())
    columns: Converted[Mapping[str, Spec[ColumnChoice]], dict[str, ColumnChoice]] = option(default_factory=dict)
    missing_target: Literal["error", "drop"] = option(default="error", kw_only=True)

    def validate(self) -> None:
        name = type(self).__name__
        if not self._targets():
            raise ConfigError("expected one column or more", (name, "target"))
        both = sorted({*self.categorical} & {*self.ordinal})
        if both:
            raise ConfigError(f"{both[0]!r} is categorical as well; a column is one of them", (name, "ordinal"))
        if self.text is not None and (self.categorical or self.ordinal):
            raise ConfigError("a model of texts takes one column; leave categorical and ordinal out", (name, "text"))
        twice = sorted({*self.categorical, *self.ordinal, *self.drop, *filter(None, [self.text])} & {*self.columns})
        if twice:
            raise ConfigError("a column is named here, or in another list", (name, "columns", twice[0]))
        if self.text is not None and self.columns:
            raise ConfigError("a model of texts takes one column; say `columns: {name: text}` alone", (name, "text"))
        if self.text in (*self._targets(), *self.drop):
            raise ConfigError(f"{self.text!r} is the target, or dropped; name another column", (name, "text"))

    @property
    def dialect(self) -> Dialect:
        """Dialect of a text file, as far as the source states it."""
        return Dialect()

    def located(self, folder: str) -> "TableSource":
        return dataclasses.replace(self, path=find_file(self.path, folder))

    def read(self) -> Table | FileFrame:
        """The table in the source's own file."""
        return read_table_file(self.path, self.dialect, named=self._named())

    def load(self, target_kind: TargetKind) -> Dataset:
        return self._dataset(self.read(), target_kind)

    def _dataset(self, table: Table | FileFrame, target_kind: TargetKind) -> Dataset:
        table.require(self._named())
        if len(self._targets()) > 1 and target_kind in ("sparse", "categorical"):
            raise ConfigError(
                "a classification has one target column; several columns of 0 and 1 go with binary_crossentropy",
                (type(self).__name__, "target"),
            )
        return self._with_target(table, target_kind)

    def _with_target(self, table: Table | FileFrame, target_kind: TargetKind) -> Dataset:
        names, numbers = self._targets(), None
        if self.missing_target == "drop" and target_kind != "multilabel":
            table, numbers = labelled_rows(table, names, self.path)
        return Dataset(table, read_target(table, names, target_kind), names, numbers=numbers)

    def named_inputs(self) -> set[str]:
        return {*self.categorical, *self.ordinal, *([] if self.text is None else [self.text])}

    def read_inputs(self, path: str) -> Table | FileFrame:
        """The table in a file of any format; a text file may use another dialect than the source's own."""
        return read_table_file(path, self.dialect, like=True)

    def read_labelled(self, path: str, target_kind: TargetKind) -> Dataset:
        """Inputs and target of another file, which may use another dialect; columns left out here are not needed."""
        return self._with_target(self.read_inputs(path), target_kind)

    def complete_rows(self, inputs: Any, rows: np.ndarray) -> np.ndarray:
        return rows_without_gaps(inputs, rows, self.columns)

    def fit_inputs(self, inputs: Any, rows: np.ndarray, target: np.ndarray | None = None) -> InputEncoder:
        if self.text is not None:
            return Texts(self.text)
        if self.columns or not (self.categorical or self.ordinal or self.drop):
            try:
                return fit_columns(inputs, rows, self._targets(), self.choices(), target)
            except ConfigError as error:
                raise error.within(type(self).__name__) from None
        names = [name for name in inputs.names if name not in (*self._targets(), *self.drop)]
        if not names:
            raise DataError(f"{self.path}: no input columns are left beside the target and the dropped ones")
        kinds = [Ordinal if name in self.ordinal else OneHot if name in self.categorical else Numeric for name in names]
        return Columns([kind.fit(name, inputs, rows) for kind, name in zip(kinds, names, strict=True)])

    def choices(self) -> dict[str, ColumnChoice]:
        """Options of single columns, from `columns` and from the lists."""
        lists = {"one_hot": self.categorical, "embed": self.ordinal, "drop": self.drop}
        named = {name: ColumnChoice.get(encoding) for encoding, names in lists.items() for name in names}
        return {**named, **self.columns}

    def _targets(self) -> list[str]:
        return [self.target] if isinstance(self.target, str) else list(self.target)

    def _named(self) -> list[str]:
        """The columns that the source asks for by name."""
        text = () if self.text is None else (self.text,)
        return [*self._targets(), *self.categorical, *self.ordinal, *text, *self.drop]
