"""Keras's functions of this module: a schedule from its description, and back."""

from nnlite.registry.modules import of_family
from nnlite.schedules.base import LearningRateSchedule

__all__ = ["deserialize", "get", "serialize"]

get, serialize, deserialize = of_family(LearningRateSchedule)
