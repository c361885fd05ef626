"""Ftrl: follow the regularized leader, for sparse linear models."""

from typing import Annotated

import numpy as np

from nnlite.optimizers.base import LearningRate, Optimizer
from nnlite.registry.bounds import NonNegative, Range
from nnlite.registry.fields import option

__all__ = ["Ftrl"]


class Ftrl(Optimizer):
    """Values that minimize all linearized losses so far, plus penalties; an L1 penalty makes many of them exactly 0.

        sum = accumulator + gradients**2                                    (at first initial_accumulator_value)
        sigma = (sum**(-learning_rate_power) - accumulator**(-learning_rate_power)) / learning_rate
        linear = linear + gradients + 2 * l2_shrinkage_regularization_strength * values - sigma * values
        l2 = l2_regularization_strength + beta / (2 * learning_rate)
        quadratic = sum**(-learning_rate_power) / learning_rate + 2 * l2
        values = (clip(linear, -l1_regularization_strength, l1_regularization_strength) - linear) / quadratic
        accumulator = sum

    The initial values are forgotten at the first step: from then on they follow from the gradients alone.

    Args:
        learning_rate: size of a step, >= 0, or a schedule; with 0 nothing changes.
        learning_rate_power: how steps shrink with the sum of squares, <= 0; 0 for a fixed rate.
        initial_accumulator_value: the sum before the first step, >= 0.
        l1_regularization_strength: factor of the sum of absolute values in the penalty, >= 0.
        l2_regularization_strength: factor of the sum of squares in the penalty, >= 0.
        l2_shrinkage_regularization_strength: the same, as a part of the losses and their gradients, >= 0.
        beta: the paper's beta.

    The further arguments are those of `Optimizer`.

    Reference: McMahan et al. 2013, "Ad click prediction: a view from the trenches".

    >>> Ftrl(0.1, l1_regularization_strength=0.01)
    Ftrl(learning_rate=0.1, l1_regularization_strength=0.01)
    """

    learning_rate: LearningRate = option(default=0.001)
    learning_rate_power: Annotated[float, Range(high=0)] = -0.5
    initial_accumulator_value: NonNegative = 0.1
    l1_regularization_strength: NonNegative = 0.0
    l2_regularization_strength: NonNegative = 0.0
    l2_shrinkage_regularization_strength: NonNegative = 0.0
    beta: float = 0.0

    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator", "linear")

    def fading_slots(self) -> tuple[str, ...]:
        return ()  # both are sums

    def new_slots(self, pack) -> dict[str, np.ndarray]:
        start = np.full_like(pack.values, self.initial_accumulator_value)
        return {"accumulator": start, "linear": np.zeros_like(pack.values)}

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        if not learning_rate:
            return
        accumulator, linear, power = slots["accumulator"], slots["linear"], -self.learning_rate_power
        np.add(linear, gradients, linear)
        if self.l2_shrinkage_regularization_strength:
            np.multiply(values, 2.0 * self.l2_shrinkage_regularization_strength, scratch)
            np.add(linear, scratch, linear)
        before = accumulator**power
        np.multiply(gradients, gradients, scratch)
        np.add(accumulator, scratch, accumulator)
        quadratic = accumulator**power
        np.subtract(quadratic, before, before)
        np.divide(before, learning_rate, before)
        np.multiply(before, values, before)
        np.subtract(linear, before, linear)
        np.divide(quadratic, learning_rate, quadratic)
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        np.add(quadratic, 2.0 * l2, quadratic)
        np.clip(linear, -self.l1_regularization_strength, self.l1_regularization_strength, out=scratch)
        np.subtract(scratch, linear, scratch)
        np.divide(scratch, quadratic, values)
