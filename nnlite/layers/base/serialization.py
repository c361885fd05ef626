"""Layers as plain values, in the form of Keras's `layers.serialize` and `saving.serialize_keras_object`."""

from collections.abc import Mapping
from typing import Any

from nnlite.layers.base.layer import Layer
from nnlite.registry.modules import FORMS, keras_form, object_form, of_family

__all__ = ["deserialize", "layer_form", "serialize"]

_, _, read = of_family(Layer)


def serialize(layer: Layer) -> dict[str, Any]:
    """`{module, class_name, config, registered_name}`, which `deserialize` and `Layer.get` read.

    A layer that is built says in `build_config` for which shape.

    >>> from nnlite.layers import Dense
    >>> deserialize(serialize(Dense(3, name="dense")))
    Dense(units=3, name='dense', dtype='float32')
    """
    return keras_form(layer)


def layer_form(layer: Layer) -> dict[str, Any]:
    """Keras's form of a layer other than a model."""
    document = object_form(layer)
    shape = layer.get_build_config()
    return document if shape is None else document | {"build_config": shape}


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Layer | None:
    """The layer for such a dict, built if the dict has its shape.

    Args:
        config: as `serialize` made it, or `{class name: {argument: value}}`.
        custom_objects: classes and functions by the names in it.

    Raises:
        ConfigError: no such class, or an argument that it does not take.
    """
    layer = read(config, custom_objects)
    if layer is not None and isinstance(config, Mapping):
        layer.build_from_config(config.get("build_config"))
    return layer


FORMS["layer"] = layer_form
