"""Failing fits: the estimator's previous state is restored, and targets that cannot be learned are refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from nnlite.data.frames.cells import is_gap
from nnlite.errors import ConfigError, DataError

__all__ = ["check_known", "check_numbers", "check_present", "different", "labels_of", "unchanged_by_failure"]


@contextmanager
def unchanged_by_failure(estimator: BaseEstimator) -> Iterator[None]:
    """A context that leaves an estimator unchanged if it fails: a fitted one still predicts.

    Continued training changes the weights of the fitted model in place, and the state of the optimizer.
    """
    before = vars(estimator).copy()
    model, online = before.get("model_"), before.get("_online")
    weights = None if model is None else model.get_weights()
    memory = None if online is None else online.optimizer.get_state()
    try:
        yield
    except BaseException:
        for name in [name for name in vars(estimator) if not name.startswith(("_skl_", "_callback_"))]:
            if name not in before:
                delattr(estimator, name)
        vars(estimator).update(before)
        if model is not None:
            model.set_weights(weights)
        if online is not None:
            online.optimizer.set_state(memory)
        raise


def check_known(targets: Any, known: Any) -> None:
    """`DataError` if the `targets` of further training hold a label that is not `known`."""
    strange = [label for label in targets.classes.tolist() if label not in known.classes.tolist()]
    if type(targets) is not type(known) or strange:
        raise DataError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {known.classes}. 'y' has {targets.classes}."
        )


def labels_of(classes: Any) -> np.ndarray:
    """The distinct labels, sorted; `ConfigError` if None or NaN is among them, else as `different`."""
    labels = np.asarray(classes)
    if any(map(is_gap, labels.ravel().tolist())):
        raise ConfigError(f"None and NaN are not labels; got {labels.tolist()}", ("classes",))
    return different(labels)


def different(labels: np.ndarray) -> np.ndarray:
    """The distinct labels, sorted; `DataError` if they cannot be ordered, such as numbers and strings."""
    try:
        return np.unique(labels)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels.ravel().tolist()})
        raise DataError(
            f"labels are a mix of {', '.join(kinds)}, which have no order: give all of them one type, such as by "
            f"y.astype(str)"
        ) from None


def _as_array(y: Any, name: str) -> np.ndarray:
    """`y` as an array, with None in place of masked cells; `DataError` for rows of unequal length."""
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise DataError(f"{name} is not an array: its rows have different lengths: {error}") from None
    if np.ma.is_masked(y):
        array = array.astype(object)
        array[np.ma.getmaskarray(y)] = None
    return array


def check_present(y: Any, name: str = "y") -> None:
    """`DataError` that names the first row of `y` whose target is missing or infinite."""
    array = _as_array(y, name)
    if not array.size or not array.ndim:
        return
    kind, rows = array.dtype.kind, array.reshape(len(array), -1)
    if kind == "O":
        missing = np.array([any(map(is_gap, row)) for row in rows], bool)
    else:
        missing = (np.isnan(rows) if kind in "fmM" else np.zeros(rows.shape, bool)).any(axis=1)
    if missing.any():
        others = f", nor have {missing.sum() - 1} others" if missing.sum() > 1 else ""
        raise DataError(
            f"Input {name} contains NaN or None: row {missing.argmax()} has no target{others}; leave such rows out, "
            f"of X as well"
        )
    infinite = np.isinf(rows).any(axis=1) if kind == "f" else np.zeros(0, bool)
    if infinite.any():
        raise DataError(
            f"Input {name} contains infinity or a value too large for dtype('{array.dtype}'): row {infinite.argmax()}; "
            f"leave such rows out, of X as well"
        )


def check_numbers(y: Any, owner: str) -> None:
    """`DataError` for text, dates and complex numbers in `y`."""
    array = np.asarray(y)
    if array.dtype.kind == "c":
        raise DataError(f"Complex data not supported: y is complex, but {owner} learns real numbers; pass y.real")
    if array.dtype.kind in "mM":
        what = "durations" if array.dtype.kind == "m" else "dates"
        raise DataError(
            f"y holds {what}, but {owner} learns numbers: say in which unit, such as (y - y.min()) / "
            f"numpy.timedelta64(1, 'D')"
        )
    if array.dtype.kind not in "OUST" or not array.ndim:
        return
    for row, cells in enumerate(array.reshape(len(array), -1).tolist()):
        for cell in cells:
            try:
                float(cell)
            except (TypeError, ValueError):
                raise DataError(
                    f"y, row {row}: {cell!r} is not a number, but {owner} learns numbers; a classifier learns labels"
                ) from None
