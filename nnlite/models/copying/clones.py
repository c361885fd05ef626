"""clone_model and model_from_json: models of the same layers, with weights of their own."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from nnlite.errors import ConfigError, shown
from nnlite.layers import Layer
from nnlite.models.base import BaseModel
from nnlite.models.functional import Model
from nnlite.models.header import InputShape
from nnlite.models.sequential import Sequential
from nnlite.random import fresh_seed
from nnlite.registry.field_types import read
from nnlite.registry.modules import given_arguments
from nnlite.registry.names import custom_object_scope

__all__ = ["clone_model", "model_from_json"]


def clone_model(model: BaseModel, clone_function: Callable[[Layer], Layer] | None = None) -> BaseModel:
    """A model of the same layers and connections, with first weights of its own, not compiled.

    Args:
        model: a `Sequential`, a graph, or an instance of a subclass.
        clone_function: makes the new layer of an old one; by default one of the same config.

    Raises:
        ConfigError: no model, or a `clone_function` for a class that writes `call`.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(3)], seed=0)
    >>> clone = clone_model(model)
    >>> clone.count_params(), bool((clone.layers[0].kernel.value == model.layers[0].kernel.value).any())
    (9, False)
    """
    if not isinstance(model, BaseModel):
        raise ConfigError(f"clone_model needs a model, got {type(model).__name__}")
    config: dict[str, Any] = given_arguments(model) | {"seed": fresh_seed()}
    if clone_function is not None:
        if not config.get("layers"):
            raise ConfigError(f"{model.label} writes call: clone_function has no layers to replace")
        inside = model._layers_inside()
        place = len(config["layers"]) - len(inside)  # an `Input` comes first
        config["layers"] = [*config["layers"][:place], *map(clone_function, inside)]
    twin = type(model).from_config(config)
    if model.built and not twin.built:
        twin._ensure_built(model.input_shape)
    return twin


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> BaseModel:
    """The model that `model.to_json()` described, with first weights of its own.

    Args:
        json_string: what it returned.
        custom_objects: classes and functions by the names in it, see `custom_object_scope`.

    Raises:
        ConfigError: text that is not JSON of a model.
    """
    try:
        spec = json.loads(json_string)
    except ValueError as error:
        raise ConfigError(f"this is no JSON of a model: {error}") from None
    if not isinstance(spec, dict):
        raise ConfigError(f"this is no JSON of a model: expected an object, got {shown(spec)}")
    with custom_object_scope(custom_objects):
        model: Any = Layer.get(spec)
    if not isinstance(model, (Sequential, Model)):
        raise ConfigError(f"this describes a {type(model).__name__}, which is a layer and no model")
    if not model.built and (shape := _stated_shape(spec)):
        model._ensure_built(shape)
    return model


def _stated_shape(spec: dict[str, Any]) -> tuple | None:
    """The shape of the inputs that the model was built for; None if it was not."""
    try:
        build = read(spec.get("build_config"), dict[str, Any] | None) or {}
        return read(build.get("input_shape"), InputShape | None)
    except ConfigError as error:
        raise error.within("model_from_json", "build_config") from None
