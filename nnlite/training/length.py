"""How long a training is: what schedules over its progress are told when it begins."""

from collections.abc import Iterator
from typing import Any

from nnlite.layers.base.call import inner_layers
from nnlite.optimizers import Optimizer
from nnlite.schedules import LearningRateSchedule
from nnlite.training.trainable import Trainable


def bind_schedules(model: Trainable, optimizer: Optimizer, epochs: range, steps: int | None) -> None:
    """Tell the schedules of the optimizer, and of the layers inside and inside these, when training began and ends.

    Args:
        epochs: that are run; those before its start count as done, as far as the optimizer has done them.
        steps: of an epoch; None where it is not known beforehand.
    """
    total = None if steps is None else epochs.stop * steps
    first = 0 if steps is None else max(optimizer.iterations - epochs.start * steps, 0)
    for schedule in (*optimizer.schedules, *_schedules_inside(model)):
        schedule.bind(total, first)


def _schedules_inside(layer: Any) -> Iterator[LearningRateSchedule]:
    yield from layer.schedules
    for inner in inner_layers(layer):
        yield from _schedules_inside(inner)
