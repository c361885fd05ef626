"""Adagrad and Adadelta: gradients divided by the root of accumulated squares."""

import numpy as np

from nnlite.optimizers.base import LearningRate, Optimizer
from nnlite.registry.bounds import BelowOne, NonNegative
from nnlite.registry.fields import option

__all__ = ["Adadelta", "Adagrad"]


class Adagrad(Optimizer):
    """Gradient descent with each gradient divided by the root of the sum of its squares so far.

        accumulator = accumulator + gradients**2                            (at first initial_accumulator_value)
        values -= learning_rate * gradients / sqrt(accumulator + epsilon)

    PyTorch adds epsilon (1e-10) outside the square root, starts at 0, and has a learning rate of 0.01.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        initial_accumulator_value: the sum before the first step, >= 0.
        epsilon: keeps the division finite, >= 0; with 0, a gradient that has always been 0 makes NaN.

    The further arguments are those of `Optimizer`.

    Reference: Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization".

    >>> Adagrad(0.1)
    Adagrad(learning_rate=0.1)
    """

    learning_rate: LearningRate = option(default=0.001)
    initial_accumulator_value: NonNegative = 0.1
    epsilon: NonNegative = 1e-7

    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator",)

    def fading_slots(self) -> tuple[str, ...]:
        return ()  # it grows

    def new_slots(self, pack) -> dict[str, np.ndarray]:
        return {"accumulator": np.full_like(pack.values, self.initial_accumulator_value)}

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        accumulator = slots["accumulator"]
        np.multiply(gradients, gradients, scratch)
        np.add(accumulator, scratch, accumulator)
        np.add(accumulator, self.epsilon, scratch)
        np.sqrt(scratch, scratch)
        np.divide(gradients, scratch, scratch)
        np.multiply(scratch, learning_rate, scratch)
        np.subtract(values, scratch, values)


class Adadelta(Optimizer):
    """Gradient descent whose steps have the size of recent steps, and so do not depend on the unit of the gradients.

        accumulated_grad = rho * accumulated_grad + (1 - rho) * gradients**2
        delta = gradients * sqrt(accumulated_delta_var + epsilon) / sqrt(accumulated_grad + epsilon)
        accumulated_delta_var = rho * accumulated_delta_var + (1 - rho) * delta**2
        values -= learning_rate * delta

    The paper has a learning rate of 1, as has PyTorch, with rho = 0.9 and epsilon = 1e-6.

    Args:
        learning_rate: what steps are multiplied by, >= 0, or a schedule.
        rho: share of the running means that is kept from step to step, in [0, 1).
        epsilon: keeps the division finite and lets the first steps differ from 0, >= 0.

    The further arguments are those of `Optimizer`.

    Reference: Zeiler 2012, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701.

    >>> Adadelta(1.0)
    Adadelta(learning_rate=1.0)
    """

    learning_rate: LearningRate = option(default=0.001)
    rho: BelowOne = 0.95
    epsilon: NonNegative = 1e-7

    def slot_names(self) -> tuple[str, ...]:
        return ("accumulated_grad", "accumulated_delta_var")

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        squares, changes = slots["accumulated_grad"], slots["accumulated_delta_var"]
        np.multiply(gradients, gradients, scratch)
        np.multiply(scratch, 1.0 - self.rho, scratch)
        np.multiply(squares, self.rho, squares)
        np.add(squares, scratch, squares)
        delta = np.add(changes, self.epsilon)
        np.divide(delta, np.add(squares, self.epsilon, scratch), delta)
        np.sqrt(delta, delta)
        np.multiply(delta, gradients, delta)
        np.multiply(delta, delta, scratch)
        np.multiply(scratch, 1.0 - self.rho, scratch)
        np.multiply(changes, self.rho, changes)
        np.add(changes, scratch, changes)
        np.multiply(delta, learning_rate, delta)
        np.subtract(values, delta, values)
