"""Rows that are computed or read on access, so that the array is never in memory as a whole."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["LazyRows", "MadeRows", "SparseRows", "blocks", "in_blocks", "row_by_row"]

ROWS_AT_ONCE = 64  # that are made dense together, so that what `finish` also needs stays small
CELLS_AT_ONCE = 2**20
BLOCK_BYTES, BLOCK_ROWS = 2**24, 2**17  # of rows that are in memory at once
WHOLE_BATCHES = 256


class LazyRows:
    """Base of stand-ins for arrays whose rows are computed or read on access."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Some of the rows."""
        raise NotImplementedError

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        """The rows with these indices."""
        raise NotImplementedError

    def astype(self, dtype: Any, copy: bool = True) -> "LazyRows":
        """The same rows in another type."""
        raise NotImplementedError

    def first_not_finite(self) -> tuple[int, ...] | None:
        """The index of the first entry that is NaN or infinite; None if there is none."""
        for block in blocks(self, _rows_of_a_block(self)):
            bad = np.argwhere(~np.isfinite(self[block]))
            if len(bad):
                row, *rest = bad[0].tolist()
                return (block.start + row, *rest)
        return None


class MadeRows(LazyRows):
    """Rows that a function computes on access, from rows that stay where they are.

    Args:
        rows: `(rows, ...)`.
        make: from some rows to their replacements, each row independently, `(some, ...) -> (some, ...)`.
    """

    def __init__(self, rows: LazyRows, make: Callable[[np.ndarray], np.ndarray]) -> None:
        first = make(rows[:1])
        self.rows, self.make = rows, make
        self.shape, self.dtype = (len(rows), *first.shape[1:]), first.dtype

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Some of the rows, by a slice or by index."""
        return self.make(self.rows[rows])

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        return self.make(self.rows.take(rows))

    def astype(self, dtype: Any, copy: bool = True) -> "MadeRows":
        return MadeRows(self.rows, lambda rows: self.make(rows).astype(dtype, copy=False))


def _rows_of_a_block(rows: Any) -> int:
    """As many as take 16 MB, at least one."""
    return max(BLOCK_BYTES // max(rows.dtype.itemsize * math.prod(rows.shape[1:]), 1), 1)


def blocks(rows: Any, step: int | None = None) -> Iterator[slice]:
    """All rows of an array, or of a stand-in for one, in blocks.

    Args:
        rows: `(rows, ...)`.
        step: number of rows in a block; when None, as many batches of 256 as take 16 MB, at most 2^17 rows.
    """
    most = max(min(_rows_of_a_block(rows), BLOCK_ROWS) // WHOLE_BATCHES, 1) * WHOLE_BATCHES
    count, length = len(rows), step or most
    return (slice(start, min(start + length, count)) for start in range(0, count, length))


def row_by_row(make: Callable[[np.ndarray], np.ndarray], rows: Any) -> Any:
    """`make(rows)` of an array; for lazy rows, the same computed on access."""
    return MadeRows(rows, make) if isinstance(rows, LazyRows) else make(rows)


def in_blocks(make: Callable[[np.ndarray], np.ndarray], rows: Any) -> np.ndarray:
    """`make(rows)`, computed block by block for rows that are not in an array; `make` treats each row independently."""
    if not isinstance(rows, LazyRows):
        return make(rows)
    return np.concatenate([make(rows[block]) for block in blocks(rows)])


class SparseRows(LazyRows):
    """A sparse matrix that batches are taken from: rows come out dense, passed through `finish`.

    Args:
        matrix: a SciPy matrix or array in CSR form, with sorted indices.
        finish: converts dense rows, `(rows, columns) -> (rows, columns)`, each row independently.
        dtype: of the rows that are taken; that of the matrix when None.
    """

    def __init__(
        self, matrix: Any, finish: Callable[[np.ndarray], np.ndarray] | None = None, dtype: Any = None
    ) -> None:
        self.matrix, self.finish = matrix, finish
        self.dtype = np.dtype(matrix.dtype if dtype is None else dtype)
        self.shape: tuple[int, int] = matrix.shape

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Some of the rows, dense."""
        return self._dense(self.matrix[rows])

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        """The rows with these indices, dense. Shape: `(..., columns)` for indices of the shape `(...)`."""
        return self._dense(self.matrix[rows.reshape(-1)]).reshape(*rows.shape, self.shape[1])

    def select(self, rows: np.ndarray) -> "SparseRows":
        """Some of the rows, still sparse."""
        return SparseRows(self.matrix[rows], self.finish, self.dtype)

    def finished(self, finish: Callable[[np.ndarray], np.ndarray] | None, dtype: Any) -> "SparseRows":
        """The same rows, passed through `finish` on access; nothing is computed yet."""
        return SparseRows(self.matrix, finish, dtype)

    def astype(self, dtype: Any, copy: bool = True) -> "SparseRows":
        """The same rows in another type."""
        return SparseRows(self.matrix, self.finish, dtype)

    def column_blocks(self) -> Iterator[np.ndarray]:
        """All columns in order, in blocks, dense, without `finish`. Shape: `(rows, columns of the block)`."""
        by_columns = self.matrix.tocsc()
        step = max(CELLS_AT_ONCE // max(len(self), 1), 1)
        for start in range(0, self.shape[1], step):
            yield by_columns[:, start : start + step].toarray()

    def first_not_finite(self) -> tuple[int, int] | None:
        """Row and column of the first entry that is NaN or infinite; None if there is none."""
        bad = np.flatnonzero(~np.isfinite(self.matrix.data))
        if not len(bad):
            return None
        row = np.searchsorted(self.matrix.indptr, bad[0], side="right") - 1
        return int(row), int(self.matrix.indices[bad[0]])

    def _dense(self, matrix: Any) -> np.ndarray:
        if self.finish is None:
            return matrix.toarray().astype(self.dtype, copy=False)
        made = np.empty(matrix.shape, self.dtype)
        for start in range(0, len(made), ROWS_AT_ONCE):
            made[start : start + ROWS_AT_ONCE] = self.finish(matrix[start : start + ROWS_AT_ONCE].toarray())
        return made

    def __repr__(self) -> str:
        return f"SparseRows(of shape {self.shape}, {self.dtype}, with {self.matrix.nnz} entries)"
