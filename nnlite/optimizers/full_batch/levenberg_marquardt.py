"""Levenberg-Marquardt: least squares by the Jacobian of the outputs."""

from nnlite.arrays.types import Array
from nnlite.optimizers.full_batch.damped import Damped, DampedOptimizer
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.bounds import Count
from nnlite.registry.fields import option

__all__ = ["LevenbergMarquardt"]


class LevenbergMarquardt(DampedOptimizer):
    """Least squares: each step solves `(J'J + mu I) d = -J'e`, with the errors e and their Jacobian J by the weights.

    Both sides are divided by the number of errors, as in MATLAB's `trainlm`, whose arguments and reasons to end these
    are, and whose defaults but for `mu_dec` and `mu_inc`. A small `mu` gives Gauss-Newton's step, a large one a short
    step down the gradient.

    `J'J` is summed up over pieces of the rows, from the Jacobians that the layers cache; the Jacobian of all rows is
    never there. An iteration takes `rows * outputs * parameters**2` multiplications and `parameters**3 / 3` for each
    value of `mu` that is tried: it is meant for models of up to some thousand parameters. The loss must be a mean or a
    sum of squared errors.

    Args:
        goal, max_fail: as in `FullBatchOptimizer`; 0 and 6, as in MATLAB.

    The further arguments are those of `DampedOptimizer` and `FullBatchOptimizer`. `optimizer.stop_reason` is one of
    "minimum gradient reached", "performance goal met", "maximum mu reached", "maximum time elapsed", "validation stop",
    "maximum epoch reached".

    Reference: Hagan & Menhaj 1994, "Training feedforward networks with the Marquardt algorithm".

    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((1,)), Dense(6, activation="tanh"), Dense(1)], seed=0, dtype="float64")
    >>> model.compile(LevenbergMarquardt(), "mse")
    >>> x = np.linspace(-2, 2, 50)[:, None]
    >>> history = model.fit(x, np.sin(2 * x), epochs=50, verbose=0)
    >>> history.history["loss"][-1] < 5e-3
    True
    """

    needs_squares = True

    goal: float | None = option(default=0.0, kw_only=True)
    max_fail: Count | None = option(default=6, kw_only=True)

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        value, gradient, matrix = objective.gauss_newton(point)
        if self._ended(value, gradient):
            return point, value
        damped = Damped(matrix, -gradient)  # the second derivative of a square is twice J'J, and the slope twice J'e
        return self._damped_step(lambda mu: damped.solve(2 * mu), objective.value, point, value, gradient, 2.0)
