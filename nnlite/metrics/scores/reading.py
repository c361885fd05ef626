"""Conversion of vectors to the form that the scores need."""

from typing import Any

import numpy as np

from nnlite.arrays.rows import LazyRows
from nnlite.arrays.types import ArrayLike
from nnlite.errors import DataError, ShapeError

__all__ = ["as_codes", "as_matrix", "as_probabilities", "as_weights", "mean_of_defined", "ratio"]


def as_codes(y: ArrayLike, rows: int, classes: int, name: str = "y") -> np.ndarray:
    """Class numbers in [0, classes), shape (rows,); a column of them is flattened."""
    codes = np.asarray(y)
    if codes.shape not in ((rows,), (rows, 1)):
        raise ShapeError(f"{name} has shape {codes.shape}, expected {(rows,)}: one class number per row")
    codes = codes.reshape(rows)
    whole = codes.astype(np.intp, copy=False)
    if (whole != codes).any() or (rows and not 0 <= whole.min() <= whole.max() < classes):
        raise DataError(f"{name} must hold class numbers from 0 to {classes - 1}")
    return whole


def as_probabilities(probabilities: ArrayLike | LazyRows) -> Any:
    """One column per class: a single column is the probability of the second of two classes.

    Rows that stay in a file, of a column per class, stay there.
    """
    if isinstance(probabilities, LazyRows) and probabilities.ndim == 2 and probabilities.shape[1] > 1:
        return probabilities
    p = np.asarray(probabilities)
    if p.ndim == 1:
        p = p[:, None]
    if p.ndim != 2 or p.shape[1] == 0:
        raise ShapeError(f"probabilities have shape {p.shape}, expected (rows,) or (rows, classes)")
    return np.hstack([1 - p, p]) if p.shape[1] == 1 else p


def as_matrix(values: ArrayLike | LazyRows, name: str) -> Any:
    """Shape (rows, columns); a vector is one column. Rows that stay in a file are not loaded."""
    if isinstance(values, LazyRows) and values.ndim == 2:
        return values
    matrix = np.asarray(values)
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2:
        raise ShapeError(f"{name} has shape {matrix.shape}, expected (rows,) or (rows, columns)")
    return matrix


def as_weights(weights: ArrayLike | None, rows: int) -> np.ndarray:
    """One float64 weight per row, >= 0; 1 by default."""
    if weights is None:
        return np.ones(rows)
    array = np.asarray(weights, np.float64)
    if array.shape != (rows,):
        raise ShapeError(f"weights have shape {array.shape}, expected {(rows,)}")
    if not np.isfinite(array).all() or (array < 0).any():
        raise DataError("weights must be finite numbers >= 0")
    return array


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> np.ndarray:
    """`numerator / denominator`, NaN where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    result = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=result, where=denominator != 0)


def mean_of_defined(values: ArrayLike) -> float:
    """The mean of the values that are not NaN; NaN if none is defined."""
    kept = np.asarray(values, float)
    kept = kept[~np.isnan(kept)]
    return float(kept.mean()) if len(kept) else float("nan")
