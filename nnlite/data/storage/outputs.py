"""Outputs of a model for rows that stay in a file, kept in a file too."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nnlite.arrays.rows import blocks
from nnlite.arrays.stored import StoredRows

__all__ = ["stored_outputs"]


def stored_outputs(function: Callable[[np.ndarray], np.ndarray], rows: StoredRows) -> StoredRows:
    """`function(rows)`, computed in chunks and kept in a temporary file, which is deleted after its last use.

    Args:
        function: treats each row independently, `(some, ...) -> (some, ...)`.
        rows: one or more.
    """
    keeper = tempfile.TemporaryDirectory(prefix="nnlite-")
    path = Path(keeper.name, "outputs")
    with open(path, "wb") as file:
        for block in blocks(rows):
            outputs = np.ascontiguousarray(function(rows[block]))
            file.write(outputs.data)
    return StoredRows(path, (len(rows), *outputs.shape[1:]), outputs.dtype, keeper=keeper)
