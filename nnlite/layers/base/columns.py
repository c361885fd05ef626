"""Layers that treat some columns of a table in their own way."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError

__all__ = []


def check_columns(layer: Any, columns: Sequence[int], input_shape: BatchShape, distinct: bool = True) -> None:
    """`ConfigError` unless `columns` are among those of the inputs, each once where they have to be `distinct`."""
    features = input_shape[-1]
    if features is None:
        raise ShapeError(f"{layer.label} needs a known number of features, got inputs of shape {input_shape}")
    beyond = [column for column in columns if column >= features]
    if beyond or not columns or (distinct and len(set(columns)) < len(columns)):
        once = ", each once" * distinct
        raise ConfigError(f"{layer.label} needs columns from 0 to {features - 1}{once}, got {list(columns)}")


def selection(columns: Sequence[int]) -> slice | np.ndarray:
    """An index of `columns`: a slice, which copies nothing, where they follow one another."""
    if columns and list(columns) == list(range(columns[0], columns[0] + len(columns))):
        return slice(columns[0], columns[0] + len(columns))
    return np.array(columns, np.intp)
