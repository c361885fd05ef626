"""Lamb: Adam's step, scaled to the norm of each parameter."""

import numpy as np

from nnlite.optimizers.base import LearningRate
from nnlite.optimizers.base.slots import update_mean
from nnlite.optimizers.layerwise.base import LayerwiseOptimizer
from nnlite.registry.bounds import BelowOne, NonNegative
from nnlite.registry.fields import option

__all__ = ["Lamb"]


class Lamb(LayerwiseOptimizer):
    """Adam with steps scaled to the norm of each parameter: for very large batches.

    With `step` counted from 1, for each parameter:

        momentum = beta_1 * momentum + (1 - beta_1) * gradient
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        change = momentum / (1 - beta_1**step) / (sqrt(velocity / (1 - beta_2**step)) + epsilon)
        value -= learning_rate * change * norm(value) / norm(change)      (without the norms where one of them is 0)

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        beta_1: share of the running mean of the gradients that is kept from step to step, in [0, 1).
        beta_2: the same for their squares, in [0, 1).
        epsilon: keeps the division finite, >= 0; with 0, a gradient that has always been 0 makes NaN.

    The further arguments are those of `Optimizer`.

    Reference: You et al. 2020, "Large batch optimization for deep learning", arXiv:1904.00962. Its weight decay is part
    of the change; here it acts on the values before, as in Keras.

    >>> Lamb(0.01)
    Lamb(learning_rate=0.01)
    """

    learning_rate: LearningRate = option(default=0.001)
    beta_1: BelowOne = 0.9
    beta_2: BelowOne = 0.999
    epsilon: NonNegative = 1e-7

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def update_parameter(
        self, value: np.ndarray, gradient: np.ndarray, slots: dict[str, np.ndarray], learning_rate: float
    ) -> None:
        step, momentum, velocity = self.iterations + 1, slots["momentum"], slots["velocity"]
        update_mean(momentum, gradient, 1.0 - self.beta_1)
        update_mean(velocity, gradient * gradient, 1.0 - self.beta_2)
        root = np.sqrt(velocity / (1.0 - self.beta_2**step)) + self.epsilon
        change = momentum / (1.0 - self.beta_1**step) / root
        size, length = float(np.linalg.norm(value)), float(np.linalg.norm(change))
        value -= change * (learning_rate * (size / length if size > 0.0 and length > 0.0 else 1.0))
