"""Schedules with a warm-up, one cycle, or linear decay."""

from typing import Annotated, Literal

from nnlite.errors import ConfigError
from nnlite.registry.bounds import Count, NonNegative, Range
from nnlite.registry.fields import Converted, Spec
from nnlite.schedules.base import LearningRateSchedule, scheduled
from nnlite.schedules.decay import half_cosine
from nnlite.schedules.progress import ProgressSchedule

__all__ = ["LinearDecay", "OneCycle", "Warmup"]


class LinearDecay(ProgressSchedule):
    """Linear decay from `initial_learning_rate` to `end_learning_rate` over the whole training.

    `initial_learning_rate + (end_learning_rate - initial_learning_rate) * t` for t = step / total_steps.

    Args:
        initial_learning_rate: of the first step, >= 0.
        end_learning_rate: after the last step, >= 0.

    The further arguments are those of `ProgressSchedule`.

    >>> LinearDecay(0.1, total_steps=100)(50)
    0.05
    """

    initial_learning_rate: NonNegative
    end_learning_rate: NonNegative = 0.0

    def at(self, progress: float) -> float:
        return self.initial_learning_rate * (1.0 - progress) + self.end_learning_rate * progress


class OneCycle(ProgressSchedule):
    """Rises to `max_learning_rate` and decays almost to 0, over the whole training.

    With t = step / total_steps, along half a cosine or a straight line from

        max_learning_rate / div_factor                       at t = 0
        max_learning_rate                                    at t = pct_start
        max_learning_rate / div_factor / final_div_factor    at t = 1

    PyTorch's `OneCycleLR` has these arguments; it reaches both ends a step earlier.

    Args:
        max_learning_rate: the largest rate, >= 0.
        pct_start: share of the training in which the rate grows, in (0, 1).
        anneal_strategy: "cos" or "linear".
        div_factor: the largest rate over the first one, >= 1.
        final_div_factor: the first rate over the last one, >= 1.

    The further arguments are those of `ProgressSchedule`.

    Reference: Smith & Topin 2019, "Super-convergence: very fast training of neural networks using large learning
    rates", arXiv:1708.07120.

    >>> schedule = OneCycle(0.1, div_factor=10, total_steps=100)
    >>> [round(schedule(step), 4) for step in (0, 15, 30, 65, 100)]
    [0.01, 0.055, 0.1, 0.05, 0.0]
    """

    max_learning_rate: NonNegative
    pct_start: Annotated[float, Range(0, 1, low_open=True, high_open=True)] = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: Annotated[float, Range(1)] = 25.0
    final_div_factor: Annotated[float, Range(1)] = 1e4

    def at(self, progress: float) -> float:
        first = self.max_learning_rate / self.div_factor
        if progress < self.pct_start:
            return self._between(first, self.max_learning_rate, progress / self.pct_start)
        passed = (progress - self.pct_start) / (1.0 - self.pct_start)
        return self._between(self.max_learning_rate, first / self.final_div_factor, passed)

    def _between(self, start: float, end: float, progress: float) -> float:
        left = half_cosine(progress) if self.anneal_strategy == "cos" else 1.0 - progress
        return end + (start - end) * left


class Warmup(LearningRateSchedule):
    """A linear warm-up from `start` to the first value of another schedule, which then begins.

    `start + (schedule(0) - start) * step / steps` for step < steps, then `schedule(step - steps)`.

    Args:
        schedule: a number or a schedule; one over the training's progress covers what is left of it.
        steps: length of the warm-up, >= 1.
        start: the value at step 0, >= 0.

    Raises:
        ConfigError: the training is no longer than the warm-up, and the schedule needs to know what is left.

    Reference: Goyal et al. 2017, "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv:1706.02677.

    >>> from nnlite.schedules import ExponentialDecay
    >>> schedule = Warmup(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5), steps=4)
    >>> schedule(0), schedule(2), schedule(4), schedule(14)
    (0.0, 0.05, 0.1, 0.05)
    """

    schedule: Converted[float | Spec[LearningRateSchedule], NonNegative | LearningRateSchedule]
    steps: Count
    start: NonNegative = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._first = 0  # the step at which the training began, where the schedule follows its progress

    def bind(self, total_steps: int | None, first_step: int = 0) -> None:
        if not isinstance(self.schedule, LearningRateSchedule):
            return
        if total_steps is not None and total_steps <= self.steps and isinstance(self.schedule, ProgressSchedule):
            raise ConfigError(f"a training of {total_steps} steps has no room for this warm-up", ("Warmup", "steps"))
        self.schedule.bind(None if total_steps is None else total_steps - self.steps, first_step)
        self._first = first_step

    def __call__(self, step: int) -> float:
        followed = isinstance(self.schedule, ProgressSchedule) and self.schedule.total_steps is None
        begin = self._first if followed else 0
        if step - begin < self.steps:
            first = scheduled(self.schedule, begin)
            return self.start + (first - self.start) * max(step - begin, 0) / self.steps
        return float(scheduled(self.schedule, step - self.steps))
