"""The target columns of a table, in the form that the loss needs."""

import numpy as np

from nnlite.data.encoders.targets.base import TargetKind
from nnlite.data.files.frames import FileFrame
from nnlite.data.frames.frame import Frame
from nnlite.data.table import Table
from nnlite.errors import DataError

__all__ = ["read_target", "suited_kind", "target_units"]

MOST_CLASSES = 20  # of integers, which may as well be counts


def read_target(table: Table | FileFrame, names: list[str], target_kind: TargetKind) -> np.ndarray:
    """The columns `names` of a table as a target.

    Returns:
        For `"regression"` numbers of shape (rows, columns). Of one column otherwise its labels, shape (rows,), which
        for `"multilabel"` are strings that may be empty and for `"auto"` numbers where all cells are. Of several
        columns their cells, shape (rows, columns).

    Raises:
        DataError: a missing value, or a text in a column of numbers.
    """
    if target_kind == "regression":
        return np.column_stack([table.quantities(name) for name in names])
    if len(names) == 1:
        if target_kind == "multilabel":
            column = table.column(names[0], "category")
            return np.where(column.missing, "", column.values).astype(str)  # a gap is a row without a label
        labels = table.labels(names[0])
        return _as_numbers(table, names, labels) if target_kind == "auto" else labels
    cells = np.column_stack([table.labels(name).astype(str) for name in names])
    return _as_numbers(table, names, cells) if target_kind == "auto" else cells


def _as_numbers(table: Table | FileFrame, names: list[str], cells: np.ndarray) -> np.ndarray:
    if cells.dtype.kind != "U":
        return cells
    try:
        numbers = np.column_stack([table.quantities(name) for name in names])
    except DataError:
        return cells
    return numbers.reshape(cells.shape)


def target_units(table: object, names: list[str]) -> list[str | None] | None:
    """The currency or unit around the amounts of each target column of a table; None if there are none."""
    if not isinstance(table, (Table, Frame)) or not set(names) <= set(table.names):
        return None
    units = [table.column(name, "number").unit or None for name in names]
    return units if any(units) else None


def suited_kind(target: np.ndarray) -> TargetKind:
    """The kind of a target that was read without knowing the loss.

    Several columns are labels where all cells are 0 or 1, else numbers. One column holds two classes where it has two
    distinct values, several where it holds texts, or integers of which at most 20 differ, else numbers.
    """
    if target.ndim > 1 and target[0].size > 1:
        flags = target.dtype.kind not in "biuf" or ((target == 0) | (target == 1)).all()
        return "binary" if flags else "regression"
    values = np.unique(target)
    if len(values) == 2:
        return "binary"
    if target.dtype.kind not in "biuf":
        return "sparse"
    whole = target.dtype.kind != "f"
    return "sparse" if whole and len(values) <= MOST_CLASSES else "regression"
