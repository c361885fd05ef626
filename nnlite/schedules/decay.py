"""Keras's schedules: learning rates that depend on the number of the training step."""

import math
from itertools import pairwise
from typing import Annotated

from nnlite.errors import ConfigError
from nnlite.registry.bounds import Index, NonNegative, Positive, Range
from nnlite.schedules.base import LearningRateSchedule

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InversePowerDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


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


class InverseTimeDecay(LearningRateSchedule):
    """`learning_rate = initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: of the first step, >= 0.
        decay_steps: the unit in which steps are counted, > 0.
        decay_rate: how fast the divisor grows, >= 0.
        staircase: keep the rate constant between multiples of `decay_steps`.

    >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.05
    """

    initial_learning_rate: NonNegative
    decay_steps: Positive
    decay_rate: NonNegative
    staircase: bool = False

    def __call__(self, step: int) -> float:
        periods = step / self.decay_steps
        if self.staircase:
            periods = math.floor(periods)
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)


class InversePowerDecay(LearningRateSchedule):
    """`learning_rate = initial_learning_rate / (step + 1) ** power`, scikit-learn's "invscaling".

    Args:
        initial_learning_rate: of the first step, >= 0.
        power: how fast it falls, >= 0.

    >>> InversePowerDecay(0.1, power=0.5)(99)
    0.01
    """

    initial_learning_rate: NonNegative
    power: NonNegative = 0.5

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate / (step + 1) ** self.power


class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay from `initial_learning_rate` to `end_learning_rate`.

    `(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate`; after
    `decay_steps` it stays at the end or, with `cycle`, starts again over `decay_steps * ceil(step / decay_steps)`.

    Args:
        initial_learning_rate: of the first step, >= 0.
        decay_steps: number of steps to the end, > 0.
        end_learning_rate: the last rate, >= 0.
        power: of the polynomial, > 0; 1 is a straight line.
        cycle: go up again at each multiple of `decay_steps`, to less and less.

    >>> PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)(50)
    0.05
    """

    initial_learning_rate: NonNegative
    decay_steps: Positive
    end_learning_rate: NonNegative = 0.0001
    power: Positive = 1.0
    cycle: bool = False

    def __call__(self, step: int) -> float:
        if self.cycle:
            progress = step / (self.decay_steps * max(math.ceil(step / self.decay_steps), 1))
        else:
            progress = min(step / self.decay_steps, 1.0)
        height = self.initial_learning_rate - self.end_learning_rate
        return height * (1.0 - progress) ** self.power + self.end_learning_rate


class PiecewiseConstantDecay(LearningRateSchedule):
    """A constant rate up to each boundary: `values[i]` for `boundaries[i - 1] < step <= boundaries[i]`.

    Args:
        boundaries: increasing numbers of steps.
        values: rates, >= 0, one more than the boundaries.

    Raises:
        ConfigError: the boundaries do not increase, or there are too few or too many values.

    >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.05, 0.01])
    >>> schedule(100), schedule(101), schedule(1000)
    (0.1, 0.05, 0.01)
    """

    _default_name = "PiecewiseConstant"

    boundaries: list[Index | NonNegative]
    values: list[NonNegative]

    def validate(self) -> None:
        if len(self.values) != len(self.boundaries) + 1:
            raise ConfigError(
                f"PiecewiseConstantDecay needs one value more than boundaries, got {len(self.values)} values for "
                f"{len(self.boundaries)} boundaries"
            )
        if any(after <= before for before, after in pairwise(self.boundaries)):
            raise ConfigError(f"must increase, got {self.boundaries}", ("PiecewiseConstantDecay", "boundaries"))

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class CosineDecay(LearningRateSchedule):
    """Cosine decay from `initial_learning_rate` to `alpha` times that, after an optional linear warm-up.

    `rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)`, constant after `decay_steps`, where rate
    is `initial_learning_rate`. With `warmup_target` the rate goes from `initial_learning_rate` to `warmup_target` in a
    straight line over `warmup_steps`; from then on steps are counted from 0 again, and rate is `warmup_target`.

    Args:
        initial_learning_rate: of the first step, >= 0.
        decay_steps: number of steps of the decay, > 0.
        alpha: share of the rate that is left at the end, >= 0.
        warmup_target: the rate at the end of the warm-up, >= 0; None for none.
        warmup_steps: number of steps of the warm-up.

    Reference: Loshchilov & Hutter 2017, arXiv:1608.03983.

    >>> CosineDecay(0.1, decay_steps=100)(50)
    0.05
    """

    _positional = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")

    initial_learning_rate: NonNegative
    decay_steps: Positive
    alpha: NonNegative = 0.0
    warmup_target: NonNegative | None = None
    warmup_steps: Index = 0

    def __call__(self, step: int) -> float:
        rate = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return rate + (self.warmup_target - rate) * step / self.warmup_steps
            rate, step = self.warmup_target, step - self.warmup_steps
        progress = min(step / self.decay_steps, 1.0)
        return rate * ((1.0 - self.alpha) * half_cosine(progress) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay with restarts, each cycle `t_mul` times as long as the one before and `m_mul` times as high.

    `initial_learning_rate * ((1 - alpha) * m_mul ** i * (1 + cos(pi * t)) / 2 + alpha)`, where i counts the restarts
    so far and t in [0, 1) is the progress since the last, over `first_decay_steps * t_mul ** i` steps.

    Args:
        initial_learning_rate: of the first step, >= 0.
        first_decay_steps: number of steps to the first restart, > 0.
        t_mul: factor of the length, >= 1.
        m_mul: factor of the height, >= 0.
        alpha: share of `initial_learning_rate` that is always left, >= 0.

    Reference: Loshchilov & Hutter 2017, arXiv:1608.03983.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=100, m_mul=0.5)
    >>> schedule(0), schedule(100), schedule(200)
    (0.1, 0.05, 0.025)
    """

    _default_name = "SGDRDecay"

    initial_learning_rate: NonNegative
    first_decay_steps: Positive
    t_mul: Annotated[float, Range(1)] = 2.0
    m_mul: NonNegative = 1.0
    alpha: NonNegative = 0.0

    def __call__(self, step: int) -> float:
        restarts, progress = self._since_restart(step)
        height = self.m_mul**restarts
        return self.initial_learning_rate * ((1.0 - self.alpha) * height * half_cosine(progress) + self.alpha)

    def _since_restart(self, step: int) -> tuple[int, float]:
        """The number of restarts so far, and the progress since the last; counted, where a logarithm would round."""
        restarts, left, length = 0, float(step), self.first_decay_steps
        if self.t_mul == 1.0:
            return int(left // length), left % length / length
        while left >= length:
            restarts, left, length = restarts + 1, left - length, length * self.t_mul
        return restarts, left / length


def half_cosine(progress: float) -> float:
    """From 1 to 0 as progress goes from 0 to 1."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))
