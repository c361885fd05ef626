"""Optimizers as numeric codes for the compiled code that runs whole steps."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.kernels.reference.forms import BY_NORM, BY_VALUE, GLOBALLY, UNCLIPPED
from nnlite.optimizers.base.patterns import Factors
from nnlite.optimizers.base.rates import RateFunction, current_rate
from nnlite.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from nnlite.optimizers.base.optimizer import Optimizer

Number = Any  # a number, or an array of them
__all__ = ["clip_form", "knows_rates", "stretches_of", "turns_ahead"]


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


def turns_ahead(optimizer: "Optimizer", count: int, scales: Number) -> np.ndarray:
    """A row for each of the next steps: the columns of `kernels.compiled.parts.updates`.

    Args:
        scales: factor of the losses, one of all steps or an array of several.
    """
    steps = optimizer.batches + np.arange(count) if count > 1 else optimizer.batches
    columns = scales, *_rates(optimizer, steps), *_averages(optimizer, steps), 0.0
    if count == 1:  # assigning columns takes four times as long
        return np.array([columns])
    turns = np.empty((count, len(columns)))
    for index, column in enumerate(columns):
        turns[:, index] = column
    return turns


def _rates(optimizer: "Optimizer", steps: Number) -> tuple[Number, Number]:
    """The step size and the weight decay of the updates after so many batches."""
    rate, decay = (_rates_at(value, steps) for value in (vars(optimizer)["learning_rate"], optimizer.weight_decay))
    return optimizer.step_size(rate, steps // (optimizer.gradient_accumulation_steps or 1)), rate * decay


def _rates_at(value: Any, steps: Number) -> Number:
    if isinstance(value, LearningRateSchedule) and isinstance(steps, np.ndarray):
        return np.array([current_rate(value, step) for step in steps.tolist()])
    return current_rate(value or 0.0, steps)


def _averages(optimizer: "Optimizer", steps: Number) -> tuple[Number, Number, Number]:
    """Whether an update follows, the decay of the average, and whether it is swapped in, as numbers."""
    group, often = optimizer.gradient_accumulation_steps or 1, optimizer.ema_overwrite_frequency
    if group == 1 and not optimizer.use_ema:
        return 1.0, 0.0, 0.0
    updates = steps // group
    swapped = (updates + 1) % often == 0 if often else 0.0
    return (steps + 1) % group == 0, optimizer.ema_momentum * (updates > 0), swapped


def stretches_of(factors: Factors, size: int) -> np.ndarray:
    """`(start, stop, factor of the update, factor of the decay)` of the parts of a pack with separate factors."""
    parts = factors.stretches or [(slice(0, size), factors)]
    return np.array([(part.start, part.stop, shares.update, shares.decay) for part, shares in parts])
