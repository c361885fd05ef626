"""Learning rates that depend on the number of the training step."""

import math

from nnlite.registry import Configurable
from nnlite.registry.field_types import NonNegative, Positive

__all__ = ["ExponentialDecay", "LearningRateSchedule"]


class LearningRateSchedule(Configurable, family="schedule"):
    """A learning rate as a function of the number of updates done so far."""

    def __call__(self, step: int) -> float:
        """The learning rate of the update that follows `step` updates."""
        raise NotImplementedError


class ExponentialDecay(LearningRateSchedule):
    """`learning_rate = initial_learning_rate * decay_rate ** (step / decay_steps)`.

    PyTorch's `ExponentialLR(gamma=decay_rate)` is stepped once per epoch: there `decay_steps` is the number
    of steps of an epoch, and `staircase` is true.

    Args:
        initial_learning_rate: of the first step, >= 0.
        decay_steps: after how many steps the rate is multiplied by `decay_rate` once, > 0.
        decay_rate: factor, > 0.
        staircase: keep the rate constant between multiples of `decay_steps`.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    initial_learning_rate: NonNegative
    decay_steps: Positive
    decay_rate: Positive
    staircase: bool = False

    def __call__(self, step: int) -> float:
        periods = step / self.decay_steps
        if self.staircase:
            periods = math.floor(periods)
        return self.initial_learning_rate * self.decay_rate**periods
