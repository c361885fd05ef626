"""Schedules over the progress of training, independent of its number of steps."""

import math
from dataclasses import field

from nnlite.errors import ConfigError
from nnlite.registry.bounds import Count, NonNegative
from nnlite.schedules.base import LearningRateSchedule

__all__ = ["CosLog4", "FlatCosine", "ProgressSchedule"]


class ProgressSchedule(LearningRateSchedule, abstract=True):
    """Base of functions of the training's progress `t = step / total_steps`, in [0, 1]; subclasses write `at`.

    Where `total_steps` is None, `fit` says how many there are, epochs times steps per epoch, and the progress
    starts from 0 in each call of `fit`; one with `initial_epoch` starts at that epoch. After the last
    step t stays 1.

    Args:
        total_steps: number of updates from t = 0 to t = 1.

    Raises:
        ConfigError: asked for a value while the number of steps is not known.
    """

    total_steps: Count | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bound: tuple[int, int] | None = None  # total_steps and first_step, as `fit` tells them

    def at(self, progress: float) -> float:
        """The value at this progress, in [0, 1]."""
        raise NotImplementedError

    def bind(self, total_steps: int | None, first_step: int = 0) -> None:
        self._bound = None if total_steps is None else (total_steps, first_step)

    def __call__(self, step: int) -> float:
        if self.total_steps is not None:
            total, first = self.total_steps, 0
        elif self._bound is not None:
            total, first = self._bound
        else:
            raise ConfigError(
                f"{type(self).__name__} does not know how many steps the training has: pass total_steps, or train by "
                f"`fit` on arrays or with steps_per_epoch"
            )
        return float(self.at(min(max(step - first, 0) / total, 1.0)))


class CosLog4(ProgressSchedule):
    """Four cosine cycles from 0 to `learning_rate` and back, each about twice as long as the one before.

    `learning_rate * (1 - cos(2 * pi * log2(1 + 15 * t))) / 2` with t = step / total_steps in [0, 1].

    Args:
        learning_rate: the largest value, >= 0.

    The further argument is that of `ProgressSchedule`.

    Reference: Holzmüller et al. 2024, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data",
    arXiv:2407.04491, `coslog4`.

    >>> schedule = CosLog4(0.04, total_steps=150)
    >>> [round(schedule(step), 4) for step in (0, 4, 10, 30, 150)]
    [0.0, 0.0399, 0.0, 0.0, 0.0]
    """

    learning_rate: NonNegative

    def at(self, progress: float) -> float:
        return self.learning_rate * (1.0 - math.cos(2.0 * math.pi * math.log2(1.0 + 15.0 * progress))) / 2.0


class FlatCosine(ProgressSchedule):
    """`value` during the first half of the training, then cosine decay to 0.

    `value * (1 + cos(pi * (2 * t - 1))) / 2` for t = step / total_steps > 1 / 2.

    Args:
        value: of the first half, >= 0.

    The further argument is that of `ProgressSchedule`.

    Reference: Holzmüller et al. 2024, arXiv:2407.04491, `flat_cos`.

    >>> schedule = FlatCosine(0.15, total_steps=100)
    >>> [round(schedule(step), 4) for step in (0, 50, 75, 100)]
    [0.15, 0.15, 0.075, 0.0]
    """

    value: NonNegative

    def at(self, progress: float) -> float:
        return self.value * (1.0 + math.cos(math.pi * max(2.0 * progress - 1.0, 0.0))) / 2.0
