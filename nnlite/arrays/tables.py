"""Tables of numbers and booleans, of any library, as one array, read column by column.

Made into an array as a whole, a table of numbers beside booleans is an array of objects.
"""

import numbers
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from nnlite.errors import DataError, ShapeError

__all__ = ["as_plain_array", "numbers_of_objects", "numbers_of_table", "of_rank", "only_array", "with_columns"]

MISSING_TYPES = ("NoneType", "NAType", "NaTType")


def table_columns(table: Any) -> dict[str, Any] | None:
    """The columns of a DataFrame of pandas or polars, of a table of pyarrow or of a dict; None for anything else."""
    if isinstance(table, Mapping):
        return {str(name): column for name, column in table.items()}
    if hasattr(getattr(table, "dtypes", None), "items"):  # pandas
        return {str(name): column for name, column in table.items()}
    if hasattr(table, "get_columns"):  # polars
        return {column.name: column for column in table.get_columns()}
    if hasattr(table, "column_names") and hasattr(table, "column"):  # pyarrow
        return {name: table.column(name) for name in table.column_names}
    return None


def numbers_of_table(table: Any, owner: str) -> np.ndarray | None:
    """The columns of a table side by side, NaN for missing values; None if it is not a table.

    Args:
        table: see `table_columns`.
        owner: who needs numbers, for messages.

    Shape: `(rows, columns)`.

    Raises:
        DataError: a column that is neither numeric nor boolean, or no column at all.
        ShapeError: columns of several lengths, or values that are not columns.
    """
    columns = table_columns(table)
    if columns is None:
        return None
    if not columns:
        raise DataError(f"{owner} needs numbers, got a table without columns")
    if hasattr(table, "to_numpy") and len({str(dtype) for dtype in getattr(table, "dtypes", ())}) == 1:
        whole = np.asarray(table)
        if whole.dtype.kind in "biuf":
            return whole
    arrays = {name: _numbers_of_column(name, column, owner) for name, column in columns.items()}
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) > 1:
        raise ShapeError(f"{owner} needs columns of one length, got {' and '.join(map(str, sorted(lengths)))} rows")
    return np.column_stack(list(arrays.values()))


def _numbers_of_column(name: str, column: Any, owner: str) -> np.ndarray:
    dtype = getattr(column, "dtype", None)
    if not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in "biuf":  # of pandas, with gaps of its own
        array = column.to_numpy(dtype="float64", na_value=np.nan)
    else:
        array = _array(column)
    if array.dtype == object and str(dtype) != "category":
        array = numbers_of_objects(array)
    if array.dtype.kind not in "biuf" or str(dtype) == "category":
        shown = f" ({_first(array)})" if array.dtype == object else ""
        kind = array.dtype if dtype is None else dtype
        raise DataError(f"{owner} needs numbers, column {name!r} holds {kind}{shown}: encode or drop it")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(f"{owner} needs columns of one number per row, column {name!r} has the shape {array.shape}")
    return array


def _array(values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # lists of several lengths
        return np.fromiter(values, object)


def numbers_of_objects(array: np.ndarray) -> np.ndarray:
    """An array of Python numbers, booleans and missing values as floats, NaN if missing; any other array unchanged."""
    if array.dtype != object:
        return array
    cells = array.ravel().tolist()
    if not cells or not all(isinstance(cell, (numbers.Real, Decimal, np.bool_)) or _is_gap(cell) for cell in cells):
        return array
    return np.array([np.nan if _is_gap(cell) else float(cell) for cell in cells]).reshape(array.shape)


def as_plain_array(values: Any) -> np.ndarray:
    """`values`, a table, Series, list or array, as an array: numeric if all of its values are numbers.

    >>> as_plain_array({"a": [1.5, 2.0], "b": [True, False]}).tolist()
    [[1.5, 1.0], [2.0, 0.0]]
    """
    if isinstance(values, np.ndarray):
        return numbers_of_objects(values)
    try:
        array = numbers_of_table(values, "an array of numbers")
    except DataError:
        array = None
    return numbers_of_objects(np.asarray(values)) if array is None else array


def _is_gap(cell: Any) -> bool:
    return type(cell).__name__ in MISSING_TYPES


def _first(array: np.ndarray) -> str:
    """The first cell that is not a number, for messages."""
    cells = array.ravel().tolist()
    row = next((row for row, cell in enumerate(cells) if not isinstance(cell, numbers.Real) and not _is_gap(cell)), 0)
    text = repr(cells[row])
    return f"{text if len(text) < 40 else f'{text[:36]} ...'} in row {row}"


def with_columns(data: Any) -> Any:
    """`data` with each Series of numbers, alone or in a dict or list, as a column `(rows, 1)`; others as they are."""
    if isinstance(data, np.ndarray):
        return data
    if isinstance(data, dict):
        return {name: with_columns(item) for name, item in data.items()}
    if isinstance(data, (list, tuple)):
        return [*map(with_columns, data)] if any(map(_is_series, data)) else data
    array = as_plain_array(data) if _is_series(data) else None
    return data if array is None or array.dtype.kind not in "biuf" else array[:, None]


def _is_series(values: Any) -> bool:
    """Whether this is a Series of pandas or polars."""
    return hasattr(values, "to_frame") and np.ndim(values) == 1


def of_rank(data: Any, shape: Any) -> Any:
    """An array with a last axis of one number more, or less, where it then has the axes of `shape`; others as they are.

    >>> of_rank(np.arange(3), (None, 1)).shape, of_rank(np.ones((3, 2, 1)), (None, 2)).shape
    ((3, 1), (3, 2))
    """
    if not isinstance(data, np.ndarray) or not shape:
        return data
    if data.ndim == len(shape) - 1 > 0 and shape[-1] == 1:
        return data[..., None]
    return data[..., 0] if data.ndim == len(shape) + 1 and data.shape[-1] == 1 else data


def only_array(data: Any, shape: Any) -> Any:
    """The array in a list of length one, for callers that accept a list of arrays; anything else unchanged.

    Args:
        data: what a user passed.
        shape: of data, batch first; an array with that many axes, or a vector other than a row, is not a single row.
    """
    if not isinstance(data, (list, tuple)) or len(data) != 1 or not isinstance(data[0], np.ndarray) or not shape:
        return data
    rank, array = len(shape), data[0]
    vector = array.ndim == 1 and rank == 2 and array.shape[0] != shape[-1] > 0
    return array if array.ndim == rank or vector else data
