"""Training by L-BFGS, which takes the loss over all examples and its gradient."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from nnlite.estimators.mlp.network import Network
from nnlite.estimators.mlp.stochastic import Rows
from nnlite.optimizers import Optimizer
from nnlite.optimizers.base import LearningRate
from nnlite.registry.fields import option
from nnlite.training.train_step import JOINED_ROWS

if TYPE_CHECKING:
    from nnlite.estimators.mlp.base import BaseMLP

__all__ = ["GradientsOnly", "Limits", "minimize", "minimum_of", "warn_of"]


class GradientsOnly(Optimizer, abstract=True):
    """Leaves the parameters to SciPy: a step computes their gradients, and changes nothing."""

    learning_rate: LearningRate = option(default=0.0)

    def slot_names(self) -> tuple[str, ...]:
        return ()

    def apply_packs(self, packs: Sequence) -> None:
        """Nothing."""


class Limits(NamedTuple):
    """Stopping rules of L-BFGS.

    Args:
        max_iter, max_fun: the most iterations, and the most evaluations of the function.
        tol: it has converged where no entry of the gradient is larger.
        verbose: whether versions of SciPy that print are to do so.
    """

    max_iter: int
    max_fun: int
    tol: float
    verbose: bool = False


def minimize(estimator: "BaseMLP", network: Network, data: Rows) -> None:
    """Minimize the loss of the network; sets `loss_` and `n_iter_` of the estimator.

    Args:
        network: with float64 weights, as SciPy has them, and `GradientsOnly` as its optimizer.
    """
    limits = Limits(int(estimator.max_iter), estimator.max_fun, float(estimator.tol), bool(estimator.verbose))
    objective = _Objective(float(estimator.alpha), network, data)
    result = minimum_of(objective, network.values.copy(), limits)
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    if result.status:
        warn_of(result, "max_iter", estimator.max_iter)
    objective(result.x)
    estimator.loss_ = objective.shown


def minimum_of(
    objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    limits: Limits,
    after_iteration: Callable[[np.ndarray], None] | None = None,
) -> Any:
    """SciPy's result of minimizing a function that returns its value and its gradient, in float64."""
    import scipy
    from scipy.optimize import minimize as minimize_function

    options: dict[str, Any] = {"maxfun": limits.max_fun, "maxiter": limits.max_iter, "gtol": limits.tol}
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15):  # later versions print nothing
        options["iprint"] = 1 if limits.verbose else -1
    how: dict[str, Any] = {"method": "L-BFGS-B", "jac": True, "options": options, "callback": after_iteration}
    return minimize_function(objective, start, **how)


class _Objective:
    """The loss of all examples and its gradient as a function of the weights; a piece of the rows at a time.

    Attributes:
        shown: the loss of the last call as scikit-learn shows it.
    """

    def __init__(self, alpha: float, network: Network, data: Rows) -> None:
        self.alpha, self.network, self.data, self.shown = alpha, network, data, np.inf
        self.count = data.X.shape[0]
        pieces = -(-self.count // JOINED_ROWS)
        self.length = -(-self.count // pieces)
        self.total = self.count if data.sample_weight is None else data.sample_weight.sum().item()

    def __call__(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        network, gradient = self.network, np.zeros_like(values)
        network.values[...] = values
        loss = self.shown = 0.0
        for start in range(0, self.count, self.length):
            X, y, weights = self.data.take(slice(start, start + self.length))
            X = X.astype(values.dtype, copy=False)
            minimised, shown, outputs = network.share(X, y, weights, self.alpha * len(X) / self.count, self.total)
            gradient += network.gradients
            by_row = network.objective.beyond(y, outputs)
            surplus = 0.0 if by_row is None else (by_row.sum() if weights is None else by_row @ weights) / self.total
            loss += minimised - surplus
            self.shown += shown - surplus
        return loss, gradient


def warn_of(result: Any, name: str, max_iter: int) -> None:
    """A ConvergenceWarning with the reason why L-BFGS ended; `name` is the parameter that limits the iterations."""
    n_iter = min(result.nit, max_iter)
    text = f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n{result.message}\n"
    if n_iter == max_iter:
        text += f"\nIncrease the number of iterations to improve the convergence ({name}={max_iter})."
    text += "\nYou might also want to scale the data as shown in:\n"
    text += "    https://scikit-learn.org/stable/modules/preprocessing.html"
    warnings.warn(text, ConvergenceWarning, stacklevel=5)
