"""Pickles of estimators that say which version of nnlite wrote them, beside that of scikit-learn."""

from typing import Any

from sklearn.base import BaseEstimator

from nnlite.registry.pickling import stamped, unstamped

__all__ = ["state_of", "take_state"]


def state_of(estimator: BaseEstimator) -> dict[str, Any]:
    """`__getstate__` of an estimator."""
    return stamped(BaseEstimator.__getstate__(estimator))


def take_state(estimator: BaseEstimator, state: dict[str, Any]) -> None:
    """`__setstate__` of an estimator."""
    BaseEstimator.__setstate__(estimator, unstamped(state, type(estimator)))
