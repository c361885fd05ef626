"""Layers as plain values, as Keras's `layers.serialize` and `saving.serialize_keras_object` write them."""

from typing import Any

from nnlite.layers.base.layer import Layer
from nnlite.registry.modules import of_family

__all__ = ["deserialize", "serialize"]

_, _, deserialize = of_family(Layer)


def serialize(layer: Layer) -> dict[str, Any]:
    """`{"class_name": ..., "config": ...}`, which `deserialize` and `Layer.get` read.

    >>> from nnlite.layers import Dense
    >>> deserialize(serialize(Dense(3)))
    Dense(units=3)
    """
    return {"class_name": type(layer).__name__, "config": layer.get_config()}
