"""RMSprop: gradients divided by their recent root mean square."""

import numpy as np

from nnlite import kernels
from nnlite.kernels.reference.forms import RMSPROP, UpdateForm
from nnlite.kernels.reference.optimizers import RateFactors
from nnlite.optimizers.base import KerasSlot, LearningRate, Optimizer
from nnlite.registry.bounds import BelowOne, Fraction, NonNegative
from nnlite.registry.fields import option

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Gradient descent with each gradient divided by the root of the moving average of its square.

        velocity = rho * velocity + (1 - rho) * gradients**2
        average_gradient = rho * average_gradient + (1 - rho) * gradients          (centered=True)
        variance = velocity - average_gradient**2 if centered else velocity
        increment = learning_rate * gradients / sqrt(variance + epsilon)
        change = momentum * change + increment                                     (momentum > 0)
        values -= change if momentum else increment

    PyTorch adds epsilon (1e-8) outside the square root, has rho = 0.99 (its `alpha`), and applies the
    learning rate after the momentum.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        rho: share of the running means that is kept from step to step, in [0, 1).
        momentum: share of the last change that is added to the next, in [0, 1].
        epsilon: keeps the division finite, >= 0; with 0, a gradient that has always been 0 makes NaN.
        centered: divide by the standard deviation of the gradients instead of their root mean square.

    The further arguments are those of `Optimizer`.

    Reference: Tieleman & Hinton 2012, lecture 6.5; centered: Graves 2013, arXiv:1308.0850.

    >>> RMSprop(1e-3, rho=0.9, centered=True)
    RMSprop(centered=True)
    """

    by_kernel = True

    learning_rate: LearningRate = option(default=0.001)
    rho: BelowOne = 0.9
    momentum: Fraction = 0.0
    epsilon: NonNegative = 1e-7
    centered: bool = False

    def slot_names(self) -> tuple[str, ...]:
        centered = ("average_gradient",) if self.centered else ()
        return ("velocity", *centered, "change") if self.momentum else ("velocity", *centered)

    def keras_slots(self) -> list[list[KerasSlot]]:
        change = [[KerasSlot("change", "momentum")]] if self.momentum else []
        center = [[KerasSlot("average_gradient", "average_gradient")]] if self.centered else []
        return [[KerasSlot("velocity", "velocity")], *change, *center]

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
        factors: RateFactors = None,
    ) -> None:
        means = slots["velocity"], slots.get("average_gradient"), slots.get("change")
        numbers = 1.0 - self.rho, learning_rate, self.momentum, self.epsilon
        kernels.rmsprop(values, gradients, *means, *numbers, factors, scratch)

    def update_form(self) -> UpdateForm | None:
        if self.centered:
            return None
        return UpdateForm(RMSPROP, self.slot_names(), (1.0 - self.rho, self.momentum, self.epsilon))
