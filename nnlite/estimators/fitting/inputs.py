"""Reading of X by the estimators: arrays, raw tables and sparse matrices become one matrix of numbers."""

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any, cast

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from nnlite.arrays.rows import SparseRows
from nnlite.config import FloatType, floatx
from nnlite.data.encoders.tables import TableEncoder
from nnlite.data.files.numerals import EXACT, PLAIN
from nnlite.data.frames import Frame, is_table, read_frame
from nnlite.data.frames.digits import warn_of_rounding
from nnlite.data.frames.libraries import maker_of
from nnlite.data.frames.spelling import date_format
from nnlite.errors import DataError, ShapeError
from nnlite.errors.caller import warn_user
from nnlite.estimators.fitting.weights import FLOATS
from nnlite.layers import RobustScaling

__all__ = [
    "ONE_HOT_VALUE",
    "as_matrix",
    "code_columns",
    "fitted_encoder",
    "fitted_scaling",
    "is_sparse",
    "medians_of",
    "n_rows_of",
    "number_columns",
    "places_of",
    "precision",
    "read_inputs",
    "scaled",
]

ONE_HOT_VALUE = 2 / (1 + (2 / 3) ** 2) ** 0.5  # what scaling and clipping make of a column of 0 and 1


def is_sparse(X: Any) -> bool:
    """Whether `X` is one of SciPy's sparse matrices or arrays."""
    return hasattr(X, "tocsr") and hasattr(X, "nnz")


def read_inputs(estimator: Any, X: Any, reset: bool, y: Any = "no_validation") -> Any:
    """`X` as a CSR matrix, as a floating-point array without infinities, or as a `Frame`.

    Args:
        estimator: its `n_features_in_` and `feature_names_in_` are set where `reset` says so, and compared else.
        y: targets, which must not be None if they are passed.

    Raises:
        ValueError: as scikit-learn's `validate_data`.
        DataError: a cell that cannot be read.
    """
    X = _rows_of(X)
    if is_sparse(X):
        X = validate_data(estimator, X, accept_sparse="csr", dtype=FLOATS, reset=reset)
        if not X.has_canonical_format:
            X = X.copy()  # the user's is not modified
            X.sum_duplicates()
        return X
    if not is_table(X):
        try:
            options: dict[str, Any] = {"dtype": FLOATS, "ensure_all_finite": "allow-nan", "reset": reset}
            matrix: Any = validate_data(estimator, X=cast(Any, X), **options)
        except (TypeError, ValueError) as error:
            raise _with_its_place(error, X) from None
        if reset:
            _warn_of_rounding(X, matrix)
        return matrix
    frame = read_frame(X)
    records = X.dtype.names if isinstance(X, np.ndarray) else isinstance(X, (list, tuple)) and isinstance(X[0], Mapping)
    if records or not (isinstance(X, (list, tuple, np.ndarray)) or maker_of(X) in ("pandas", "polars")):
        return _named_columns(estimator, frame, reset, y)
    validate_data(estimator, cast(Any, X), y, reset=reset, skip_check_array=True)
    return frame


def _warn_of_rounding(X: Any, matrix: np.ndarray) -> None:
    """A warning for each column of integers of an array, or of a list of rows, that `matrix` does not tell apart."""
    converted = X.dtype != matrix.dtype if isinstance(X, np.ndarray) else isinstance(X, list)
    if not converted or not (np.abs(matrix) > EXACT).any():
        return
    for index, floats in enumerate(matrix.T):
        numbers = X[:, index] if isinstance(X, np.ndarray) else [row[index] for row in X]
        warn_of_rounding(f"x{index}", numbers, floats)


def _rows_of(X: Any) -> Any:
    """`X` with gaps in place of masked cells, and a list of dicts as rows of a DataFrame; else unchanged."""
    if isinstance(X, np.ma.MaskedArray) and X.dtype.kind in "biuf":
        floats = X if X.dtype.kind == "f" else X.astype(np.float64)
        return np.ma.filled(floats, np.nan)
    if isinstance(X, (list, tuple)) and X and maker_of(X[0], ("Series",)) == "pandas" and X[0].dtype.kind == "O":
        return [row.to_dict() for row in X]
    return X


def _with_its_place(error: Exception, X: Any) -> Exception:
    """The error of an array: which column and row, and what to do, where the cells or the shape are at fault."""
    if maker_of(X, ("Series",)):
        return ShapeError(
            "X is a Series, and a table has two dimensions: pass X.to_frame() for a single column, and for a single "
            "row of a table table[row : row + 1]"
        )
    if X is None or isinstance(X, (str, PathLike, Iterator)):
        what = f"the {type(X).__name__} {str(X)!r}" if isinstance(X, (str, PathLike)) else f"a {type(X).__name__}"
        remedy = "list(X)" if isinstance(X, Iterator) else "a DataFrame, such as pandas.read_csv(path)"
        return ShapeError(f"Expected 2D array, got {what} instead: pass {remedy}")
    try:
        read_frame(X)
    except DataError as found:
        return found
    return error


def _named_columns(estimator: Any, frame: Frame, reset: bool, y: Any) -> Frame:
    """A dict, a structured array, a list of dicts, a table without a shape: names that scikit-learn does not see."""
    if y is None and get_tags(estimator).target_tags.required:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    if reset:
        estimator.feature_names_in_, estimator.n_features_in_ = np.array(frame.names, object), frame.n_columns
        return frame
    names = vars(estimator).get("feature_names_in_")
    if names is None:
        shape: Any = np.empty((frame.n_rows, frame.n_columns))
        validate_data(estimator, shape, reset=False, skip_check_array=True)
        return frame
    missing = [name for name in names if name not in frame.places]
    if missing:
        raise DataError(
            f"X lacks columns of the fit: {', '.join(map(repr, missing))}; a value that is not known is given as None"
        )
    return Frame([frame.columns[frame.places[name]] for name in names])


def n_rows_of(table: Any) -> int:
    """Number of rows of what `read_inputs` returned."""
    return table.n_rows if isinstance(table, Frame) else table.shape[0]


def fitted_encoder(table: Any) -> TableEncoder | None:
    """The encoder of a table; None for a matrix of numbers without missing values."""
    if is_sparse(table) or (isinstance(table, np.ndarray) and not np.isnan(table).any()):
        return None
    frame = read_frame(table)
    if isinstance(table, Frame):
        _warn_of_text(frame)
    return TableEncoder.fit(frame, one_hot_value=ONE_HOT_VALUE)


def _warn_of_text(frame: Frame) -> None:
    """A warning for each column of text that spells numbers or dates, and is not a column of categories by its type."""
    for column in frame.columns:
        if column.kind != "category" or column.declared:
            continue
        levels = sorted({cell for cell in column.values if cell is not None})
        if len(levels) <= 2:
            continue
        what, remedy = "", ""
        if all(map(PLAIN.matches, levels)):
            what, remedy = "numbers", ", such as by .astype(float)"
        elif date_format(levels) is not None:
            what, remedy = "dates", ", such as by pandas.to_datetime"
        if what:
            warn_user(
                f"column {column.name!r} holds {what} as text, such as {levels[0]!r}, which are taken for categories: "
                f"make {what} of it{remedy}, or a column of categories by .astype('category')"
            )


def as_matrix(table: Any, encoder: TableEncoder | None, medians: np.ndarray | None = None) -> Any:
    """The result of `read_inputs` as a matrix without missing values: an array, or rows of a sparse matrix.

    Args:
        encoder: of the table of `fit`; None if that was a matrix of numbers.
        medians: what takes the place of gaps where there is no encoder.

    Raises:
        DataError: a text in a column of numbers; a gap where there are no medians; a sparse matrix where `fit` saw
            other columns than complete ones of numbers.
    """
    if is_sparse(table):
        if encoder is not None and not encoder.is_identity:
            raise DataError(
                "X is sparse, and the model was fitted on a table of columns or with gaps: pass X.toarray()"
            )
        return SparseRows(table)
    if encoder is not None:
        matrix = encoder.encode(table)
        return matrix if matrix.shape[1] else np.zeros((len(matrix), 1))  # all columns were constant in `fit`
    matrix = table.numbers(table.names) if isinstance(table, Frame) else table
    gaps = np.isnan(matrix)
    if not gaps.any():
        return matrix
    if medians is None:
        raise DataError("X has gaps (NaN), and the model learned no medians to fill them with: fit it with standardize")
    return np.where(gaps, medians, matrix)


def fitted_scaling(matrix: Any, encoder: TableEncoder | None) -> RobustScaling | None:
    """The scaling of an encoded table: columns of numbers by median and quartiles, others unchanged.

    None if there are no columns of numbers.
    """
    columns = number_columns(matrix.shape[1], encoder)
    if not columns:
        return None
    scaling = RobustScaling(columns=columns, dtype=matrix.dtype.name, name="scaling")
    scaling.adapt(matrix)
    return scaling


def number_columns(width: int, encoder: TableEncoder | None) -> list[int]:
    """The columns of the matrix that hold numbers."""
    if encoder is None:
        return list(range(width))
    places = places_of(encoder)
    return [places[name] for name in encoder.numbers]


def code_columns(encoder: TableEncoder | None) -> dict[int, int]:
    """The columns of the matrix that hold codes of categories, and the number of codes."""
    if encoder is None:
        return {}
    places = places_of(encoder)
    return {places[name]: size for name, size in encoder.code_sizes.items()}


def places_of(encoder: TableEncoder) -> dict[str, int]:
    """Positions of the columns of the matrix, by name."""
    return {name: index for index, name in enumerate(encoder.feature_names)}


def scaled(matrix: Any, scaling: RobustScaling | None, dtype: FloatType) -> Any:
    """The matrix in the form that the network takes; rows of a sparse one are scaled on access."""
    if isinstance(matrix, SparseRows):
        return matrix.finished(scaling, dtype)
    return (matrix if scaling is None else scaling(matrix)).astype(dtype, copy=False)


def medians_of(scaling: RobustScaling) -> np.ndarray:
    """The center of each column of a table of numbers."""
    return scaling.statistics[0].value


def precision(table: Any) -> FloatType:
    """The floating-point type to train in: that of an array; `nnlite.config.floatx()` for a table of columns."""
    return floatx() if isinstance(table, Frame) else cast(FloatType, table.dtype.name)
