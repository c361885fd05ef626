"""Rows of a table whose target is missing."""

from collections.abc import Sequence

import numpy as np

from nnlite.data.files.frames import FileFrame
from nnlite.data.files.notes import LOGGER
from nnlite.data.storage.chunks import taken
from nnlite.data.table import Table

__all__ = ["labelled_rows"]


def labelled_rows(
    table: Table | FileFrame, names: Sequence[str], location: str
) -> tuple[Table | FileFrame, np.ndarray | None]:
    """The rows of a table that have all targets, and their numbers, None for all rows.

    A note counts the rows that are left out; at least one row must remain.
    """
    missing = np.any([table.missing(name) for name in names], axis=0)
    if not missing.any() or missing.all():
        return table, None
    listed = ", ".join(map(repr, names))
    LOGGER.info("%s: %d of %d rows have no %s, and are left out", location, missing.sum(), len(missing), listed)
    numbers = np.flatnonzero(~missing)
    return taken(table, numbers), numbers
