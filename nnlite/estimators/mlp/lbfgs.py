"""Training by L-BFGS, which takes the loss over all examples and its gradient."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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

__all__ = ["GradientsOnly", "minimize"]


class GradientsOnly(Optimizer, abstract=True):
    """Leaves the parameters to SciPy: a step writes their gradients, and changes nothing."""

    learning_rate: LearningRate = option(default=0.0)

    def slot_names(self) -> tuple[str, ...]:
        return ()

    def apply(self, packs: Sequence) -> None:
        """Nothing."""


def minimize(estimator: "BaseMLP", network: Network, data: Rows) -> None:
    """Bring the network to the minimum; `loss_` and `n_iter_` of the estimator say where and when.

    Args:
        network: with float64 weights, as SciPy has them, and `GradientsOnly` as its optimizer.
    """
    import scipy
    from scipy.optimize import minimize as minimize_function

    options: dict[str, Any] = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15):  # later versions print nothing
        options["iprint"] = 1 if estimator.verbose else -1
    objective = _Objective(estimator.alpha, network, data)
    start = network.values.copy()
    result: Any = minimize_function(objective, start, method="L-BFGS-B", jac=True, options=options)
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    if result.status:
        _warn(result, estimator.n_iter_, estimator.max_iter)
    objective(result.x)
    estimator.loss_ = objective.shown


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
            minimised, shown = network.share(X, y, weights, self.alpha * len(X) / self.count, self.total)
            gradient += network.gradients
            loss += minimised
            self.shown += shown
        return loss, gradient


def _warn(result: Any, n_iter: int, max_iter: int) -> None:
    text = f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n{result.message}\n"
    if n_iter == max_iter:
        text += f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
    text += "\nYou might also want to scale the data as shown in:\n"
    text += "    https://scikit-learn.org/stable/modules/preprocessing.html"
    warnings.warn(text, ConvergenceWarning, stacklevel=5)
