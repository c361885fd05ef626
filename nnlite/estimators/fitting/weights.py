"""The weight of each row: the user's sample weight times that of its class."""

from collections.abc import Mapping
from numbers import Number, Real
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_non_negative

from nnlite.errors import ConfigError, DataError

__all__ = ["checked_weight", "class_weighted"]

FLOATS = [np.float64, np.float32]


def checked_weight(sample_weight: object, n_rows: int, negative: bool = False) -> np.ndarray | None:
    """`sample_weight` as an array with one number per row, not all of them 0, or None.

    Args:
        negative: whether they may be less than 0.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_rows, sample_weight)
    if np.asarray(sample_weight).dtype.kind in "UST":
        raise DataError("sample_weight holds text; pass one number >= 0 for each row, such as a column of X")
    options = {"ensure_2d": False, "dtype": FLOATS, "order": "C", "input_name": "sample_weight"}
    weights = check_array(sample_weight, **options)
    if weights.ndim != 1:
        raise DataError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. Expected either a scalar value or "
            f"a 1D array of length {n_rows}."
        )
    if len(weights) != n_rows:
        raise DataError(f"sample_weight.shape == {weights.shape}, expected {(n_rows,)}!")
    if not weights.any():
        raise DataError("Sample weights must contain at least one non-zero number.")
    if not negative:
        check_non_negative(weights, "`sample_weight`")
    return weights


def class_weighted(weights: np.ndarray | None, class_weight: Any, y: np.ndarray, labels: Any) -> np.ndarray | None:
    """`weights` times the weight of each row's class.

    Args:
        weights: of each row, or None for 1. `"balanced"` counts a weight of 2 as two rows.
        class_weight: `"balanced"`, weights by label (1 for a label that is not named), a list of either for several
            outputs, or None.
        y: the labels of each row.
        labels: all labels; a list of arrays for several outputs.

    Raises:
        ConfigError: a label that is not one of the classes.
    """
    if class_weight is None:
        return weights
    several = isinstance(class_weight, (list, tuple))
    for table, known in zip(class_weight if several else [class_weight], labels if several else [labels], strict=False):
        _check_table(table, known if y.ndim == 1 else None)
    tables = class_weight if weights is None else _balanced(class_weight, weights, y)
    by_class = compute_sample_weight(list(tables) if isinstance(tables, tuple) else tables, y)
    product = by_class if weights is None else weights * by_class
    if not product.any():
        raise DataError("class_weight leaves no row with a weight above 0")
    return product


def _check_table(table: Any, known: Any) -> None:
    """`ConfigError` for weights that cannot be, and for labels that are none of the `known` ones where they are."""
    if not isinstance(table, (Mapping, str)):
        raise ConfigError(f"class_weight holds {table!r}, expected 'balanced' or a dict {{label: weight}}")
    if isinstance(table, str):
        return
    for label, weight in table.items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ConfigError(f"class_weight[{label!r}] is {weight!r}, expected a number >= 0")
        if known is not None and label not in known:
            labels = np.asarray(known).tolist()
            raise ConfigError(f"class_weight names {label!r}, which is not a class; they are {labels}")


def _balanced(class_weight: Any, weights: np.ndarray, y: np.ndarray) -> Any:
    """`class_weight` with weights by label in place of `"balanced"`: all classes then have the same total weight."""
    if y.ndim == 1:
        return _shares(weights, y) if isinstance(class_weight, str) else class_weight
    columns = [class_weight] * y.shape[1] if isinstance(class_weight, str) else class_weight
    if len(columns) != y.shape[1]:
        return class_weight  # scikit-learn's `compute_sample_weight` refuses it
    pairs = zip(columns, y.T, strict=True)
    return [_shares(weights, labels) if isinstance(table, str) else table for table, labels in pairs]


def _shares(weights: np.ndarray, y: np.ndarray) -> dict[Any, float]:
    """By label, the total weight / (classes with a weight above 0 * weight of the class), and 1 for any other class."""
    labels, codes = np.unique(y, return_inverse=True)
    sums = np.bincount(codes, weights)
    everything, present = sums.sum(), np.count_nonzero(sums)
    pairs = zip(labels.tolist(), sums, strict=True)
    return {label: everything / (present * total) if total else 1.0 for label, total in pairs}
