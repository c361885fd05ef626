"""Columns of raw inputs with another role: they split the rows into parts, or weight them."""

import contextlib
import dataclasses
from collections.abc import Collection

import numpy as np

from nnlite.data.frames.frame import Frame
from nnlite.data.profile.cells import read_cells
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError, shown

__all__ = ["read_role", "read_weights", "without_columns"]

Inputs = Table | Frame | np.ndarray


def _is_date(cell: str) -> bool:
    try:
        np.datetime64(cell)
    except ValueError:
        return False
    return True


def read_role(inputs: Inputs, name: str, role: str) -> np.ndarray:
    """The column `name` for the role `group`, `by` or `hash`, as strings, or for `time`, as numbers or dates.

    Raises:
        DataError: inputs without named columns, no such column, a missing value, or no dates.
    """
    table = _table(inputs, name, f"split.{role}")
    values = _times(table, name) if role == "time" else _texts(table, name)
    missing = np.isnat(values) if values.dtype.kind == "M" else values != values
    if values.dtype.kind in "OU":
        missing = np.array([cell is None or cell == "" for cell in values.tolist()])
    if missing.any():
        raise DataError(
            f"split.{role}: column {name!r} has no value in row {int(missing.argmax())} ({int(missing.sum())} of "
            f"{len(missing)} rows); fill them in or remove such rows"
        )
    return values.astype(str) if values.dtype.kind == "O" else values


def read_weights(inputs: Inputs, name: str) -> np.ndarray:
    """The column `name` as weights, float64 >= 0 and not all 0.

    Raises:
        DataError: inputs without named columns, no such column, or a weight that is missing, negative or no number.
    """
    table = _table(inputs, name, "weights")
    weights = table.quantities(name) if isinstance(table, Table) else table.column(name, "number").values
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise DataError(f"weights: column {name!r} is {weights[bad[0]]:g} in row {bad[0]}, expected a number >= 0")
    return weights.astype(np.float64)


def without_columns(inputs: Inputs, names: Collection[str]) -> Inputs:
    """The inputs without these columns."""
    if not names or isinstance(inputs, np.ndarray):
        return inputs
    if isinstance(inputs, Table):
        cells_kept = {name: cells for name, cells in inputs.columns.items() if name not in names}
        return dataclasses.replace(inputs, columns=cells_kept)
    return inputs.with_columns([column for column in inputs.columns if column.name not in names])


def _table(inputs: Inputs, name: str, location: str) -> Table | Frame:
    if isinstance(inputs, np.ndarray):
        raise ConfigError(f"the source has no named columns, so there is no {name!r}; use a table", (location,))
    return inputs


def _texts(table: Table | Frame, name: str) -> np.ndarray:
    try:
        return table.column(name, "category").values
    except DataError:
        if isinstance(table, Table) or name not in table.places:
            raise
    dates = table.column(name, "date").values
    return np.where(np.isnat(dates), "", dates.astype(str))


def _times(table: Table | Frame, name: str) -> np.ndarray:
    kinds = ("number", "date") if isinstance(table, Frame) or name in table.columns else ("category",)
    for kind in kinds:
        with contextlib.suppress(DataError):
            return table.column(name, kind).values
    dates = read_cells(table, name).dates
    if dates is not None:
        return dates  # of another form, such as 31.12.2026
    texts = table.column(name, "category").values
    try:
        return np.array([None if cell in ("", None) else cell for cell in texts.tolist()], "datetime64[us]")
    except ValueError:
        first = shown(next((cell for cell in texts.tolist() if cell and not _is_date(cell)), ""))
        raise DataError(
            f"split.time: column {name!r} holds neither numbers nor dates of one form such as 2026-01-31, but {first}"
        ) from None
