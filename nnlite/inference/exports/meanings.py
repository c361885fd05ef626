"""Inputs of formats that do not encode columns: amounts as the table has them, and words for what is a code."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.data import Columns, InputEncoder, TableEncoder
from nnlite.data.encoders.columns import Boolean, GapIndicator, Numeric, OneHot, Ordinal, TwoValued
from nnlite.layers import Normalization
from nnlite.layers.base.layer import Layer

__all__ = ["amounts_scaled", "meanings_of_inputs"]


def meanings_of_inputs(encoder: InputEncoder | None) -> list[str]:
    """A line for each column that the encoder makes, in order; none for encoders of other data."""
    if not isinstance(encoder, Columns | TableEncoder):
        return []
    return [line for column in encoder.columns for line in _lines(column)]


def amounts_scaled(encoder: InputEncoder | None) -> list[Layer]:
    """A layer that scales amounts as the encoder would, so that they may come as the table has them, if any are."""
    if not isinstance(encoder, Columns | TableEncoder):
        return []
    scales = [
        (column.mean, column.scale) if type(column) is Numeric else (0.0, 1.0)
        for column in encoder.columns
        for _ in column.outputs
    ]
    if all(pair == (0, 1) for pair in scales):
        return []
    means, deviations = np.array(scales).T
    scaling = Normalization(mean=means, variance=deviations**2)
    scaling(np.zeros((1, len(means)), np.float32))  # builds it
    return [scaling]


def _lines(column: Any) -> list[str]:
    explain = EXPLAINED.get(type(column))
    names = column.outputs
    return names if explain is None else [f"{name}: {text}" for name, text in zip(names, explain(column), strict=True)]


def _codes(column: Any) -> list[str]:
    levels = ", ".join(f"{code} = {level or '(missing)'}" for code, level in enumerate(column.categories, 1))
    return [f"{levels}; 0 for any other"]


EXPLAINED: dict[type, Callable[[Any], list[str]]] = {
    Numeric: lambda column: [f"as the table has it; {column.fill:.9g} where it is missing"],
    Ordinal: _codes,
    OneHot: lambda column: [f"{column.value:.9g} if so, else 0"] * len(column.outputs),
    TwoValued: lambda column: [f"1 if so, -1 for {column.categories[0]}, else 0"],
    Boolean: lambda column: ["1 for true, -1 for false, 0 where it is missing"],
    GapIndicator: lambda column: ["1 where it is missing, else 0"],
}
