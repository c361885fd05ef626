"""Resources of a call of fit, evaluate or predict: threads and kernels."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnlite import kernels
from nnlite.callbacks import CallbackList
from nnlite.layers.base.call import layers_within
from nnlite.threads import suited_threads
from nnlite.training.trainable import Trainable

__all__ = ["ends_early", "step_work", "suited"]


@contextmanager
def suited(model: Trainable, batch_size: int | None, training_steps: int = 0, may_end: bool = False) -> Iterator[None]:
    """A context for work of this size; compiled kernels, which take time to load, are only used for long trainings.

    Args:
        model: what is trained or run.
        batch_size: rows of a step; 32 when None.
        training_steps: of the training; 0 for none.
        may_end: whether something may end it before the last step.
    """
    size = largest_product(model, batch_size)  # threads come second, to know the library of compiled kernels too
    work = step_work(model, batch_size) if training_steps else 0
    with kernels.suited_kernels(training_steps, work, may_end), suited_threads(size):
        yield


def ends_early(callbacks: CallbackList) -> bool:
    """Whether one of the callbacks, other than mere observers, may end a training before its last step."""
    return not all(callback.watches for callback in callbacks.callbacks)


def step_work(model: Trainable, batch_size: int | None) -> int:
    """The work of a step, as the number of parameters whose update gains equally from compiled kernels.

    These are its parameters, and beside them what layers with kernels of their own put out over steps or pixels, times
    their `_kernel_gain`: 30,000 parameters, calls included, are 54 us; 25 ms of a convnet's step are saved by 8 million
    numbers, 7 ms of a transformer block's by 0.3 million of attention, 3 ms of an LSTM's by 0.2 million. Other layers
    gain little by each number.
    """
    layers = [layer for layer in layers_within(model) if layer._kernel_gain]
    numbers = sum(layer._kernel_gain * _numbers(layer.input_shape, layer.output_shape) for layer in layers)
    return sum(parameter.size for parameter in model.parameters) + (batch_size or 32) * numbers


def _numbers(entering: Any, leaving: Any) -> int:
    """The numbers that a layer computes for an example: one per unit for each step or pixel that enters."""
    entering, leaving = (shape[0] if shape and isinstance(shape[0], tuple) else shape for shape in (entering, leaving))
    lengths = [length or 1 for length in (entering or ())[1:-1] if not isinstance(length, tuple)]
    return math.prod(lengths) * (leaving[-1] or 1) if lengths and leaving else 0


def largest_product(model: Trainable, batch_size: int | None) -> int:
    """Multiply-adds of the largest matrix product of a step, which determines how many threads pay off.

    Of members side by side, each has a product of its own.
    """
    largest = 0
    for layer in model.layers:
        kernels = [parameter.size for parameter in layer.parameters if len(parameter.shape) > 1]
        lengths = (layer.output_shape or ())[1:-1]  # none of a layer that `call` does not use
        positions = math.prod(length or 1 for length in lengths if not isinstance(length, tuple))
        products = (layer.member_count or 1) ** 2  # both the kernels and the positions have the axis of members
        largest = max([largest, *(size * positions // products for size in kernels)])
    return largest * (batch_size or 32)
