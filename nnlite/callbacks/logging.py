"""CSVLogger: the logs of every epoch in a file."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.callbacks.base import Callback
from nnlite.errors import ConfigError
from nnlite.registry.field_types import read
from nnlite.saving import write_atomically

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Writes one row per epoch: the epoch (from 0) and its logs, every number in the shortest exact form.

    The logs are in the order of their names, as Keras writes them, with columns for a validation, whether or not the
    first epoch has one. The file contains no times, so equal runs write equal bytes. A name that first occurs in a
    later epoch becomes a new column; missing values are written as NA.

    Args:
        filename: the file to write; missing folders are created.
        separator: one character between the columns.
        append: continue an existing file instead of replacing it.

    Raises:
        ConfigError: `separator` is not one character.
        OSError: the file cannot be written.

    >>> import os, tempfile
    >>> logger = CSVLogger(os.path.join(tempfile.mkdtemp(), "log.csv"))
    >>> logger.on_train_begin()
    >>> logger.on_epoch_end(0, {"loss": 0.5})
    >>> print(open(logger.filename).read())
    epoch,loss,val_loss
    0,0.5,NA
    """

    filename: str | os.PathLike
    separator: str = ","
    append: bool = False

    watches = True
    writes = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.filename = os.fspath(self.filename)
        self._columns: list[str] = []

    @property
    def sep(self) -> str:
        """The `separator`."""
        return self.separator

    @property
    def keys(self) -> list[str] | None:
        """The columns behind that of the epoch; None before the first row."""
        return self._columns[1:] or None

    def get_state(self) -> dict[str, Any]:
        """The rows written so far."""
        return {"rows": self._read()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore these rows of the file; rows of epochs that will be repeated are removed."""
        rows = read(state["rows"], list[list[str]])
        self._columns = rows[0] if rows else []
        self._replace(rows)

    def validate(self) -> None:
        if len(self.separator) != 1:
            raise ConfigError(f"must be one character, got {self.separator!r}", (type(self).__name__, "separator"))

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.params and self.params.get("resumed") and path.exists():
            return  # `set_state` follows
        rows = self._read() if self.append and path.exists() else []
        self._columns = rows[0] if rows else []
        self._replace(rows)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = {"epoch": epoch, **(logs or {})}
        added = [name for name in self.columns_of(logs or {}) if name not in self._columns]
        if added:
            filled = [[*earlier, *["NA"] * len(added)] for earlier in self._read()[1:]]
            self._columns = [*self._columns, *added]
            self._replace([self._columns, *filled])
        cells = [_cell(row[name]) if name in row else "NA" for name in self._columns]
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            file.write(self._text([cells]))

    def columns_of(self, names: Iterable[str]) -> list[str]:
        """The columns for logs of these names, in order; those of a validation are included from the first epoch on."""
        ordered = sorted(names)
        validated = bool(self._columns) or any(name.startswith("val_") for name in ordered)
        return ["epoch", *ordered, *(f"val_{name}" for name in ordered if not validated)]

    def _read(self) -> list[list[str]]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            return list(csv.reader(file, delimiter=self.separator))

    def _replace(self, rows: list[list[str]]) -> None:
        path = os.path.realpath(self.filename)
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe or a device, which must not be replaced
            with open(path, "w", newline="", encoding="utf-8") as file:
                file.write(self._text(rows))
            return
        write_atomically(path, self._text(rows).encode(), durable=False)

    def _text(self, rows: list[list[str]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerows(rows)
        return text.getvalue()


def _cell(value) -> str:
    return value if isinstance(value, str) else repr(np.asarray(value).tolist())
