"""Keras's functions of this module: an optimizer from what describes it, and back."""

from typing import Any

from nnlite.optimizers.base import Optimizer

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Optimizer | None:
    """The optimizer that a name, a class, a config, of Keras's form too, or an instance stands for; None for None.

    >>> get("adam"), get({"class_name": "SGD", "config": {"momentum": 0.9}})
    (Adam(), SGD(momentum=0.9))
    """
    return None if identifier is None else Optimizer.get(identifier)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """`{class name: {argument: value}}`, which `deserialize` reads."""
    return optimizer.to_spec()


def deserialize(config: Any) -> Optimizer | None:
    """The optimizer of such a dict, or of Keras's `{"class_name": ..., "config": ...}`."""
    return get(config)
