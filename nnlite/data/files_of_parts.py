"""Separate files for the validation or the test part."""

import numpy as np

from nnlite.data.frames.frame import Frame
from nnlite.data.sources.base import DataSource
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError

__all__ = ["check_copies", "source_of_file"]


def source_of_file(source: DataSource, path: str) -> DataSource:
    """The same source for another file; `ConfigError` if it has no file of its own, or if it is the same file."""
    try:
        other = source.elsewhere(path)
    except ConfigError as error:
        raise error.within("split", "files") from None
    if source.get_config()["path"] == path:
        raise ConfigError(f"{path} is the file of the training rows; a part needs other rows", ("split", "files"))
    return other


def check_copies(training: Table | Frame | np.ndarray, part: Table | Frame | np.ndarray, path: str) -> None:
    """`DataError` if every row of a part's table is also a training row, so that nothing would be measured."""
    if not isinstance(training, Table) or not isinstance(part, Table) or [*training.columns] != [*part.columns]:
        return
    rows_of_training = set(zip(*training.columns.values(), strict=True))
    if all(row in rows_of_training for row in zip(*part.columns.values(), strict=True)):
        raise DataError(f"{path}: every row is in the training file {training.path} as well; a part needs other rows")
