"""AdamW without a schedule, by averaging the iterates."""

import math
from typing import Annotated

import numpy as np

from nnlite.optimizers.base import LearningRate, Optimizer
from nnlite.optimizers.base.slots import update_mean
from nnlite.registry.bounds import BelowOne, Index, NonNegative, Range
from nnlite.registry.fields import option

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no decaying steps: gradients are taken between the iterates z and their average x.

    With `step` counted from 1, z the slot `momentum`, at first the values:

        rate = learning_rate * min(1, step / warmup_steps)                  (with warmup_steps)
        velocity = beta_2 * velocity + (1 - beta_2) * gradients**2
        x = (values - (1 - beta_1) * z) / beta_1
        z = z - rate * gradients / (sqrt(velocity / (1 - beta_2**step)) + epsilon)
        x = (1 - 1 / step) * x + z / step
        values = (1 - beta_1) * z + beta_1 * x

    As with Keras, the values of the model stay those that gradients are taken at, not x, also when training ends.

    Args:
        learning_rate: size of a step, >= 0; it wants one to ten times that of AdamW with a schedule.
        beta_1: share of the average in the values, in (0, 1).
        beta_2: share of the running mean of the squares that is kept from step to step, in [0, 1).
        epsilon: keeps the division finite, >= 0; with 0, a gradient that has always been 0 makes NaN.
        warmup_steps: steps over which the rate grows to its size.

    The further arguments are those of `Optimizer`.

    Reference: Defazio et al. 2024, "The road less scheduled", arXiv:2405.15682.

    >>> ScheduleFreeAdamW(warmup_steps=100)
    ScheduleFreeAdamW(warmup_steps=100)
    """

    learning_rate: LearningRate = option(default=0.0025)
    beta_1: Annotated[float, Range(0, 1, low_open=True)] = 0.9
    beta_2: BelowOne = 0.999
    epsilon: NonNegative = 1e-8
    warmup_steps: Index = 0

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def fading_slots(self) -> tuple[str, ...]:
        return ("velocity",)

    def new_slots(self, pack) -> dict[str, np.ndarray]:
        return {"momentum": pack.values.copy(), "velocity": np.zeros_like(pack.values)}

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        z, velocity, step = slots["momentum"], slots["velocity"], self.iterations + 1
        if self.warmup_steps:
            learning_rate *= min(step / self.warmup_steps, 1.0)
        np.multiply(gradients, gradients, scratch)
        update_mean(velocity, scratch, 1.0 - self.beta_2, scratch)
        np.sqrt(velocity, scratch)
        np.divide(scratch, math.sqrt(1.0 - self.beta_2**step), scratch)
        np.add(scratch, self.epsilon, scratch)
        np.divide(gradients, scratch, scratch)
        np.multiply(scratch, learning_rate, scratch)
        # What the formula comes to, written as changes: (z - values) / step, then the share that values have in z's.
        ahead = np.subtract(z, values)
        np.divide(ahead, step, ahead)
        np.add(values, ahead, values)
        np.subtract(z, scratch, z)
        np.multiply(scratch, 1.0 - self.beta_1 + self.beta_1 / step, scratch)
        np.subtract(values, scratch, values)
