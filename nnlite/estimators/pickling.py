"""Pickles of estimators that say which version of nnlite wrote them."""

from typing import Any

from sklearn.base import BaseEstimator

from nnlite.registry.pickling import stamped, unstamped

__all__ = ["VersionedEstimator"]


class VersionedEstimator(BaseEstimator):
    """A `BaseEstimator` whose pickles carry the version of nnlite, beside that of scikit-learn."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[call-overload, assignment]
        return stamped(state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(unstamped(state, type(self)))
