"""A trial run whose learning rate grows from step to step."""

import copy
import functools
import itertools
import math
from typing import Any

import numpy as np

from nnlite.data.batches import ArrayBatches
from nnlite.errors import ConfigError
from nnlite.registry.bounds import Count, Positive
from nnlite.registry.field_types import read_call
from nnlite.training.epoch import schedules_of
from nnlite.training.inputs import BatchSize, adapt_first_weights, rows_of_batch
from nnlite.training.rates.curve import LearningRateCurve

__all__ = ["find_learning_rate"]

KEPT = 0.9  # share of the smoothed loss that is kept from step to step
DIVERGED = 4.0  # the trial ends when the smoothed loss is this many times the lowest


def find_learning_rate(
    self: Any,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    batch_size: BatchSize = None,
    min_learning_rate: Positive = 1e-6,
    max_learning_rate: Positive = 10.0,
    steps: Count = 100,
) -> LearningRateCurve:
    """Train a copy with a learning rate that grows from step to step, to find where the loss falls fastest.

    The rate of each step is the same multiple of that before. The trial ends where the loss is no longer finite, or its
    running mean is more than four times the lowest. The model, its optimizer and its metrics are not changed.
    Schedules over the progress of training, as of dropout, keep their first value.

    Args:
        x, y, sample_weight: data as for `fit`, arrays or tables.
        batch_size: examples per step, as for `fit`.
        min_learning_rate, max_learning_rate: of the first step and the last, > 0.
        steps: of the trial, at most.

    Returns:
        The curve, with its `suggestion`; it prints as text, and as a picture in a notebook.

    Raises:
        NotReadyError: before `compile` with a loss.
        ConfigError: the largest rate is not above the least.

    Reference: Smith 2017, "Cyclical learning rates for training neural networks", arXiv:1506.01186, section 3.3.

    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> curve = model.find_learning_rate(x, x[:, :1])
    >>> 0.01 < curve.suggestion < 1
    True
    """
    read_call(find_learning_rate, locals())
    if max_learning_rate <= min_learning_rate:
        message = f"must be above min_learning_rate, {min_learning_rate:g}, got {max_learning_rate:g}"
        raise ConfigError(message, ("find_learning_rate", "max_learning_rate"))
    self.trainer.need_steps("find_learning_rate")
    arrays = self.trainer.step_batch(x, y, sample_weight)
    twin = copy.deepcopy(self)
    adapt_first_weights(twin, arrays[0])
    size = rows_of_batch(batch_size, len(arrays[1][0] if isinstance(arrays[1], tuple) else arrays[1]))
    batches = ArrayBatches(arrays, size, twin.seed)
    return _trial(twin.trainer, batches, np.geomspace(min_learning_rate, max_learning_rate, max(steps, 2)))


def _trial(trainer: Any, batches: ArrayBatches, rates: np.ndarray) -> LearningRateCurve:
    steps, optimizer = trainer.ready_steps(), trainer.optimizer
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for schedule in schedules_of(trainer):
        schedule.bind(1, optimizer.iterations + len(rates))  # all else is as in the first step of a training
    endless = itertools.chain.from_iterable(map(batches.epoch, itertools.count()))
    with np.errstate(all="ignore"):  # it is meant to diverge
        for rate, batch in zip(rates.tolist(), endless, strict=False):
            optimizer.learning_rate = functools.partial(float, rate)  # a number cannot replace a schedule
            loss, _ = steps.train(*batch)
            if not math.isfinite(loss):
                break
            losses.append(float(loss))
            mean = KEPT * mean + (1.0 - KEPT) * float(loss)
            smoothed.append(mean / (1.0 - KEPT ** len(losses)))
            if smoothed[-1] > DIVERGED * min(smoothed) > 0.0:
                break
    return LearningRateCurve(rates[: len(losses)], np.array(losses), np.array(smoothed))
