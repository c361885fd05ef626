"""The contract of a data source."""

import dataclasses
import os
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
        target: class labels of shape (rows, ...), for a regression numbers of shape (rows, columns), or for several
            labels per row their 0 and 1, shape (rows, labels).
        target_names: one name per column of the target.
        last_known: of a series, the last value that is known of each column of the target, shape (rows, columns).
        input_names: one name per feature of an array, where the source knows them.
    """

    inputs: Table | np.ndarray
    target: np.ndarray
    target_names: list[str]
    last_known: np.ndarray | None = None
    input_names: list[str] | None = None


class DataSource(Configurable, family="data source"):
    """A place that data comes from; a subclass writes `load`."""

    def located(self, folder: str) -> "DataSource":
        """The same source with absolute paths; relative ones are sought in `folder`, then in the current folder."""
        return self

    def load(self, target_kind: TargetKind) -> Dataset:
        """Read everything.

        Args:
            target_kind: what the loss needs: `"regression"` asks for numbers, `"multilabel"` for texts that hold
                several labels, `"auto"` for the target as it is, and the others for class labels, `"binary"` for one
                column of them or several.

        Raises:
            DataError: data that cannot be used; the message names file, place and remedy.
        """
        raise NotImplementedError

    def named_inputs(self) -> set[str]:
        """Columns that the config names as inputs: these stay inputs where they divide or weigh the rows as well."""
        return set()

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
