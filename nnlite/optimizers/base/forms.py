"""Forms of optimizers for compiled code that carries out whole steps."""

from typing import TYPE_CHECKING

import numpy as np

from nnlite.optimizers.base.patterns import Factors
from nnlite.optimizers.base.rates import RateFunction, current_rate
from nnlite.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from nnlite.optimizers.base.optimizer import Optimizer

__all__ = ["is_plain", "rates_ahead", "stretches_of"]


def is_plain(optimizer: "Optimizer") -> bool:
    """Whether a step is decay and update alone, at a rate that is known before: no clipping, averages or sums."""
    clips = optimizer.clipnorm or optimizer.clipvalue or optimizer.global_clipnorm
    gathers = optimizer.use_ema or optimizer.gradient_accumulation_steps
    return not (clips or gathers or isinstance(vars(optimizer)["learning_rate"], RateFunction))


def rates_ahead(optimizer: "Optimizer", count: int) -> list[tuple[float, float]]:
    """The size of the step, and the weight decay, of each of the next updates."""
    rate, decay, first = vars(optimizer)["learning_rate"], optimizer.weight_decay or 0.0, optimizer.batches
    if isinstance(rate, LearningRateSchedule) or isinstance(decay, LearningRateSchedule):
        steps = range(first, first + count)
        pairs = [(current_rate(rate, step), current_rate(decay, step)) for step in steps]
    else:
        pairs = [(float(rate), float(decay))] * count
    size = optimizer.step_size
    return [(size(now, first + place), now * share) for place, (now, share) in enumerate(pairs)]


def stretches_of(factors: Factors, size: int) -> np.ndarray:
    """`(start, stop, factor of the update, factor of the decay)` of the parts of a pack with factors of their own."""
    parts = factors.stretches or [(slice(0, size), factors)]
    return np.array([(part.start, part.stop, own.update, own.decay) for part, own in parts])
