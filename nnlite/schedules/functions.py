"""Keras's functions of this module: a schedule from what describes it, and back."""

from typing import Any

from nnlite.schedules.base import LearningRateSchedule

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> LearningRateSchedule | None:
    """The schedule that a config, of Keras's form too, or an instance stands for; None for None.

    >>> get({"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 100}})
    CosineDecay(initial_learning_rate=0.1, decay_steps=100.0)
    """
    return None if identifier is None else LearningRateSchedule.get(identifier)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """`{class name: {argument: value}}`, which `deserialize` reads."""
    return learning_rate_schedule.to_spec()


def deserialize(config: Any) -> LearningRateSchedule | None:
    """The schedule of such a dict, or of Keras's `{"class_name": ..., "config": ...}`."""
    return get(config)
