"""Further attributes of Keras's models: config as JSON, names of metrics, arguments of `compile`."""

import json
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nnlite.errors import ConfigError, NotReadyError
from nnlite.foreign.keras_graphs import FUNCTIONAL, is_model
from nnlite.layers import Layer
from nnlite.layers.base.contract.arguments import in_form
from nnlite.layers.base.contract.keras_config import common_config, numbered_specs
from nnlite.layers.base.contract.structure import replaced
from nnlite.layers.base.serialization import layer_form
from nnlite.layers.core.input import Input
from nnlite.registry.functions import custom_function, form_of_function, is_function_form
from nnlite.registry.modules import FORMS, keras_form, object_form

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = [
    "ListedAnew",
    "chain_config",
    "compile_arguments",
    "compile_from_config",
    "first_input",
    "first_symbols",
    "get_compile_config",
    "given_seed",
    "metrics_names",
    "need_built",
    "refuse_layers",
    "to_json",
]


class LayersAssignedError(ConfigError, AttributeError):
    """`model.layers` was assigned."""


class NotBuiltError(NotReadyError, AttributeError):
    """A model that is not built has no weights, and no symbols of its inputs and outputs."""


def need_built(self: "BaseModel") -> None:
    """`NotBuiltError` unless the model is built."""
    if not self.built:
        raise NotBuiltError("the model has no weights before it is built: add an Input, or call build(shape)")


class ListedAnew:
    """The attribute `layers` of a chain: each time another list, by which nothing is changed."""

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None:
            return self
        layers = vars(model)["layers"]
        return [*layers] if isinstance(layers, list) else layers  # which the constructor has yet to read

    def __set__(self, model: Any, layers: Any) -> None:
        vars(model)["layers"] = layers


def refuse_layers(self: "BaseModel", name: str, value: Any) -> None:
    """Set an attribute, except `layers` after the model has been initialized."""
    if name == "layers" and "built" in vars(self):  # the constructor has run
        raise LayersAssignedError(
            f"{self.label}: layers cannot be assigned; use add and pop, make a new model of them, or give the "
            "attribute another name"
        )
    Layer.__setattr__(self, name, value)
    if name == "trainable" and "parameters" in vars(self):
        for layer in self.layers:  # inputs too
            layer.trainable = value


def model_form(layer: Any) -> dict[str, Any]:
    """Keras's form of a layer, and of a model with the arguments of `compile`."""
    if isinstance(layer, Input):
        return object_form(layer)
    document = layer_form(layer)
    if is_model(layer):
        document |= {"module": "keras"} if type(layer).__name__ == "Sequential" else FUNCTIONAL
    return document | {"compile_config": layer.get_compile_config()} if layer._builds_itself else document


FORMS["layer"] = model_form


def to_json(self: "BaseModel", **options: Any) -> str:
    """The layers, their connections and the arguments of `compile`, without weights, in Keras's JSON form.

    `models.model_from_json` reads it, here and in Keras.

    Args:
        options: for `json.dumps`, such as `indent`.

    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> Sequential([Dense(1)], seed=0).to_json()[:47]
    '{"module": "keras", "class_name": "Sequential",'
    """
    return json.dumps(keras_form(self), **{"default": form_of_function, **options})


def chain_config(model: Any, described: dict[str, Any]) -> dict[str, Any]:
    """The config of a chain in Keras's form; `described`, the form for files, if a layer occurs several times."""
    if numbered_specs(described["layers"]):
        return described
    layers = [keras_form(layer) for layer in model.layers]
    if (model._given_shape or model.built) and not model.takes_several:
        begin = first_input(model)
        document = keras_form(begin)
        document["config"]["name"] = begin._given_name or begin._name_stem  # as that of the model, see below
        layers.insert(0, document)
    shape = in_form(model, model.input_shape) if model.built else None
    built = {"build_input_shape": shape} if shape else {}
    name = model._given_name or model._name_stem  # not one with a number, which a loaded model would not share
    return {**common_config(model, name), "layers": layers, **built, **given_seed(model)}


def first_input(model: Any) -> Input:
    """The `Input` of a chain: that of the user, or one for the shape that it was built for."""
    if model._begin is None:
        kinds: dict[str, Any] = {"strings": "string", "indices": "int64"}
        shape = model._given_shape or model._free_shapes[0]
        return Input(batch_shape=(model._batch, *shape[1:]), dtype=kinds.get(model.input_kind))
    return model._begin.layer


def first_symbols(model: Any) -> tuple:
    """Symbols for the inputs of a chain that was built for several."""
    return tuple(Input(batch_shape=shape)._symbol for shape in model._free_shapes[0])


def given_seed(model: Any) -> dict[str, int]:
    """The argument `seed`, which Keras lacks, of a model that was given one."""
    return {} if model._draws_seed else {"seed": model.seed}


@property
def metrics_names(self: "BaseModel") -> list[str]:
    """The names of `metrics`: the loss, and `compile_metrics` for all metrics of `compile`."""
    return [str(metric.name) for metric in self.metrics]


def compile_arguments(model: "BaseModel") -> dict[str, Any]:
    """The arguments of `compile` for another model: objects in Keras's form, functions as they are."""
    arguments = {name: value for name, value in model.trainer.given.items() if name != "auto_scale_loss"}
    return keras_form({"optimizer": model.optimizer, **arguments, "jit_compile": model.jit_compile})


def get_compile_config(self: "BaseModel") -> dict[str, Any]:
    """The arguments of `compile` in Keras's form, which `compile_from_config` takes; empty before `compile`."""
    if not self.compiled:
        return {}
    return replaced(
        compile_arguments(self), lambda value: form_of_function(value) if isinstance(value, FunctionType) else value
    )


def compile_from_config(self: "BaseModel", config: dict[str, Any]) -> None:
    """`compile` with the arguments that `get_compile_config` returned."""
    if not config:
        raise NotReadyError("there is nothing to compile with: the config is empty")
    self.compile(**_with_functions(config))
    if self.built and self.optimizer is not None:
        self.optimizer.build(self.trainable_variables)


def _with_functions(config: Any) -> Any:
    """A config with the functions that Keras's forms in it stand for: those of users, or the names of others."""
    if is_function_form(config):
        return custom_function(config["config"]) or config["config"]
    if isinstance(config, dict):
        return {name: _with_functions(item) for name, item in config.items()}
    return [_with_functions(item) for item in config] if isinstance(config, list) else config
