"""The rows that early stopping holds out."""

import math
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from nnlite.arrays.rows import SparseRows
from nnlite.errors import DataError
from nnlite.estimators.fitting.rows import distinct_rows
from nnlite.estimators.mlp.stochastic import Rows

__all__ = ["divided"]

USUAL_FRACTION = 0.1  # from which on too few rows are no fault of the fraction
FEW = 100  # rows; equal ones of more are those of a table of categories, which both parts need
LEAST = 2  # rows of a part, and of each class that is stratified


def divided(data: Rows, fraction: float, stratified: bool, random: np.random.RandomState) -> tuple[Rows, Rows]:
    """The rows to train on and those held out: scikit-learn's own split wherever that is usable.

    Of few rows, of which a usual fraction is less than two or than the number of classes, more are set apart. Where at
    least half of up to 100 rows are copies of others, weights being numbers of copies, the copies stay in one part:
    drawn one by one, hardly any would be set apart that is not trained on as well.

    Args:
        fraction: of the rows that are set apart.
        stratified: whether `data.y` are classes whose shares the parts keep.

    Raises:
        DataError: fewer than two rows would be set apart.
        ValueError: too few rows of a class, or no rows to train on.
    """
    data = _without_copies(data, stratified) or data
    arrays = [array for array in data if array is not None]
    least = max(LEAST, len(np.unique(data.y))) if stratified else LEAST
    enlarged = fraction >= USUAL_FRACTION and math.ceil(fraction * len(data.y)) < least <= len(data.y) // 2
    options: dict[str, Any] = {"test_size": least if enlarged else fraction, "random_state": random}
    parts: list[Any] = train_test_split(*arrays, stratify=data.y if stratified else None, **options)
    if parts[1].shape[0] < LEAST:
        raise DataError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    without = [] if len(arrays) == 3 else [None]
    return Rows(*parts[::2], *without), Rows(*parts[1::2], *without)


def _without_copies(data: Rows, stratified: bool) -> Rows | None:
    """Each different row once, with its number of copies as the weight, in an order that only the rows decide.

    None if there are more than a few rows, less than half are copies, or too few others would be left.
    """
    weights = data.sample_weight
    if weights is not None and (weights == weights[0]).all():
        weights = None  # which are as good as none
    total = len(data.y) if weights is None else weights.sum()
    if total > FEW or (weights is not None and (weights < 0).any()):
        return None
    X = data.X if isinstance(data.X, np.ndarray) else SparseRows(data.X)
    rows = distinct_rows(X, data.y, weights)
    if rows.weights is not None:
        return None
    _, starts, counts = np.unique(rows.first, return_index=True, return_counts=True)
    order = np.argsort(starts)
    first, counts = rows.first[starts[order]], counts[order]
    smallest = np.unique(data.y[first], return_counts=True)[1].min() if stratified else len(first) // 2
    if 2 * len(first) > total or smallest < LEAST:
        return None
    return Rows(data.X[first], data.y[first], counts.astype(data.X.dtype))
