"""A single reader for tables of all libraries."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.data.frames.cells import as_floats, column_of, column_of_cells, is_complete
from nnlite.data.frames.digits import warn_of_rounding
from nnlite.data.frames.frame import Column, Frame
from nnlite.data.frames.interchange import interchange_columns
from nnlite.data.frames.libraries import arrow_columns, maker_of, pandas_table, polars_columns
from nnlite.errors import DataError, ShapeError

__all__ = ["is_table", "read_frame"]


def read_frame(X: Any, names: Sequence[str] | None = None) -> Frame:
    """A raw table of any library as a `Frame`.

    Columns are converted one by one. Integers and floats are numbers (float32 stays float32), durations are numbers of
    days; True and False are booleans, beside numbers they are numbers; texts are categories, also where they spell
    numbers, as are the values of a categorical type; dates and times are dates, in universal time if they have a zone;
    times of day are those of 1 January 1970. None, NaN, NaT and NA are gaps.

    Args:
        X: array of shape (rows, columns), structured array, DataFrame of pandas or polars, table of Arrow, any object
            with `__dataframe__` or, where pyarrow is installed, `__arrow_c_stream__`, Series (one column), dict of
            columns, list of rows, list of dicts.
        names: what the columns are called, in place of the names that the table brings.

    Raises:
        DataError: infinities, numbers too large for `floatx()`, columns of one name, a sparse matrix.
        ShapeError: no rows, no columns, columns of unequal length, one dimension or three.
        CellTypeError: complex numbers, bytes, nested values.

    >>> frame = read_frame([[1.5, "red"], [None, "blue"]])
    >>> [(column.name, column.kind, column.values.tolist()) for column in frame.columns]
    [('x0', 'number', [1.5, nan]), ('x1', 'category', ['red', 'blue'])]
    """
    if isinstance(X, Frame):
        frame = X
    elif type(X) is np.ndarray and X.dtype.kind in "iuf":
        return _of_numbers(X, names)
    else:
        frame = _read(X)
    if names is not None:
        _check_count(names, frame.n_columns)
        _check_names(strings := list(map(str, names)))
        frame = frame.renamed(strings)
        frame.named = True
    return frame


def is_table(X: Any, named: bool = False) -> bool:
    """Whether `X` is, by its type or its cells, a table that has to be encoded, rather than an array of numbers.

    Args:
        X: what users pass as data.
        named: whether to count only tables that name their columns.
    """
    if isinstance(X, np.ndarray):
        return bool(X.dtype.names) or (not named and X.ndim == 2 and X.dtype.kind not in "biufc")
    if isinstance(X, (Frame, Mapping)) or hasattr(X, "__dataframe__") or maker_of(X, ("DataFrame", "LazyFrame")):
        return True
    if not isinstance(X, (list, tuple)) or not X:
        return False
    if isinstance(X[0], Mapping):
        return True
    return (
        not named
        and all(isinstance(row, (list, tuple)) for row in X)
        and any(cell is None or isinstance(cell, str) for row in X for cell in row)
    )


def _read(X: Any) -> Frame:
    if hasattr(X, "toarray"):
        raise DataError(f"a sparse matrix ({type(X).__name__}) is not a table of columns: pass X.toarray()")
    maker = maker_of(X)
    if maker == "pandas":
        return _checked(*pandas_table(X))
    if maker == "polars":
        return _checked(polars_columns(X))
    if maker == "arrow":
        return _checked(arrow_columns(X))
    if hasattr(X, "__dataframe__"):
        return _checked(interchange_columns(X))
    if isinstance(X, Mapping):
        return _checked([_column(str(name), values) for name, values in X.items()])
    if isinstance(X, (list, tuple)):
        return _of_rows(X)
    return _of_array(X)


def _of_array(X: Any) -> Frame:
    array = np.asarray(X)
    if isinstance(X, np.ma.MaskedArray):
        array = array.astype(object)
        array[np.ma.getmaskarray(X)] = None
    if array.dtype.names:
        return _checked([_column(name, array[name]) for name in array.dtype.names])
    _check_shape(array, X)
    if array.dtype.kind in "iuf":
        return _of_numbers(array, None)
    columns = [column_of(f"x{index}", array[:, index]) for index in range(array.shape[1])]
    return _checked(columns, named=False)


def _of_numbers(array: np.ndarray, names: Sequence[str] | None) -> Frame:
    """An array of numbers: columns are not read separately."""
    _check_shape(array, array)
    strings = None
    if names is not None:
        _check_count(names, array.shape[1])
        strings = list(map(str, names))
        _check_names(strings)
    matrix = as_floats(array)
    for index in range(array.shape[1]) if array.dtype.kind in "iu" else ():
        warn_of_rounding(f"x{index}" if strings is None else strings[index], array[:, index], matrix[:, index])
    complete = is_complete(matrix, lambda column: f"x{column}" if strings is None else strings[column])
    return Frame(matrix=matrix, names=strings, named=strings is not None, complete=complete)


def _of_rows(rows: Sequence[Any]) -> Frame:
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return _checked([column_of_cells(str(name), [row.get(name) for row in rows]) for name in names])
    if rows and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows):
        rows = [row.tolist() if row.dtype != np.float32 else list(row) for row in rows]
    if not rows or not all(isinstance(row, (list, tuple)) for row in rows):
        array = np.array(rows, dtype=object) if rows else np.zeros(0)
        _check_shape(array, rows)
        return _of_array(array)
    lengths = set(map(len, rows))
    if len(lengths) > 1:
        raise ShapeError(
            f"the rows of a table must have the same number of cells, these have {min(lengths)} to {max(lengths)}"
        )
    if not lengths - {0}:
        _check_shape(np.zeros((len(rows), 0)), rows)
    return _checked([column_of_cells(f"x{n}", cells) for n, cells in enumerate(zip(*rows, strict=True))], named=False)


def _column(name: str, values: Any) -> Column:
    """A single column: array, Series, list."""
    if maker_of(values) in ("pandas", "polars"):
        return dataclasses.replace(_read(values).columns[0], name=name)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ShapeError(
            f"column {name!r} is the single value {values!r}; a dict holds whole columns, {{name: [values]}}, and a "
            "row given as a dict is one of a list, [{name: value}]"
        )
    if not isinstance(values, np.ndarray):
        return column_of_cells(name, list(values))
    if values.ndim != 1:
        raise ShapeError(f"column {name!r} has shape {values.shape}, expected (rows,)")
    return column_of(name, values)


def _checked(columns: list[Column] | np.ndarray, names: list[str] | None = None, named: bool = True) -> Frame:
    """The frame of these columns; errors unless there are rows and columns, equally long, of distinct names."""
    if isinstance(columns, np.ndarray):
        frame = _of_numbers(columns, names)
        frame.named = named
        return frame
    lengths = [len(column.values) for column in columns]
    if len(set(lengths)) > 1:
        longest = columns[int(np.argmax(lengths))].name
        shortest = columns[int(np.argmin(lengths))].name
        raise ShapeError(
            f"the columns of a table are equally long: {longest!r} has {max(lengths)} rows, {shortest!r} {min(lengths)}"
        )
    _check_sizes((lengths[0] if lengths else 0, len(columns)))
    _check_names([column.name for column in columns])
    return Frame(columns, named=named)


def _check_names(names: list[str]) -> None:
    if len(set(names)) == len(names):
        return
    name = next(name for name in names if names.count(name) > 1)
    raise DataError(f"{names.count(name)} columns are called {name!r}; give each a name of its own")


def _check_count(names: Sequence[str], columns: int) -> None:
    if len(names) != columns:
        raise ShapeError(f"{len(names)} names for {columns} columns")


def _check_shape(array: np.ndarray, argument: Any) -> None:
    """Errors in the words of scikit-learn, which its checks of estimators look for."""
    if array.ndim < 2:
        kind = "scalar" if array.ndim == 0 else "1D"
        raise ShapeError(
            f"Expected 2D array, got {kind} array instead:\narray={argument!r}.\nReshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it contains a single "
            "sample."
        )
    if array.ndim > 2:
        raise ShapeError(f"Found array with dim {array.ndim}, while dim <= 2 is required: a table is (rows, columns)")
    _check_sizes(array.shape)


def _check_sizes(shape: tuple[int, ...]) -> None:
    for size, what in zip(shape, ("sample(s)", "feature(s)"), strict=True):
        if not size:
            raise ShapeError(f"Found array with 0 {what} (shape={shape}) while a minimum of 1 is required.")
