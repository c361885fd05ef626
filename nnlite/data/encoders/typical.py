"""A typical row of the training data: the baseline of explanations."""

from collections import Counter
from typing import Any

import numpy as np

from nnlite.config import image_data_format
from nnlite.data.encoders.columns import ColumnEncoder, ColumnSource, Numeric
from nnlite.data.encoders.inputs import Columns, InputEncoder, Raw
from nnlite.data.encoders.tables import TableEncoder
from nnlite.data.frames.frame import Column
from nnlite.data.table import Table

__all__ = ["typical_row"]

WHOLE_IMAGE = 4096  # numbers: of a larger one the means of the channels are enough


def typical_row(
    inputs: Any, encoder: InputEncoder, rows: np.ndarray | None = None
) -> dict[str, Any] | list[Any] | None:
    """The mean of each number, the median of dates, the most frequent category, as JSON values.

    Args:
        inputs: a table with named columns, or an array of numbers.
        encoder: says which columns matter, and what kinds they are.
        rows: indices of the rows to look at; all where None.

    Returns:
        Cells by column for a table, nested lists for an array; of large images `(1, 1, channels)`, or
        `(channels, 1, 1)` where `image_data_format()` is "channels_first". None for data that have no mean: texts.
    """
    if isinstance(encoder, Raw):
        array = inputs if rows is None else inputs[rows]
        if array.dtype.kind not in "fiu":
            return None
        means = array.mean(axis=0, dtype=np.float64)
        if means.ndim == 3 and means.size > WHOLE_IMAGE:
            places = (0, 1) if image_data_format() == "channels_last" else (1, 2)
            means = means.mean(axis=places, keepdims=True)
        return means.tolist()
    if not isinstance(encoder, (Columns, TableEncoder)):
        return None
    source = inputs if isinstance(inputs, Table) else inputs.gaps_as_text()
    first: dict[str, ColumnEncoder] = {}
    for column in encoder.columns:
        first.setdefault(column.name, column)
    return {name: _typical_cell(source, column, rows) for name, column in first.items()}


def _typical_cell(source: ColumnSource, encoder: ColumnEncoder, rows: np.ndarray | None) -> Any:
    if isinstance(encoder, Numeric) and (encoder.mean, encoder.scale) != (0, 1):
        return encoder.mean  # learned from these rows already
    column = encoder.read(source).taken(rows)
    missing = column.missing
    return None if missing.all() else _middle(column, column.values[~missing])


def _middle(column: Column, present: np.ndarray) -> Any:
    if column.kind == "number":
        return float(present.mean(dtype=np.float64))
    if column.kind == "date":
        return str(np.datetime_as_string(np.sort(present)[len(present) // 2], unit="auto"))
    most = max(sorted(Counter(present.tolist()).items()), key=lambda pair: pair[1])[0]
    return bool(most) if column.kind == "boolean" else most
