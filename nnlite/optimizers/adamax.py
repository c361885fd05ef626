"""Adamax and Nadam: Adam with the infinity norm, and with Nesterov momentum."""

import numpy as np

from nnlite.optimizers.base import LearningRate, Optimizer, StateVariable
from nnlite.optimizers.base.slots import update_mean
from nnlite.parameters import Parameter
from nnlite.registry.bounds import BelowOne, NonNegative
from nnlite.registry.fields import option

__all__ = ["Adamax", "Nadam"]


class Adamax(Optimizer):
    """Adam with the infinity norm: a decaying maximum of the gradients in place of the root mean square.

    With `step` counted from 1:

        momentum = beta_1 * momentum + (1 - beta_1) * gradients
        norm = maximum(beta_2 * norm, abs(gradients))
        values -= learning_rate / (1 - beta_1**step) * momentum / (norm + epsilon)

    PyTorch adds epsilon (1e-8) to the gradients inside the maximum, and has a learning rate of 0.002.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        beta_1: share of the running mean of the gradients that is kept from step to step, in [0, 1).
        beta_2: share of the maximum that is kept, in [0, 1).
        epsilon: keeps the division finite, >= 0; with 0, a gradient that has always been 0 makes NaN.

    The further arguments are those of `Optimizer`.

    Reference: Kingma & Ba 2015, arXiv:1412.6980, section 7.1.

    >>> Adamax(0.002)
    Adamax(learning_rate=0.002)
    """

    learning_rate: LearningRate = option(default=0.001)
    beta_1: BelowOne = 0.9
    beta_2: BelowOne = 0.999
    epsilon: NonNegative = 1e-7

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "norm")

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        momentum, norm = slots["momentum"], slots["norm"]
        update_mean(momentum, gradients, 1.0 - self.beta_1, scratch)
        np.multiply(norm, self.beta_2, norm)
        np.maximum(norm, np.abs(gradients, scratch), out=norm)
        np.add(norm, self.epsilon, scratch)
        np.divide(momentum, scratch, scratch)
        np.multiply(scratch, learning_rate / (1.0 - self.beta_1 ** (self.iterations + 1)), scratch)
        np.subtract(values, scratch, values)


class Nadam(Optimizer):
    """Adam with Nesterov momentum, whose coefficient grows during the first hundred steps.

    With `step` counted from 1, `u(step) = beta_1 * (1 - 0.96**step / 2)` and `product` that of all u so far:

        momentum = beta_1 * momentum + (1 - beta_1) * gradients
        velocity = beta_2 * velocity + (1 - beta_2) * gradients**2
        ahead = u(step + 1) * momentum / (1 - product * u(step + 1)) + (1 - u(step)) * gradients / (1 - product)
        values -= learning_rate * ahead / (sqrt(velocity / (1 - beta_2**step)) + epsilon)

    The paper and PyTorch have `0.96**(step / 250)`; PyTorch's learning rate is 0.002, its epsilon 1e-8.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        beta_1: share of the running mean of the gradients that is kept from step to step, in [0, 1).
        beta_2: the same for their squares, in [0, 1).
        epsilon: keeps the division finite, >= 0; with 0, a gradient that has always been 0 makes NaN.

    The further arguments are those of `Optimizer`.

    Reference: Dozat 2015, "Incorporating Nesterov momentum into Adam".

    >>> Nadam(0.002)
    Nadam(learning_rate=0.002)
    """

    learning_rate: LearningRate = option(default=0.001)
    beta_1: BelowOne = 0.9
    beta_2: BelowOne = 0.999
    epsilon: NonNegative = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        self._product = 0, 1.0  # the number of factors u, and their product

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def share(self, step: int) -> float:
        """u(step), step counted from 1."""
        return self.beta_1 * (1.0 - 0.5 * 0.96**step)

    def product_until(self, step: int) -> float:
        """u(1) * ... * u(step); cached, and recomputed after a state was set."""
        done, product = self._product if self._product[0] <= step else (0, 1.0)
        while done < step and product:
            done += 1
            product *= self.share(done)
        self._product = step, product
        return product

    def further_variables(self) -> list[Parameter]:
        """The product of all coefficients so far, which follows from the number of updates."""
        return [
            *super().further_variables(),
            StateVariable("variable", self.product_until(self.iterations), np.float32, lambda value: None),
        ]

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        momentum, velocity, step = slots["momentum"], slots["velocity"], self.iterations + 1
        now, later, product = self.share(step), self.share(step + 1), self.product_until(step)
        update_mean(momentum, gradients, 1.0 - self.beta_1, scratch)
        np.multiply(gradients, gradients, scratch)
        update_mean(velocity, scratch, 1.0 - self.beta_2, scratch)
        ahead = gradients * (learning_rate * (1.0 - now) / (1.0 - product))
        np.multiply(momentum, learning_rate * later / (1.0 - product * later), scratch)
        np.add(ahead, scratch, ahead)
        np.divide(velocity, 1.0 - self.beta_2**step, scratch)
        np.sqrt(scratch, scratch)
        np.add(scratch, self.epsilon, scratch)
        np.divide(ahead, scratch, scratch)
        np.subtract(values, scratch, values)
