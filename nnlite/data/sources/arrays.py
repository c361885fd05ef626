"""Data sets read by a source, and checks of their arrays."""

import dataclasses

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.frames.frame import Frame
from nnlite.data.table import Table
from nnlite.errors import DataError

__all__ = ["Dataset"]


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Raw inputs and targets, row by row.

    Args:
        inputs: a `Table` or `Frame`, or an array of shape (rows, features, ...).
        target: class labels of shape (rows, ...), for a regression numbers of shape (rows, columns), or for several
            labels per row their 0 and 1, shape (rows, labels).
        target_names: one name per column of the target.
        last_known: of a series, the last value that is known of each column of the target, shape (rows, columns).
        input_names: one name per feature of an array, where the source knows them.
        numbers: number of each row in the file, from 0, where rows without a target were left out; else None.
        row_names: what each row is called, such as the file of an image; None if it is known by its number.
    """

    inputs: Table | Frame | np.ndarray
    target: np.ndarray
    target_names: list[str]
    last_known: np.ndarray | None = None
    input_names: list[str] | None = None
    numbers: np.ndarray | None = None
    row_names: list[str] | None = None


def dataset_of(inputs: np.ndarray, target: np.ndarray, target_kind: TargetKind, location: str) -> Dataset:
    """The data set of inputs and a target that is read according to `target_kind`."""
    if target.ndim == 0 or len(target) != len(inputs):
        raise DataError(f"{location} has shape {target.shape}, but there are {len(inputs)} rows of inputs")
    if target_kind == "regression":
        target = checked_numbers(target.reshape(len(target), -1), location)
        columns = target.shape[1]
        return Dataset(inputs, target, ["target"] if columns == 1 else [f"target_{i}" for i in range(columns)])
    labels = checked_labels(target, target_kind, location)
    several = labels.ndim == 2 and target_kind in ("binary", "auto")
    return Dataset(inputs, labels, [f"target_{i}" for i in range(labels.shape[1])] if several else ["target"])


def checked_labels(target: np.ndarray, target_kind: TargetKind, location: str) -> np.ndarray:
    """The labels, if they are strings, booleans or numbers; else `DataError`."""
    if target.dtype.kind not in "biufU":
        raise DataError(f"{location} holds {target.dtype}, expected labels: numbers or strings")
    if target.dtype.kind == "f" and not np.isfinite(target).all():
        raise DataError(f"{location}: row {first_bad(target)[0]} is {target[first_bad(target)]}")
    if target.ndim == 2 and target.shape[1] == 1:
        return target[:, 0]
    if target_kind == "categorical" and target.ndim == 2:
        if target.dtype.kind == "U" or not (np.sort(target, axis=1) == np.eye(target.shape[1])[-1]).all():
            raise DataError(f"{location} has shape {target.shape}, expected one label, or one 1 among 0, per row")
        return target.argmax(axis=1)
    if (
        target.ndim == 2
        and target_kind == "binary"
        and not (target.dtype.kind in "biuf" and np.isin(target, (0, 1)).all())
    ):
        raise DataError(f"{location} has shape {target.shape}, expected one label per row, or 0 and 1 in each column")
    if target.ndim > 1 and target_kind != "sparse" and not (target.ndim == 2 and target_kind in ("binary", "auto")):
        raise DataError(f"{location} has shape {target.shape}, expected one label per row")
    return target


def checked_numbers(array: np.ndarray, location: str) -> np.ndarray:
    """The array, if it holds finite numbers; else `DataError`."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"{location} holds {array.dtype}, expected numbers")
    if array.ndim < 2 or array.size == 0:
        raise DataError(f"{location} has shape {array.shape}, expected (rows, features, ...) with at least one row")
    if not np.isfinite(array).all():
        row, *column = first_bad(array)
        raise DataError(f"{location}: row {row}, column {', '.join(map(str, column))} is {array[(row, *column)]}")
    return array


def first_bad(array: np.ndarray) -> tuple[int, ...]:
    """Index of the first value that is not finite, from 0."""
    return tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
