"""Files of their own for the validation or the test part."""

import dataclasses

import numpy as np

from nnlite.data.frames.frame import Frame
from nnlite.data.sources.base import DataSource
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.registry.configurable import constructor_parameters

__all__ = ["check_copies", "source_of_file"]


def source_of_file(source: DataSource, path: str) -> DataSource:
    """The same source for another file; `ConfigError` if it has none, or if it is the same file."""
    kind = type(source)
    if "path" not in constructor_parameters(kind):
        raise ConfigError(f"{kind.__name__} has no file, so its parts cannot have files", ("split", "files"))
    if source.get_config()["path"] == path:
        raise ConfigError(f"{path} is the file of the training rows; a part needs other rows", ("split", "files"))
    return dataclasses.replace(source, path=path)


def check_copies(training: Table | Frame | np.ndarray, part: Table | Frame | np.ndarray, path: str) -> None:
    """`DataError` if every row of a part's table is a row of the training table as well: nothing is measured then."""
    if not isinstance(training, Table) or not isinstance(part, Table) or [*training.columns] != [*part.columns]:
        return
    known = set(zip(*training.columns.values(), strict=True))
    if all(row in known for row in zip(*part.columns.values(), strict=True)):
        raise DataError(f"{path}: every row is in the training file {training.path} as well; a part needs other rows")
