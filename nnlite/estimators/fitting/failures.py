"""Trainings that fail: the estimator's state before is restored, and labels not known before are refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from nnlite.data.frames.cells import is_gap
from nnlite.errors import ConfigError, DataError

__all__ = ["check_known", "different", "labels_of", "unchanged_by_failure"]


@contextmanager
def unchanged_by_failure(estimator: BaseEstimator) -> Iterator[None]:
    """A context that, when it fails, leaves an estimator as it was: a fitted one still predicts.

    Training that goes on changes weights in the place where the fitted model has them, and the optimizer's memory.
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
    """`DataError` where the `targets` of a further training hold a label that is none of the `known` ones."""
    strange = [label for label in targets.classes.tolist() if label not in known.classes.tolist()]
    if type(targets) is not type(known) or strange:
        raise DataError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {known.classes}. 'y' has {targets.classes}."
        )


def labels_of(classes: Any) -> np.ndarray:
    """The different labels, sorted; `ConfigError` where None or NaN is among them, else as `different`."""
    labels = np.asarray(classes)
    if any(map(is_gap, labels.ravel().tolist())):
        raise ConfigError(f"None and NaN are no labels; got {labels.tolist()}", ("classes",))
    return different(labels)


def different(labels: np.ndarray) -> np.ndarray:
    """The different labels, sorted; `DataError` where they have no order, as numbers beside text."""
    try:
        return np.unique(labels)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels.ravel().tolist()})
        raise DataError(
            f"labels are a mix of {', '.join(kinds)}, which have no order: give all of them one type, such as by "
            f"y.astype(str)"
        ) from None
