"""Pickles of estimators, stamped with the versions of nnlite and scikit-learn that wrote them."""

from typing import Any, cast

from sklearn.base import BaseEstimator

from nnlite.registry.pickling import stamped, unstamped

__all__ = ["state_of", "take_state"]


def state_of(self: BaseEstimator) -> dict[str, Any]:
    """`__getstate__` of an estimator."""
    return stamped(cast("dict[str, Any]", BaseEstimator.__getstate__(self)))


def take_state(self: BaseEstimator, state: dict[str, Any]) -> None:
    """`__setstate__` of an estimator."""
    BaseEstimator.__setstate__(self, unstamped(state, type(self)))
