"""The contract of a data source."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np

from nnlite.data.encoders.inputs import InputEncoder, Raw, Texts
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.table import Table
from nnlite.errors import DataError
from nnlite.registry import Configurable

__all__ = ["DataSource", "Dataset", "find_file"]


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Raw inputs and targets, row by row.

    Args:
        inputs: a `Table`, or an array of shape (rows, features, ...).
        target: class labels of shape (rows, ...), or for a regression numbers of shape (rows, columns).
        target_names: one name per column of the target.
    """

    inputs: Table | np.ndarray
    target: np.ndarray
    target_names: list[str]


class DataSource(Configurable, family="data source"):
    """A place that data comes from; a subclass writes `load`."""

    def located(self, folder: str) -> "DataSource":
        """The same source with absolute paths; relative ones are sought in `folder`, then in the current folder."""
        return self

    cache = cast("str | None", None)  # a folder for encoded rows, of a source that streams

    @property
    def files(self) -> list[str]:
        """The files that the data are read from, as far as there are any."""
        return []

    @property
    def streams(self) -> bool:
        """Whether data are read by `chunks`, and kept in files, rather than by `load`."""
        return False

    def chunks(self, target_kind: TargetKind) -> Iterator[Dataset]:
        """The same as `load`, some rows at a time; a source that `streams` writes it."""
        raise NotImplementedError

    def load(self, target_kind: TargetKind) -> Dataset:
        """Read everything.

        Args:
            target_kind: what the loss needs: `"regression"` asks for numbers, the others for class labels.

        Raises:
            DataError: data that cannot be used; the message names file, place and remedy.
        """
        raise NotImplementedError

    def read_inputs(self, path: str) -> Table | np.ndarray:
        """Inputs alone, from a file like the source's own: what `nnlite predict` reads.

        A source without a file of its own reads a CSV file with one column per feature.
        """
        table = Table.read(path)
        return np.column_stack([table.quantities(name) for name in table.columns])

    def fit_inputs(self, inputs: Table | np.ndarray, rows: np.ndarray) -> InputEncoder:
        """The encoder of the inputs, as the training `rows` suggest."""
        array = cast(np.ndarray, inputs)  # sources of tables have another way
        return Texts() if array.dtype.kind in "OU" else Raw(array.shape[1:])


def find_file(path: str, folder: str) -> str:
    """`path` made absolute; a relative one is sought in `folder`, then in the current folder."""
    tried = dict.fromkeys(os.path.abspath(Path(base, path).expanduser()) for base in (folder, "."))
    found = next(filter(os.path.isfile, tried), None)
    if found is None:
        raise DataError(f"no file {path!r}; looked for {' and '.join(tried)}")
    return found
