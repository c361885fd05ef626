"""Dependence of an estimator's outputs on each column of the raw table."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.data.encoders.tables import TableEncoder
from nnlite.estimators.fitting.inputs import number_columns, places_of

__all__ = ["by_raw_columns", "column_groups", "sensitivities_of"]

ROWS_AT_ONCE = 1024
MOST_VALUES = 100
Sums = np.ndarray  # sums of changes, of their absolute values and of their squares, (3, outputs)


def column_groups(encoder: TableEncoder | None, names: list[str]) -> dict[str, list[int]]:
    """Each column of the raw table, with its columns of the matrix."""
    if encoder is None:
        return {name: [index] for index, name in enumerate(names)}
    places = places_of(encoder)
    parts = [[places[part] for part in group] for group in encoder.groups.values()]
    return dict(zip(names, parts, strict=True))


def by_raw_columns(slopes: np.ndarray, encoder: TableEncoder | None) -> np.ndarray:
    """Derivatives with respect to the raw columns, `(..., raw columns)`; NaN for non-numeric columns.

    A column that was the same everywhere in `fit`, and so is not part of the matrix, has the derivative 0.
    """
    if encoder is None:
        return slopes
    numbers = number_columns(slopes.shape[-1], encoder)
    raw = np.zeros((*slopes.shape[:-1], len(encoder.names)), slopes.dtype)
    for column, places in enumerate(column_groups(encoder, encoder.names).values()):
        if places:
            raw[..., column] = slopes[..., places[0]] if places[0] in numbers else np.nan
    return raw


def sensitivities_of(model: Any, matrix: np.ndarray, groups: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """Statistics of the derivatives, or of the differences, with respect to each raw column.

    A column of numbers has the derivative. Another column has differences: how the outputs change when a row takes
    the value of another row, over all values by how often they occur; of more than 100 values, over 100 rows' values.

    Args:
        model: from the matrix to outputs.
        matrix: `(rows, columns)`, the encoded table.
        groups: as `column_groups` returns them.

    Returns:
        `mean`, `mean_absolute` and `root_mean_square`, each `(outputs, raw columns)`.
    """
    numbers = set(number_columns(matrix.shape[1], model.encoder))
    slopes: Any = 0.0
    for rows in _chunks(matrix):
        jacobian = model.predict(rows, verbose=0, return_jacobian=True)[1].astype(np.float64)
        slopes = slopes + np.stack([jacobian, np.abs(jacobian), jacobian**2]).sum(axis=1)  # (3, outputs, columns)
    columns = []
    for places in groups.values():
        if places and places[0] in numbers:
            columns.append(slopes[..., places[0]])
        else:
            columns.append(_changes(model, matrix, places, slopes.shape[:2]))
    mean, mean_absolute, mean_square = np.stack(columns, axis=-1) / len(matrix)
    return {"mean": mean, "mean_absolute": mean_absolute, "root_mean_square": np.sqrt(mean_square)}


def _chunks(matrix: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(matrix), ROWS_AT_ONCE):
        yield matrix[start : start + ROWS_AT_ONCE]


def _changes(model: Any, matrix: np.ndarray, places: list[int], shape: tuple[int, ...]) -> Sums:
    """Sums over the rows of how the outputs change when the columns `places` take each of the values they have."""
    sums = np.zeros(shape)
    if not places:
        return sums
    values, counts = np.unique(matrix[:, places], axis=0, return_counts=True)
    if len(values) > MOST_VALUES:  # as many predictions of all rows as there are values would take hours
        middles = (np.arange(MOST_VALUES) + 0.5) * len(matrix) / MOST_VALUES
        values = values[np.searchsorted(np.cumsum(counts), middles, side="right")]
        counts = np.full(MOST_VALUES, len(matrix) / MOST_VALUES)
    for rows in _chunks(matrix):
        present = model.predict(rows, verbose=0).astype(np.float64)
        for value, count in zip(values, counts, strict=True):
            changed = rows.copy()
            changed[:, places] = value
            change = model.predict(changed, verbose=0) - present
            sums += np.stack([change, np.abs(change), change**2]).sum(axis=1) * (count / len(matrix))
    return sums
