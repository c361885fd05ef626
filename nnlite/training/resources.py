"""Resources of a call of fit, evaluate or predict: threads and kernels."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from nnlite import kernels
from nnlite.callbacks import CallbackList
from nnlite.threads import suited_threads
from nnlite.training.trainable import Trainable


@contextmanager
def suited(model: Trainable, batch_size: int | None, training_steps: int = 0, may_end: bool = False) -> Iterator[None]:
    """A context for work of this size; compiled kernels, whose loading takes time, only for a long training.

    Args:
        model: what is trained or run.
        batch_size: rows of a step; 32 when None.
        training_steps: of the training; 0 for none.
        may_end: whether something may end it before the last step.
    """
    size = largest_product(model, batch_size)  # threads come second, to know the library of compiled kernels too
    with kernels.suited_kernels(training_steps, model.count_params(), may_end), suited_threads(size):
        yield


def ends_early(callbacks: CallbackList) -> bool:
    """Whether one of the callbacks may end a training before its last step: one that does more than to watch."""
    return not all(callback.watches for callback in callbacks.callbacks)


def largest_product(model: Trainable, batch_size: int | None) -> int:
    """Multiply-adds of the largest matrix product of a step: it decides how many threads pay.

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
