"""Optimizers as numeric codes for the compiled code that runs whole steps."""

from typing import TYPE_CHECKING

import numpy as np

from nnlite.kernels.reference.forms import BY_NORM, BY_VALUE, GLOBALLY, UNCLIPPED
from nnlite.optimizers.base.patterns import Factors
from nnlite.optimizers.base.rates import RateFunction, current_rate
from nnlite.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from nnlite.optimizers.base.optimizer import Optimizer

__all__ = ["averages_ahead", "clip_form", "knows_rates", "rates_ahead", "stretches_of"]


def knows_rates(optimizer: "Optimizer") -> bool:
    """Whether the learning rates of the next steps are known in advance, that is, not given by a function."""
    return not isinstance(vars(optimizer)["learning_rate"], RateFunction)


def clip_form(optimizer: "Optimizer") -> tuple[int, float]:
    """Gradient clipping: UNCLIPPED, BY_VALUE, BY_NORM (of each parameter) or GLOBALLY; and the limit."""
    if optimizer.clipvalue is not None:
        return BY_VALUE, float(optimizer.clipvalue)
    if optimizer.clipnorm is not None:
        return BY_NORM, float(optimizer.clipnorm)
    if optimizer.global_clipnorm is not None:
        return GLOBALLY, float(optimizer.global_clipnorm)
    return UNCLIPPED, 0.0


def averages_ahead(optimizer: "Optimizer", count: int) -> list[tuple[float, float, float]]:
    """For each of the next batches: whether an update follows, the decay of the average, and whether it is swapped in.

    These are numbers, 1 and 0, as they become a row of an array.
    """
    group, often = optimizer.gradient_accumulation_steps or 1, optimizer.ema_overwrite_frequency
    if group == 1 and not optimizer.use_ema:
        return [(1.0, 0.0, 0.0)] * count
    batches = range(optimizer.batches, optimizer.batches + count)
    return [
        (
            float((batch + 1) % group == 0),
            optimizer.ema_momentum if batch // group else 0.0,
            float(bool(often) and (batch // group + 1) % often == 0),
        )
        for batch in batches
    ]


def rates_ahead(optimizer: "Optimizer", count: int) -> list[tuple[float, float]]:
    """The step size and the weight decay of each of the next updates."""
    rate, decay, first = vars(optimizer)["learning_rate"], optimizer.weight_decay or 0.0, optimizer.batches
    size, group = optimizer.step_size, optimizer.gradient_accumulation_steps or 1
    if isinstance(rate, LearningRateSchedule) or isinstance(decay, LearningRateSchedule):
        steps = range(first, first + count)
        pairs = [(current_rate(rate, step), current_rate(decay, step)) for step in steps]
        return [(size(now, step // group), now * share) for step, (now, share) in zip(steps, pairs, strict=True)]
    rate, decay = float(rate), float(decay)
    if count == 1:  # a comprehension takes as long as the rest
        return [(size(rate, first // group), rate * decay)]
    return [(size(rate, step // group), rate * decay) for step in range(first, first + count)]


def stretches_of(factors: Factors, size: int) -> np.ndarray:
    """`(start, stop, factor of the update, factor of the decay)` of the parts of a pack with separate factors."""
    parts = factors.stretches or [(slice(0, size), factors)]
    return np.array([(part.start, part.stop, shares.update, shares.decay) for part, shares in parts])
