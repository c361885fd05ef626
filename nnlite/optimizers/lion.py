"""Lion: steps of constant size, along the sign of the momentum."""

from typing import Annotated

import numpy as np

from nnlite.optimizers.base import LearningRate, Optimizer
from nnlite.registry.bounds import BelowOne, Range
from nnlite.registry.fields import option

__all__ = ["Lion"]


class Lion(Optimizer):
    """Every element moves by the learning rate, in the direction of the sign of a moving average of its gradients.

        values -= learning_rate * sign(beta_1 * momentum + (1 - beta_1) * gradients)
        momentum = beta_2 * momentum + (1 - beta_2) * gradients

    It wants a third to a tenth of Adam's learning rate, and three to ten times its weight decay.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        beta_1: share of the momentum in the direction of a step, in (0, 1].
        beta_2: share of the momentum that is kept from step to step, in [0, 1).

    The further arguments are those of `Optimizer`.

    Reference: Chen et al. 2023, "Symbolic discovery of optimization algorithms", arXiv:2302.06675.

    >>> Lion(1e-4)
    Lion(learning_rate=0.0001)
    """

    learning_rate: LearningRate = option(default=0.001)
    beta_1: Annotated[float, Range(0, 1, low_open=True)] = 0.9
    beta_2: BelowOne = 0.99

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",)

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        momentum = slots["momentum"]
        np.multiply(gradients, 1.0 - self.beta_1, scratch)
        direction = np.multiply(momentum, self.beta_1)
        np.add(direction, scratch, direction)
        np.sign(direction, direction)
        np.multiply(direction, learning_rate, direction)
        np.subtract(values, direction, values)
        np.multiply(gradients, 1.0 - self.beta_2, scratch)
        np.multiply(momentum, self.beta_2, momentum)
        np.add(momentum, scratch, momentum)
