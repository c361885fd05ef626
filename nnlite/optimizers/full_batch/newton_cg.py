"""Newton's method with products of the Hessian."""

import math

import numpy as np

from nnlite.arrays.types import Array
from nnlite.optimizers.full_batch.base import NO_STEP, FullBatchOptimizer
from nnlite.optimizers.full_batch.conjugate_gradients import conjugate_gradients
from nnlite.optimizers.full_batch.line_search import search
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.field_types import Count

__all__ = ["NewtonCG"]


class NewtonCG(FullBatchOptimizer):
    """Newton's method: `H d = -g` by conjugate gradients, each product `H v` a complex step through the gradient.

    The system is solved the more exactly the smaller the gradient is, to `min(0.5, sqrt(norm(g)))` of its norm, and
    left at a direction along which the loss bends down. The length of the step meets the strong Wolfe conditions.

    For any loss and any number of parameters; an iteration takes up to `cg_iterations` products.

    Args:
        cg_iterations: the most products of one iteration.

    The further arguments are those of `FullBatchOptimizer`.

    Reference: Nocedal & Wright 2006, algorithm 7.1.

    >>> NewtonCG(cg_iterations=20, min_grad=1e-6)
    NewtonCG(cg_iterations=20, min_grad=1e-06)
    """

    log_names = ("gradient_norm", "step_norm", "products")

    cg_iterations: Count = 100

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        value, gradient = objective.gradient(point)
        if self._ended(value, gradient):
            return point, value
        tolerance = min(0.5, math.sqrt(self.logs["gradient_norm"]))

        def product(vector: Array) -> Array:
            return objective.hessian_product(point, vector)

        direction, products = conjugate_gradients(product, -gradient, tolerance, self.cg_iterations)
        trial = search(objective, point, direction, value, gradient)
        if trial is None:
            self.stop_reason = NO_STEP
            return point, value
        norm = float(np.linalg.norm(trial.length * direction))
        self.logs = {
            "gradient_norm": float(np.linalg.norm(trial.gradient)),
            "step_norm": norm,
            "products": float(products),
        }
        return point + trial.length * direction, trial.value
