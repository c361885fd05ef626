"""Rows of a sparse matrix that are made dense when they are taken, so that the whole never is."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["LazyRows", "SparseRows"]

ROWS_AT_ONCE = 64  # that are made dense together, so that what `finish` also needs stays small
CELLS_AT_ONCE = 2**20


class LazyRows:
    """Base of stand-ins for arrays whose rows are made, or read, when they are taken."""

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
        """The rows of these numbers."""
        raise NotImplementedError

    def astype(self, dtype: Any, copy: bool = True) -> "LazyRows":
        """The same rows in another type."""
        raise NotImplementedError

    def first_not_finite(self) -> tuple[int, ...] | None:
        """The place of the first entry that is NaN or infinite; None if there is none."""
        raise NotImplementedError


class SparseRows(LazyRows):
    """A sparse matrix that batches are taken from: rows come out dense, and as `finish` makes them.

    Args:
        matrix: a SciPy matrix or array in CSR form, with sorted indices.
        finish: makes the rows of what was dense, `(rows, columns) -> (rows, columns)`, each row by itself.
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
        """The rows of these numbers, dense. Shape: `(..., columns)` for numbers of the shape `(...)`."""
        return self._dense(self.matrix[rows.reshape(-1)]).reshape(*rows.shape, self.shape[1])

    def select(self, rows: np.ndarray) -> "SparseRows":
        """Some of the rows, still sparse."""
        return SparseRows(self.matrix[rows], self.finish, self.dtype)

    def finished(self, finish: Callable[[np.ndarray], np.ndarray] | None, dtype: Any) -> "SparseRows":
        """The same rows as `finish` makes them when they are taken; nothing is computed yet."""
        return SparseRows(self.matrix, finish, dtype)

    def astype(self, dtype: Any, copy: bool = True) -> "SparseRows":
        """The same rows in another type."""
        return SparseRows(self.matrix, self.finish, dtype)

    def column_blocks(self) -> Iterator[np.ndarray]:
        """All columns in their order, some at a time, dense, without `finish`. Shape: `(rows, some of the columns)`."""
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
