"""RMSprop: each step divided by the root mean square of the recent gradients."""

import numpy as np

from nnlite.optimizers.base import LearningRate, Optimizer, blend
from nnlite.reading import BelowOne, Fraction, Positive

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Gradient descent with each gradient divided by the root of its running mean square.

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
        epsilon: keeps the division finite, > 0.
        centered: divide by the standard deviation of the gradients instead of their root mean square.

    The further arguments are those of `Optimizer`.

    Reference: Tieleman & Hinton 2012, lecture 6.5; centered: Graves 2013, arXiv:1308.0850.
    """

    learning_rate: LearningRate = 0.001
    rho: BelowOne = 0.9
    momentum: Fraction = 0.0
    epsilon: Positive = 1e-7
    centered: bool = False

    def slot_names(self):
        centered = ("average_gradient",) if self.centered else ()
        return ("velocity", *centered, "change") if self.momentum else ("velocity", *centered)

    def update(self, values, gradients, slots, learning_rate, scratch):
        variance = self._update_variance(gradients, slots, scratch)
        np.add(variance, self.epsilon, scratch)
        np.sqrt(scratch, scratch)
        np.divide(gradients, scratch, scratch)
        np.multiply(scratch, learning_rate, scratch)
        change = scratch
        if self.momentum:
            change = slots["change"]
            np.multiply(change, self.momentum, change)
            np.add(change, scratch, change)
        np.subtract(values, change, values)

    def _update_variance(self, gradients, slots, scratch):
        velocity = slots["velocity"]
        np.multiply(gradients, gradients, scratch)
        blend(velocity, scratch, 1.0 - self.rho, scratch)
        if not self.centered:
            return velocity
        average_gradient = slots["average_gradient"]
        blend(average_gradient, gradients, 1.0 - self.rho, scratch)
        np.multiply(average_gradient, average_gradient, scratch)
        np.subtract(velocity, scratch, scratch)
        # A variance is never negative, but the difference of two nearly equal numbers may be.
        return np.maximum(scratch, 0.0, out=scratch)
