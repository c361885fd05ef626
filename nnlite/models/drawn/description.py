"""The config of a model: its graph, or the arguments of a subclass."""

import inspect
from collections.abc import Mapping
from typing import Any

from nnlite.config import floatx
from nnlite.errors import ModelFileError
from nnlite.foreign.keras_graphs import graph_config
from nnlite.foreign.keras_models import graph_ends
from nnlite.layers import Layer
from nnlite.layers.base.contract.keras_config import common_config, is_for_files, numbered_specs, numbering_shared
from nnlite.models.copying.surface import given_seed
from nnlite.models.drawn.drawing import redrawn
from nnlite.registry.configurable import constructor_parameters
from nnlite.registry.modules import keras_form

__all__ = [
    "arguments_of",
    "build_config_of",
    "config_of",
    "config_of_class",
    "described",
    "drawn_from",
    "is_described_by_graph",
    "names_of_outputs",
]


def names_of_outputs(model: Any) -> list[str]:
    """The keys of a dict of outputs, or the names of the layers that give them, numbered where one gives several."""
    if isinstance(model._structure, dict) and len(model._structure) == len(model.outputs):
        return list(model._structure)
    pairs = [(str(symbol.layer.name), symbol.index) for symbol in model.outputs]
    numbered = {name for name, index in pairs if any(name == other and index != number for other, number in pairs)}
    return [f"{name}_{index}" if name in numbered else name for name, index in pairs]


def is_described_by_graph(model: Any) -> bool:
    """Whether the class builds the model from inputs and outputs, rather than from its own arguments."""
    if model._drawing is None:
        return False
    names = inspect.signature(type(model).__init__).parameters
    kinds = [parameter.kind for parameter in names.values()]
    takes_any = inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds
    return takes_any or ("inputs" in names and "outputs" in names)


def described(model: Any) -> dict[str, Any]:
    """The layers of a graph, and their connections: values are numbered, inputs first."""
    return numbering_shared(lambda: _graph_of(model))


def _graph_of(model: Any) -> dict[str, Any]:
    numbers = {id(layer): index for index, layer in enumerate(model._layers_inside())}
    forms = {
        "structure": [0] if model._lists_outputs and len(model.outputs) == 1 else model._structure,
        "input_structure": [0] if model._lists_inputs and len(model.inputs) == 1 else model._input_structure,
    }
    return {
        "inputs": [layer.to_spec() for layer in model._input_layers],
        "layers": [layer.to_spec() for layer in model._layers_inside()],
        "nodes": [
            [numbers[id(layer)], list(taken), *_settings(layer, *told)] for layer, taken, *told in model._drawing.uses()
        ],
        "outputs": list(model._drawing.ends()),
        **{name: form for name, form in forms.items() if form is not None},
        **{name: vars(model)[name] for name in ("seed", "name", "trainable", "dtype")},
    }


def config_of(model: Any) -> dict[str, Any]:
    """The config of a graph in Keras's form, or in that of files if Keras's is not sufficient.

    So it is where a call is told a mask, where a layer is also inside another one, and for functions
    that are not operations of Keras.
    """
    config = described(model)
    by_calls = all(use[3] is None for use in model._drawing.uses()) and not numbered_specs(config)
    if is_for_files() or not by_calls:
        return config
    try:
        graph = graph_config(model, lambda layer, location: keras_form(layer), "config")
    except ModelFileError:
        return config
    name = model._given_name or model._name_stem  # not one with a number, which a loaded model would not share
    policy = model.dtype_policy.name
    dtype = {} if policy == floatx() else {"dtype": policy}
    return {**graph, "name": name, **given_seed(model), **dtype}


def config_of_class(model: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The config of a model whose class has arguments of its own: outside of files, what all have as Keras has it."""
    if is_for_files():
        return config
    told = {name: value for name, value in config.items() if name not in ("name", "trainable", "dtype", "seed")}
    return {**common_config(model, str(model.name)), **given_seed(model), **told}


def build_config_of(model: Any) -> dict[str, Any] | None:
    """Argument of `build_from_config`: nothing for a graph, which is built when it is drawn."""
    return Layer.get_build_config(model) if model._drawing is None else {"input_shape": None}


def drawn_from(cls: Any, config: Mapping[str, Any]) -> Any:
    """The model for such a config, in either form."""
    if "input_layers" not in config:
        inputs, outputs = redrawn(config)
    else:
        inputs, outputs, _ = graph_ends(config, {}, "config")
    options = {name: config[name] for name in ("seed", "name", "trainable", "dtype") if config.get(name) is not None}
    return cls(inputs, outputs, **options)


def arguments_of(model: Any) -> dict[str, Any]:
    """The arguments of a subclass: its attributes of these names, or the arguments of its constructor."""
    values: dict[str, Any] = vars(model).get("_given", {}) | vars(model)
    names = [name for name in constructor_parameters(type(model)) if name not in ("inputs", "outputs")]
    return {name: values[name] for name in names if name in values}


def _settings(layer: Any, training: bool | None, mask: int | None, options: Any) -> list[dict[str, Any]]:
    """Settings of a use beside its inputs, as the last part of its node."""
    names = {"arguments": list(layer._data_arguments), "keys": list(layer._data_keys), "form": layer._data_form}
    told = {name: value for name, value in {**names, "options": options}.items() if value}
    return [] if training is None and mask is None and not told else [{"training": training, "mask": mask, **told}]
