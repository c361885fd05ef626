"""Rows of an array that stays in its file: only the rows in use are read."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.arrays.rows import LazyRows

__all__ = ["StoredRows"]

BYTES_AT_ONCE = 2**24


class StoredRows(LazyRows):
    """An array in a file; rows are read on access.

    It stands in for an array in `fit`, `evaluate`, `predict` and `adapt`: `len`, `shape`, `dtype`, `ndim`, slices and
    row numbers work as those of NumPy along the first axis. `rows[:]` and `np.asarray(rows)` read everything.

    Args:
        path: the file.
        shape: of the whole array, `(rows, ...)`.
        stored: the type of the numbers in the file, in C order.
        offset: the byte at which the array begins.
        dtype: of the rows that are taken; that of the file when None.
        finite: whether it is known that no number is NaN or infinite.
        keeper: an object that is kept alive as long as these rows: the owner of a temporary folder.

    >>> import tempfile, numpy as np
    >>> path = tempfile.mkdtemp() + "/x.npy"
    >>> np.save(path, np.arange(6.0).reshape(3, 2))
    >>> from nnlite.data import open_rows
    >>> rows = open_rows(path)
    >>> rows.shape, rows[1:].tolist(), rows[np.array([2, 0])].tolist()
    ((3, 2), [[2.0, 3.0], [4.0, 5.0]], [[4.0, 5.0], [0.0, 1.0]])
    """

    def __init__(
        self,
        path: str | os.PathLike,
        shape: tuple[int, ...],
        stored: Any,
        offset: int = 0,
        dtype: Any = None,
        finite: bool = False,
        keeper: object = None,
    ) -> None:
        self.path, self.shape, self.stored, self.offset = Path(path), tuple(shape), np.dtype(stored), offset
        self.dtype = np.dtype(self.stored.newbyteorder("=") if dtype is None else dtype)
        self.finite, self.keeper = finite, keeper
        self._row_bytes = self.stored.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def read(self, start: int, stop: int) -> np.ndarray:
        """The rows from `start` to before `stop`. Shape: `(stop - start, ...)`."""
        count = max(stop - start, 0)
        size = count * self._row_bytes // self.stored.itemsize
        flat = np.fromfile(self.path, self.stored, size, offset=self.offset + start * self._row_bytes)
        return flat.reshape(count, *self.shape[1:]).astype(self.dtype, copy=False)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """One row by its index, or several by a slice, indices or a mask; `[:]` reads the whole array."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            return self.read(start, stop) if step == 1 else self._every(start, stop, step)
        numbers = np.asarray(rows)
        if numbers.dtype == bool:
            return self.take(np.flatnonzero(numbers))
        return self.take(numbers.reshape(1))[0] if numbers.ndim == 0 else self.take(numbers)

    def _every(self, start: int, stop: int, step: int) -> np.ndarray:
        """Rows at equal distances, read some at a time, so that the pages between them do not stay in memory."""
        if step < 0:
            return self.take(np.arange(start, stop, step))
        length = max(BYTES_AT_ONCE // max(self._row_bytes * step, 1), 1) * step
        read = [self.read(first, min(first + length, stop))[::step] for first in range(start, stop, length)]
        return np.concatenate(read) if read else self.read(start, start)

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        """The rows with these indices. Shape: `(*indices.shape, ...)`."""
        mapped = np.memmap(self.path, self.stored, "r", self.offset, self.shape)
        return np.asarray(mapped).take(rows, axis=0).astype(self.dtype, copy=False)

    def astype(self, dtype: Any, copy: bool = True) -> "StoredRows":
        """The same rows in another type; nothing is read yet."""
        same = np.dtype(dtype) == self.dtype
        finite = self.finite and self.dtype.kind in "biuf"
        like = (self.path, self.shape, self.stored, self.offset)
        return self if same else StoredRows(*like, dtype, finite, self.keeper)

    def first_not_finite(self) -> tuple[int, ...] | None:
        """The index of the first number that is NaN or infinite; None if there is none. Reads rows not yet checked."""
        if self.finite or self.dtype.kind not in "fc":
            return None
        index = super().first_not_finite()
        self.finite = index is None
        return index

    def sample(self, count: int) -> np.ndarray:
        """At most `count` rows in 64 runs spread evenly over the file, for fitting layers. Shape: `(rows, ...)`."""
        if len(self) <= count:
            return self[:]
        length = max(count // 64, 1)
        starts = np.linspace(0, len(self) - length, count // length).astype(np.int64)
        return np.concatenate([self.read(start, start + length) for start in starts.tolist()])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"StoredRows(of shape {self.shape}, {self.dtype}, in {self.path})"
