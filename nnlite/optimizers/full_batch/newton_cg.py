"""Newton's method with Hessian products, within a trust region."""

import math

import numpy as np

from nnlite.arrays.types import Array
from nnlite.optimizers.full_batch.base import NO_STEP, FullBatchOptimizer
from nnlite.optimizers.full_batch.conjugate_gradients import conjugate_gradients
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.bounds import Count, Positive

__all__ = ["NewtonCG"]

SMALLEST = 1e-14  # radius, relative to the norm of the weights
ROUNDING = 1e-13  # of a loss, relative


class NewtonCG(FullBatchOptimizer):
    """Newton's method: `H d = -g` by conjugate gradients, each product `H v` a complex step through the gradient.

    Through `InputDerivatives`, where no complex step goes, `H v` is a difference of eight gradients.

    A step is at most `radius` long. The system is solved the more exactly the smaller the gradient is, to
    `min(0.5, sqrt(norm(g)))` of its norm; along a direction in which the loss bends down the step continues to the
    radius, so that saddle points are left. A step is taken where the loss falls; the radius is divided by 4 where it
    falls by less than a quarter of what the parabola says, and doubled where by more than three quarters and the step
    ended there.

    For any loss and any number of parameters; an iteration takes up to `cg_iterations` products for each radius.

    Args:
        radius: the longest first step.
        cg_iterations: the most products of one solution.

    The further arguments are those of `FullBatchOptimizer`.

    Reference: Nocedal & Wright 2006, algorithms 4.1 and 7.2.

    >>> NewtonCG(cg_iterations=20, min_grad=1e-6)
    NewtonCG(cg_iterations=20, min_grad=1e-06)
    """

    log_names = ("gradient_norm", "step_norm", "products", "radius")
    number_names = ("radius",)

    radius: Positive = 1.0
    cg_iterations: Count = 100

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        value, gradient = objective.gradient(point)
        if self._ended(value, gradient):
            return point, value

        def product(vector: Array) -> Array:
            return objective.hessian_product(point, vector)

        tolerance, products = min(0.5, math.sqrt(self.logs["gradient_norm"])), 0
        radius = self._number("radius") or self.radius
        while radius > SMALLEST * float(np.linalg.norm(point)):
            solution = conjugate_gradients(product, -gradient, tolerance, self.cg_iterations, radius)
            products += solution.products
            promised = 0.5 * float(solution.vector @ (solution.residual - gradient))
            lower = objective.value(point + solution.vector)
            equal = abs(lower - value) <= ROUNDING * abs(value) and promised <= ROUNDING * abs(value)
            ratio = 1.0 if equal else (value - lower) / promised
            norm = float(np.linalg.norm(solution.vector))
            if not ratio > 0.25:
                radius = 0.25 * min(radius, norm)
            elif ratio > 0.75 and solution.bounded:
                radius *= 2
            if ratio > 1e-4:
                self._keep_number("radius", radius)
                self.logs |= {"step_norm": norm, "products": float(products), "radius": radius}
                return point + solution.vector, lower
        self.stop_reason = NO_STEP
        return point, value
