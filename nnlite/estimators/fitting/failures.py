"""Restoring an estimator whose training failed to its state before."""

from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.base import BaseEstimator

__all__ = ["unchanged_by_failure"]


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
