"""L-BFGS: the inverse Hessian approximated from the last few steps."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ModelFileError
from nnlite.optimizers.full_batch.base import NO_STEP, FullBatchOptimizer
from nnlite.optimizers.full_batch.line_search import search
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.bounds import Count

__all__ = ["LBFGS"]


class LBFGS(FullBatchOptimizer):
    """Quasi-Newton steps with a line search: the inverse Hessian is approximated from the last `memory` steps.

    With `s` a step, `y` the change of the gradient over it and `H_0 = (s'y / y'y) I`, the direction is `-H g`, where
    `H` takes up each kept pair by `H <- (I - s y' / s'y) H (I - y s' / s'y) + s s' / s'y`. The length of the step
    meets the strong Wolfe conditions, so that `s'y > 0`.

    For any loss and any number of parameters: an iteration takes one to three gradients.

    Args:
        memory: how many steps are kept.

    The further arguments are those of `FullBatchOptimizer`.

    Reference: Liu & Nocedal 1989, "On the limited memory BFGS method for large scale optimization".

    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((1,)), Dense(1)], seed=0, dtype="float64")
    >>> model.compile(LBFGS(), "mse")
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> history = model.fit(x, 3 * x + 1, epochs=20, verbose=0)
    >>> model.optimizer.stop_reason, bool(np.abs(model(x) - 3 * x - 1).max() < 1e-6)
    ('minimum gradient reached', True)
    """

    number_names = ("pairs",)

    memory: Count = 10

    def matrix_names(self) -> dict[str, int]:
        return {"steps": self.memory, "changes": self.memory}

    def set_state(self, state: dict[str, Any]) -> None:
        for slots in state["slots"]:
            pairs = np.ravel(slots.get("numbers", ()))
            if not np.isin(pairs, np.arange(self.memory + 1)).all():
                raise ModelFileError(f"{self!r} keeps 0 to {self.memory} pairs, the saved state has {pairs.tolist()}")
        super().set_state(state)

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        value, gradient = objective.gradient(point)
        if self._ended(value, gradient):
            return point, value
        pairs = int(self._number("pairs"))
        steps, changes = self._matrix("steps"), self._matrix("changes")
        trial = direction = None
        if pairs:
            direction = -_inverse_product(steps[:pairs], changes[:pairs], gradient)
            if direction @ gradient < 0:
                trial = search(objective, point, direction, value, gradient)
        if trial is None:
            pairs, direction = 0, -gradient
            first = min(1.0, 1.0 / float(np.abs(gradient).sum()))
            trial = search(objective, point, direction, value, gradient, first)
        if trial is None or direction is None:
            self.stop_reason = NO_STEP
            return point, value
        moved = trial.length * direction
        self._remember(pairs, steps, changes, moved, trial.gradient - gradient)
        self.logs = {
            "gradient_norm": float(np.linalg.norm(trial.gradient)),
            "step_norm": float(np.linalg.norm(moved)),
        }
        return point + moved, trial.value

    def _remember(self, pairs: int, steps: Array, changes: Array, step: Array, change: Array) -> None:
        """Keep a pair, the newest last, unless rounding has left nothing of its curvature."""
        if step @ change > 1e-12 * float(change @ change):
            if pairs == self.memory:
                steps[:-1], changes[:-1] = steps[1:].copy(), changes[1:].copy()
                pairs -= 1
            steps[pairs], changes[pairs] = step, change
            pairs += 1
        self._keep_number("pairs", pairs)
        self._keep_matrix("steps", steps)
        self._keep_matrix("changes", changes)


def _inverse_product(steps: Array, changes: Array, gradient: Array) -> Array:
    """The inverse Hessian that the pairs tell, times the gradient: the recursion of two loops."""
    vector = gradient.copy()
    scales = 1.0 / np.einsum("ij,ij->i", steps, changes)
    shares = np.empty(len(steps))
    for number in reversed(range(len(steps))):
        shares[number] = scales[number] * (steps[number] @ vector)
        vector -= shares[number] * changes[number]
    vector *= 1.0 / (scales[-1] * (changes[-1] @ changes[-1]))
    for number in range(len(steps)):
        vector += (shares[number] - scales[number] * (changes[number] @ vector)) * steps[number]
    return vector
