"""`partial_fit`, which depends on the solver."""

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, cast

from nnlite.errors import ConfigError

if TYPE_CHECKING:
    from nnlite.estimators.mlp.base import BaseMLP

__all__ = ["StoppingError", "by_batches", "is_stochastic"]


class StoppingError(ConfigError, AttributeError):
    """`partial_fit` with early stopping: scikit-learn's ValueError, and an AttributeError for `hasattr`."""


class by_batches:
    """Decorator of `partial_fit`: a stochastic solver has it only without early stopping."""

    def __init__(self, method: Any) -> None:
        self.method = method
        update_wrapper(cast(Any, self), method)

    def __get__(self, estimator: "BaseMLP | None", owner: type | None = None) -> Any:
        method = self.method.__get__(estimator, owner)
        if estimator is not None and estimator.early_stopping and estimator.solver != "lbfgs":
            raise StoppingError("partial_fit does not support early_stopping=True")
        return method


def is_stochastic(estimator: "BaseMLP") -> bool:
    """True; AttributeError with the reason where the solver takes all samples at once."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True
