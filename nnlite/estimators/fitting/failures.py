"""What becomes of an estimator whose fit fails."""

from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.base import BaseEstimator

__all__ = ["unchanged_by_failure"]


@contextmanager
def unchanged_by_failure(estimator: BaseEstimator) -> Iterator[None]:
    """A context that, when it fails, leaves an estimator as it was: a fitted one still predicts."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        for name in [name for name in vars(estimator) if not name.startswith(("_skl_", "_callback_"))]:
            if name not in before:
                delattr(estimator, name)
        vars(estimator).update(before)
        raise
