"""Gauss-Newton for any convex loss."""

from collections.abc import Callable
from functools import partial

from nnlite.arrays.types import Array
from nnlite.optimizers.full_batch.conjugate_gradients import conjugate_gradients
from nnlite.optimizers.full_batch.damped import Damped, DampedOptimizer
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.bounds import Count, Positive
from nnlite.registry.fields import option

__all__ = ["GaussNewton"]


class GaussNewton(DampedOptimizer):
    """Steps by the generalized Gauss-Newton matrix: `(J' H J + mu I) d = -g`, H the curvature of the loss by outputs.

    For any loss that is convex in the outputs, such as cross-entropies, for which the matrix is positive semidefinite.
    For a linear model it is the Hessian, and this Newton's method. Up to `max_parameters` the matrix is summed up over
    pieces of the rows; beyond, the system is solved by conjugate gradients on products with it.

    Args:
        max_parameters: the most for which the matrix is made.
        cg_iterations: the most products of a solution by conjugate gradients.
        cg_tolerance: such a solution ends where the residual is at most this share of the gradient.

    The further arguments are those of `DampedOptimizer` and `FullBatchOptimizer`.

    Reference: Schraudolph 2002, "Fast curvature matrix-vector products"; Martens 2010, "Deep learning via Hessian-free
    optimization".

    >>> GaussNewton(max_parameters=1000)
    GaussNewton(max_parameters=1000)
    """

    max_parameters: Count = option(default=2000)
    cg_iterations: Count = 100
    cg_tolerance: Positive = 1e-2

    def check(self, size: int) -> None:
        """No effect: above `max_parameters`, the matrix is not formed."""

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        if objective.size <= self.max_parameters:
            value, gradient, matrix = objective.gauss_newton(point)
            solve: Callable[[float], Array | None] = Damped(matrix, -gradient).solve
        else:
            value, gradient = objective.gradient(point)
            solve = partial(self._by_products, objective, point, gradient)
        if self._ended(value, gradient):
            return point, value
        return self._damped_step(solve, objective.value, point, value, gradient)

    def _by_products(self, objective: Objective, point: Array, gradient: Array, mu: float) -> Array:
        def product(vector: Array) -> Array:
            return objective.gauss_newton_product(point, vector) + mu * vector

        return conjugate_gradients(product, -gradient, self.cg_tolerance, self.cg_iterations).vector
