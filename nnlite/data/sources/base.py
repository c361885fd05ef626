"""The contract of a data source."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, cast

import numpy as np

from nnlite.data.array_files import read_array_file
from nnlite.data.encoders.choices import ColumnChoice
from nnlite.data.encoders.inputs import InputEncoder, Raw, Texts
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.files.opening import read_table_file
from nnlite.data.frames.frame import Frame
from nnlite.data.safety.files import STDIN
from nnlite.data.sources.arrays import Dataset, checked_numbers
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.errors.boundary import reading
from nnlite.registry import Configurable
from nnlite.registry.fields import absolute_paths

__all__ = ["DataSource", "Dataset", "find_file"]


class DataSource(Configurable, family="data source"):
    """A source of data; a subclass writes `load`."""

    _files: ClassVar[tuple[str, ...]] = ("path",)  # arguments that are paths: a model file keeps their last parts

    def located(self, folder: str) -> "DataSource":
        """The same source with absolute paths; relative ones are resolved against `folder`, then the current folder."""
        return self

    cache = cast("str | None", None)  # a folder for encoded rows, of a source that streams

    @property
    def files(self) -> list[str]:
        """The files that the data are read from, if any."""
        return []

    @property
    def streams(self) -> bool:
        """Whether data are read by `chunks` and kept in files, rather than by `load`."""
        return False

    def chunks(self, target_kind: TargetKind) -> Iterator[Dataset]:
        """The same as `load`, a chunk of rows at a time; written by sources that stream."""
        raise NotImplementedError

    def choices(self) -> dict[str, ColumnChoice]:
        """Options of single columns."""
        return {}

    def load(self, target_kind: TargetKind) -> Dataset:
        """Read all data.

        Args:
            target_kind: what the loss needs: `"regression"` asks for numbers, `"multilabel"` for texts that hold
                several labels, `"auto"` for the target as it is, and the others for class labels, `"binary"` for one
                column of them or several.

        Raises:
            DataError: data that cannot be used; the message names file, place and remedy.
        """
        raise NotImplementedError

    def named_inputs(self) -> set[str]:
        """Columns that the config names as inputs: they remain inputs even if they also split or weight the rows."""
        return set()

    def read_inputs(self, path: str) -> Table | Frame | np.ndarray:
        """Inputs only, from a file like the source's own: what `nnlite predict` reads.

        A source without a file of its own reads a table with one column per feature, or an array.
        """
        array = None if path == STDIN else read_array_file(path)  # a table may come on the standard input as well
        if array is not None:
            return checked_numbers(array, path)
        table = read_table_file(path)
        return np.column_stack([table.quantities(name) for name in table.names])

    def complete_rows(self, inputs: Table | Frame | np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The training `rows` that can be learned from."""
        return rows

    def settled(self, inputs: Table | Frame | np.ndarray) -> "DataSource":
        """The same source with detected values in place of `auto`.

        Args:
            inputs: those that `load` gave.
        """
        return self

    def input_chunks(self, path: str, rows: int) -> Iterator[Table | Frame | np.ndarray]:
        """The same inputs, `rows` of them at a time if the file can be read in pieces."""
        yield self.read_inputs(path)

    def row_names(self, path: str) -> list[str] | None:
        """Names of the rows of `read_inputs(path)`, such as files of images; None for rows that have none."""
        return None

    def elsewhere(self, path: str) -> "DataSource":
        """The same source with another file.

        Raises:
            ConfigError: a source that has no file of its own, or several.
        """
        if "path" not in {field.name for field in dataclasses.fields(self)}:
            raise ConfigError(f"{type(self).__name__} does not read inputs and target from one file")
        return type(self).from_config({**self.get_config(), "path": path})

    def read_labelled(self, path: str, target_kind: TargetKind) -> Dataset:
        """Inputs and target of another file with the columns of the source's own.

        Raises:
            ConfigError: as `elsewhere`.
            DataError: as `load`.
        """
        return self.elsewhere(path).load(target_kind)

    def for_reading(self) -> dict | None:
        """The spec by which further files are read like this one; None if they are plain tables of numbers."""
        if type(self).read_inputs is DataSource.read_inputs:
            return None
        spec = self.to_spec()
        (arguments,) = spec.values()
        files = {key: Path(value).name for key, value in arguments.items() if key in self._files}
        return {type(self).__name__: {**arguments, **files}}

    def fit_inputs(
        self, inputs: Table | Frame | np.ndarray, rows: np.ndarray, target: np.ndarray | None = None
    ) -> InputEncoder:
        """The encoder of the inputs, fitted to the training `rows`; `target` is that of all rows."""
        array = cast(np.ndarray, inputs)  # sources of tables have another way
        return Texts() if array.dtype.kind in "OU" else Raw(array.shape[1:])


def find_file(path: str, folder: str, what: str = "file") -> str:
    """`path` made absolute, resolved against `folder`, then the current folder; `-` is unchanged.

    A folder counts as well: who reads a file says that it is one.
    """
    if path == STDIN:
        return path
    with reading(repr(path), "no file can have this name"):
        tried = absolute_paths(path, folder)
        present = next((name for name in tried if os.path.isfile(name) or os.path.isdir(name)), None)
    if present is None:
        raise DataError(f"no {what} {path!r}; looked for {' and '.join(tried)}")
    return present
