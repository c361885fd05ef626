"""Further attributes of Keras's models: config as JSON, names of metrics, arguments of `compile`."""

import json
from typing import TYPE_CHECKING, Any

from nnlite.errors import ConfigError, NotReadyError
from nnlite.layers import Layer
from nnlite.layers.base.contract.keras_config import common_config, numbered_specs
from nnlite.registry.modules import given_arguments, keras_form

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = [
    "chain_config",
    "compile_from_config",
    "get_compile_config",
    "metrics_names",
    "refuse_layers",
    "reset_metrics",
    "to_json",
]


class LayersAssignedError(ConfigError, AttributeError):
    """`model.layers` was assigned."""


def refuse_layers(self: "BaseModel", name: str, value: Any) -> None:
    """Set an attribute, except `layers` after the model has been initialized."""
    if name == "layers" and "built" in vars(self):  # the constructor has run
        raise LayersAssignedError(
            f"{self.label}: layers cannot be assigned; use add and pop, make a new model of them, or give the "
            "attribute another name"
        )
    Layer.__setattr__(self, name, value)


def to_json(self: "BaseModel", **options: Any) -> str:
    """The layers and their connections, without weights, as JSON; `models.model_from_json` reads it.

    Args:
        options: for `json.dumps`, such as `indent`.

    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> Sequential([Dense(1)], seed=0).to_json()[:28]
    '{"class_name": "Sequential",'
    """
    shape = {"input_shape": self.input_shape} if self.built else None
    spec = {"class_name": type(self).__name__, "config": given_arguments(self), "build_config": shape}
    return json.dumps(spec, **options)


def chain_config(model: Any, described: dict[str, Any]) -> dict[str, Any]:
    """The config of a chain in Keras's form; `described`, the form for files, if a layer occurs several times."""
    if numbered_specs(described["layers"]):
        return described
    layers = [keras_form(layer) for layer in model.layers]
    if model._given_shape:
        first = {"batch_shape": list(model._given_shape), "dtype": model.dtype, "name": "input_layer"}
        layers.insert(
            0, {"module": "keras.layers", "class_name": "InputLayer", "config": first, "registered_name": None}
        )
    built = {"build_input_shape": list(model.input_shape)} if model.built else {}
    name = model._given_name or model._name_stem  # not one with a number, which a loaded model would not share
    return {**common_config(model, name), "layers": layers, **built, "seed": model.seed}


def reset_metrics(self: "BaseModel") -> None:
    """Reset all metrics."""
    for metric in self.metrics:
        metric.reset_state()


@property
def metrics_names(self: "BaseModel") -> list[str]:
    """The names of `metrics`: the loss, and `compile_metrics` for all metrics of `compile`."""
    return [str(metric.name) for metric in self.metrics]


def get_compile_config(self: "BaseModel") -> dict[str, Any]:
    """The arguments of `compile` as plain values, which `compile_from_config` takes; empty before `compile`."""
    return self.trainer.config() if self.compiled else {}


def compile_from_config(self: "BaseModel", config: dict[str, Any]) -> None:
    """`compile` with the arguments that `get_compile_config` returned."""
    if not config:
        raise NotReadyError("there is nothing to compile with: the config is empty")
    self.compile(**config)
