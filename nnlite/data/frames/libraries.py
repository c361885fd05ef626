"""Tables of pandas, polars and Arrow, read by their own methods; none of these libraries is imported."""

import importlib.util
from typing import Any

import numpy as np

from nnlite.data.frames.cells import column_of, column_of_cells
from nnlite.data.frames.digits import warn_of_rounding
from nnlite.data.frames.frame import Column
from nnlite.errors import DataError, needed_for

__all__ = []


def maker_of(X: Any, classes: tuple[str, ...] = ("DataFrame", "Series", "LazyFrame")) -> str | None:
    """`"pandas"` or `"polars"` for instances of their classes, `"arrow"` for what pyarrow reads; else None."""
    for cls in type(X).__mro__:
        library = cls.__module__.partition(".")[0]
        if library in ("pandas", "polars"):
            return library if cls.__name__ in classes else None
    if not hasattr(X, "__arrow_c_stream__") and not hasattr(X, "__arrow_c_array__"):
        return None
    return "arrow" if importlib.util.find_spec("pyarrow") or not hasattr(X, "__dataframe__") else None


def pandas_table(X: Any) -> tuple[list[Column] | np.ndarray, list[str], bool]:
    """The columns of a DataFrame or Series, or one matrix if all are numeric; their names; whether these are strings.

    Names that are not strings, such as pandas' default numbers, do not count as names: columns go by position.
    """
    if X.ndim == 1:
        X = X.to_frame()
    named = all(isinstance(name, str) for name in X.columns)
    names = [f"x{name}" if isinstance(name, int) else str(name) for name in X.columns]
    if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in X.dtypes):
        matrix = X.to_numpy()
        for index in range(len(names)) if matrix.dtype.kind == "f" else ():
            warn_of_rounding(names[index], X.iloc[:, index].to_numpy(), matrix[:, index])
        return matrix, names, named
    return [_pandas_column(name, series) for name, (_, series) in zip(names, X.items(), strict=True)], names, named


def _pandas_column(name: str, series: Any) -> Column:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return column_of(name, series.to_numpy())
    label = str(dtype)
    if label == "category":
        return column_of_cells(name, series.tolist(), category=True)
    if label.startswith("period"):
        return column_of(name, series.dt.to_timestamp().to_numpy())
    if label.startswith("Sparse"):
        return column_of(name, series.sparse.to_dense().to_numpy())
    if label.startswith("datetime64"):
        return column_of(name, series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), zoned=True)
    if dtype.kind in "iuf":
        single = dtype.kind == "f" and dtype.itemsize == 4
        present = series.dropna()
        warn_of_rounding(name, present.to_numpy(), present.to_numpy(dtype=np.float64))
        return column_of(name, series.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan))
    return column_of_cells(name, series.tolist(), category=label.startswith("dictionary"))


def polars_columns(X: Any) -> list[Column]:
    """The columns of a DataFrame or a Series."""
    if type(X).__name__ == "LazyFrame":
        raise DataError("a LazyFrame has no rows yet: pass X.collect()")
    series = X.get_columns() if type(X).__name__ == "DataFrame" else [X]
    return [_polars_column(column) for column in series]


def _polars_column(series: Any) -> Column:
    dtype = series.dtype
    if str(dtype).endswith("Int128"):  # NumPy has no integers of 128 bits
        return column_of_cells(series.name, series.to_list())
    if dtype.is_float() or dtype.is_integer() or (dtype.is_temporal() and str(dtype) != "Time"):
        if dtype.is_integer() and series.has_nulls():
            present = series.drop_nulls().to_numpy()
            warn_of_rounding(series.name, present, present.astype(np.float64))
        return column_of(series.name, series.to_numpy(), zoned="time_zone='" in str(dtype))
    return column_of_cells(series.name, series.to_list(), category=str(dtype).startswith(("Categorical", "Enum")))


def arrow_columns(X: Any) -> list[Column]:
    """The columns of an object that exports its data through the Arrow protocol."""
    with needed_for("tables of Arrow are read by pyarrow", "pyarrow"):
        import pyarrow  # pyright: ignore[reportMissingImports]

    table = X if isinstance(X, pyarrow.Table) else pyarrow.table(X)
    return [_arrow_column(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]


def _arrow_column(name: str, column: Any) -> Column:
    kind = column.type
    if str(kind).startswith("dictionary"):
        return column_of_cells(name, column.to_pylist(), category=True)
    if str(kind).startswith(("int", "uint", "float", "double", "halffloat", "timestamp", "date", "duration")):
        if str(kind).startswith(("int", "uint")) and column.null_count:
            present = column.drop_null().to_numpy()
            warn_of_rounding(name, present, present.astype(np.float64))
        return column_of(name, column.to_numpy(), zoned=str(kind).startswith("timestamp") and kind.tz is not None)
    return column_of_cells(name, column.to_pylist())
