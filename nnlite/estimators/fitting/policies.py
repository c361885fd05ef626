"""Learning-rate policies by scikit-learn's names, and early stopping."""

import warnings
from numbers import Real
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from nnlite.callbacks import BestMembers, Callback, EarlyStopping, ReduceLROnPlateau
from nnlite.errors import ConfigError
from nnlite.optimizers import FullBatchOptimizer, Optimizer
from nnlite.registry.field_types import jsonable
from nnlite.schedules import InversePowerDecay

__all__ = [
    "ADAPTIVE",
    "RATE_POLICIES",
    "AdaptiveRate",
    "is_full_batch",
    "is_lbfgs",
    "patience_of",
    "rate_of_policy",
    "stopping",
    "warn_of_no_convergence",
]

ADAPTIVE = "adaptive"
RATE_POLICIES = ("constant", "invscaling", ADAPTIVE)
LBFGS = "lbfgs"
PATIENCE = 10  # epochs, where the user names none
LEAST_RATE = 1e-6  # that is not divided any more


class AdaptiveRate(ReduceLROnPlateau, abstract=True):
    """Multiplies the learning rate by `factor` like its base, and stops the training instead of going below 1e-6."""

    def _reduce(self, epoch: int, rate: float) -> None:
        if rate > LEAST_RATE:
            super()._reduce(epoch, rate)
        else:
            self.model.stop_training = True


def is_lbfgs(spec: Any) -> bool:
    """Whether the parameter `optimizer` means SciPy's L-BFGS, in scikit-learn's spelling."""
    return isinstance(spec, str) and spec == LBFGS


def is_full_batch(spec: Any) -> bool:
    """Whether it describes a full-batch optimizer; errors are raised later, where the optimizer is made."""
    try:
        return isinstance(Optimizer.get(jsonable(spec)), FullBatchOptimizer)
    except ConfigError:
        return False


def rate_of_policy(policy: str, optimizer: Optimizer) -> Any:
    """The learning rate by which an optimizer follows a policy: a number, or a schedule that starts from it.

    Raises:
        ConfigError: the optimizer follows a schedule of its own.
    """
    rate: Any = optimizer.learning_rate
    if not isinstance(rate, Real):
        raise ConfigError(
            f"learning_rate={policy!r} needs an optimizer with a number as its learning rate; {optimizer!r} follows a "
            f"schedule of its own: leave learning_rate out",
            ("learning_rate",),
        )
    return InversePowerDecay(float(rate)).to_spec() if policy == "invscaling" else rate


def patience_of(parameters: dict[str, Any]) -> dict[str, Any]:
    """Minimum improvement and patience, as arguments of callbacks; empty for no limit."""
    patience = parameters["n_iter_no_change"]
    return {} if patience is None else {"patience": patience, "min_delta": parameters["tol"]}


def stopping(
    parameters: dict[str, Any], judged: bool, averaged_epochs: int = 1, temperature: float = 1.0
) -> list[Callback]:
    """The callbacks that restore the best epoch, reduce the learning rate, or stop the training.

    Args:
        parameters: of the estimator.
        judged: whether rows that are not learned from judge the epochs; else the training loss decides.
        averaged_epochs: of how many best epochs the weights are averaged, where rows judge these.
        temperature: by which members are judged.
    """
    rate = parameters["learning_rate"]
    adaptive = isinstance(rate, str) and rate == ADAPTIVE
    patience = patience_of(parameters)
    stops = {} if adaptive else patience
    callbacks: list[Callback] = []
    if judged:
        callbacks.append(BestMembers(**stops, average=averaged_epochs, temperature=temperature))
    elif stops:
        callbacks.append(EarlyStopping("loss", **stops))
    if adaptive:
        limits = {"patience": PATIENCE, "min_delta": parameters["tol"]} | patience
        callbacks.append(AdaptiveRate("val_loss" if judged else "loss", factor=0.2, **limits))
    return callbacks


def warn_of_no_convergence(parameters: dict[str, Any], epochs: int) -> None:
    """Issue a ConvergenceWarning if the user defined convergence, and the epochs ran out before."""
    if parameters["n_iter_no_change"] is not None:
        warnings.warn(
            f"the last of epochs={epochs} was reached before {parameters['n_iter_no_change']} in a row gained less "
            f"than tol={parameters['tol']}: the optimization has not converged yet; raise epochs or tol",
            ConvergenceWarning,
            stacklevel=4,
        )
