"""Levenberg-Marquardt with a penalty whose strength is estimated from the data."""

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError
from nnlite.optimizers.full_batch.damped import Damped, DampedOptimizer
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.bounds import Positive
from nnlite.registry.fields import option

__all__ = ["BayesianRegularization"]


class BayesianRegularization(DampedOptimizer):
    """Least squares with a penalty on the weights, whose strength is the most probable one given the data.

    Minimizes `F = beta * E + alpha * W`, E the sum of the squared errors and W that of the squared weights, by the
    steps of `LevenbergMarquardt`: `(beta J'J + (alpha + mu) I) d = -(beta J'e + alpha w)`. Before each step

        gamma = sum(beta * l / (beta * l + alpha))       l the eigenvalues of J'J
        alpha = gamma / (2 W)
        beta = (number of errors - gamma) / (2 E)

    `gamma` is the effective number of parameters: how many of them the data determine. The first step has no penalty,
    `alpha = 0` and `beta = 1`, as in the paper; MATLAB's `trainbr`, whose arguments and, but for `mu_dec` and `mu_inc`,
    defaults these are, begins with `gamma` the number of all, which more often ends with all weights near 0. The
    history has `gamma`, `alpha` and `beta` beside `loss`, which is the loss of `compile`, without penalty. There is no
    need for validation data.

    Args:
        mu: the first damping.
        goal: as in `FullBatchOptimizer`; 0, as in MATLAB.

    The further arguments are those of `DampedOptimizer` and `FullBatchOptimizer`.

    Raises:
        ConfigError: in `fit`, a loss that is not a sum of squares; a regularizer, which would be a second penalty.

    Reference: Foresee & Hagan 1997, "Gauss-Newton approximation to Bayesian learning"; MacKay 1992.

    >>> BayesianRegularization(mu=0.01)
    BayesianRegularization(mu=0.01)
    """

    needs_squares = True
    log_names = ("gradient_norm", "step_norm", "mu", "gamma", "alpha", "beta")
    number_names = ("mu", "alpha", "beta")

    mu: Positive = option(default=0.005)
    goal: float | None = option(default=0.0, kw_only=True)

    def accept(self, objective: Objective) -> None:
        """`ConfigError` where there are penalties, or several outputs."""
        if objective.penalized:
            raise ConfigError("BayesianRegularization has a penalty of its own: leave regularizers of layers out")
        if not objective.scale:
            raise ConfigError("BayesianRegularization weighs the errors of one output: take LevenbergMarquardt")

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        value, gradient, matrix = objective.gauss_newton(point)
        half = 0.5 / objective.scale  # from the derivatives of the loss to J'J and J'e
        matrix *= half
        errors, weights = value / objective.scale, float(point @ point)
        gamma, alpha, beta = self._strengths(matrix, errors, weights, objective.residuals)
        slope = gradient + 2 * objective.scale * (alpha / beta) * point  # of F, in units of the loss
        ended = self._ended(value, slope)
        self.logs |= {"gamma": gamma, "alpha": alpha, "beta": beta}
        if ended:
            return point, value
        matrix *= beta
        slope = beta * half * gradient + alpha * point
        damped = Damped(matrix, -slope)
        before = 0.5 * (beta * errors + alpha * weights)

        def energy(there: Array) -> float:
            return 0.5 * (beta / objective.scale * objective.value(there) + alpha * float(there @ there))

        reached, lower = self._damped_step(lambda mu: damped.solve(alpha + mu), energy, point, before, slope)
        self._keep_number("alpha", alpha)
        self._keep_number("beta", beta)
        return reached, objective.scale / beta * (2 * lower - alpha * float(reached @ reached))

    def _strengths(self, products: Array, errors: float, weights: float, residuals: int) -> tuple[float, float, float]:
        """gamma, alpha and beta, by J'J at the point and those of the step before."""
        alpha, beta = self._number("alpha"), self._number("beta")
        if not beta:
            return float(len(products)), 0.0, 1.0
        values = np.maximum(np.linalg.eigvalsh(products), 0.0) * beta
        values = values[values > 0]
        gamma = float((values / (values + alpha)).sum())
        beta = (residuals - gamma) / (2 * errors) if errors > 0 else 1.0
        return gamma, gamma / (2 * weights) if weights else 1.0, beta if beta > 0 else 1.0
