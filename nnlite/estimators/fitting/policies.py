"""Learning-rate policies by scikit-learn's names, and when training stops before its last epoch."""

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
    """Multiplies the learning rate by `factor` as its base does, and ends the training in place of going below 1e-6."""

    def _reduce(self, epoch: int, rate: float) -> None:
        if rate > LEAST_RATE:
            super()._reduce(epoch, rate)
        else:
            self.model.stop_training = True


def is_lbfgs(spec: Any) -> bool:
    """Whether the parameter `optimizer` means the L-BFGS of SciPy, as scikit-learn spells it."""
    return isinstance(spec, str) and spec == LBFGS


def is_full_batch(spec: Any) -> bool:
    """Whether it describes an optimizer that takes all rows at once; errors are raised where one is made."""
    try:
        return isinstance(Optimizer.get(jsonable(spec)), FullBatchOptimizer)
    except ConfigError:
        return False


def rate_of_policy(policy: str, optimizer: Optimizer) -> Any:
    """The learning rate that makes an optimizer follow a policy: its own number, or a schedule that starts from it.

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
    """By how much an epoch must be better, and for how many none may be: arguments of callbacks; none for no limit."""
    patience = parameters["n_iter_no_change"]
    return {} if patience is None else {"patience": patience, "min_delta": parameters["tol"]}


def stopping(
    parameters: dict[str, Any], judged: bool, averaged_epochs: int = 1, temperature: float = 1.0
) -> list[Callback]:
    """The callbacks that go back to the best epoch, divide the learning rate, or end the training.

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
    """ConvergenceWarning where the user said what convergence is, and the epochs ran out before."""
    if parameters["n_iter_no_change"] is not None:
        warnings.warn(
            f"the last of epochs={epochs} was reached before {parameters['n_iter_no_change']} in a row gained less "
            f"than tol={parameters['tol']}: the optimization has not converged yet; raise epochs or tol",
            ConvergenceWarning,
            stacklevel=4,
        )
