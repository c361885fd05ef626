"""clone_model and model_from_json: models with the same layers and new weights."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from nnlite.errors import ConfigError, shown
from nnlite.layers import Input, Layer
from nnlite.layers.base.contract.structure import arranged_as
from nnlite.layers.composite.operation import Operation
from nnlite.models.base import BaseModel
from nnlite.models.copying.own_parts import free_layers, freed_layers
from nnlite.models.copying.surface import compile_arguments
from nnlite.models.drawn.again import applied, drawn_again
from nnlite.models.drawn.drawing import listed
from nnlite.models.drawn.ends import ends_in_structure
from nnlite.models.functional import Model
from nnlite.models.header import InputShape
from nnlite.models.sequential import Sequential
from nnlite.random import fresh_seed
from nnlite.registry.field_types import read
from nnlite.registry.modules import given_arguments
from nnlite.registry.names import custom_object_scope

__all__ = ["clone_model", "model_from_json"]


def clone_model(
    model: BaseModel,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> BaseModel:
    """A model with the same layers and connections, newly initialized; compiled with the same arguments if it was.

    Args:
        model: a `Sequential`, a graph, or an instance of a subclass; a layer is copied as `clone_function` does it.
        input_tensors: an `Input`, or what a layer gave, on which the new model begins; a list or dict for several.
        clone_function: makes the new layer of an old one; by default one of the same config.
        call_function: applies the new layers of a graph, `call_function(layer, inputs, **options)`.
        recursive: whether `clone_function` gets the layers of models inside rather than these models; without effect
            if it is None.

    Raises:
        ConfigError: no model, a function for a class that writes `call`, or a `call_function` for a `Sequential`.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(3)], seed=0)
    >>> clone = clone_model(model)
    >>> clone.count_params(), bool((clone.layers[0].kernel.value == model.layers[0].kernel.value).any())
    (9, False)
    """
    if isinstance(model, Layer) and not isinstance(model, BaseModel):
        return (clone_function or _same)(model)
    if not isinstance(model, BaseModel):
        raise ConfigError(f"clone_model needs a model, got {type(model).__name__}")
    copy = None if clone_function is None else _copying(clone_function, recursive)
    changed = copy is not None or call_function is not None or input_tensors is not None
    if changed and (model._traced or not model._layers_inside()):
        raise ConfigError(f"{model.label} writes call: it has no graph whose layers could be replaced")
    if not isinstance(model, Sequential) and (call_function is not None or input_tensors is not None):
        graph: Any = model
        return _compiled_like(model, _redrawn(graph, input_tensors, copy or _same, call_function or applied))
    if call_function is not None:
        raise ConfigError(f"{model.label} is a chain of layers", ("call_function",))
    twin = _made_again(model, copy, input_tensors)
    if model.built and not changed:
        free_layers(twin, freed_layers(model).get("trainable"))
    return _compiled_like(model, twin)


def _compiled_like(model: BaseModel, twin: BaseModel) -> BaseModel:
    """`twin`, compiled as `model` is."""
    if model.compiled and type(model).get_compile_config is BaseModel.get_compile_config:
        twin.compile(**compile_arguments(model))
    elif model.compiled:
        twin.compile_from_config(model.get_compile_config())
    return twin


def _copying(clone_function: Callable[[Layer], Layer], recursive: bool) -> Callable[[Layer], Layer]:
    """`clone_function`, which is asked for layers alone: ops are copied, and models inside with `recursive`."""

    def copy(layer: Layer) -> Layer:
        if isinstance(layer, Operation):
            return _same(layer)
        if recursive and isinstance(layer, BaseModel):
            return clone_model(layer, clone_function=clone_function, recursive=True)
        return clone_function(layer)

    return copy


def _same(layer: Layer) -> Layer:
    twin: Any = Layer.get(layer.to_spec())
    if layer._data_arguments or layer._data_keys or layer._data_form is not None:
        twin._data_arguments, twin._data_keys, twin.takes_several = layer._data_arguments, layer._data_keys, True
        twin._data_form = layer._data_form
    return twin


def _made_again(model: BaseModel, copy: Callable[[Layer], Layer] | None, input_tensor: Any) -> BaseModel:
    """The model made of its config, with copies of its layers where there is a function for them."""
    config: dict[str, Any] = given_arguments(model)
    if "name" in config:
        config["name"] = model.name
    taken = inspect.signature(type(model).__init__).parameters.values()
    if any(one.name == "seed" or one.kind is inspect.Parameter.VAR_KEYWORD for one in taken):
        config["seed"] = fresh_seed()
    if copy is not None or input_tensor is not None:
        inside = model._layers_inside()
        first = config["layers"][: len(config["layers"]) - len(inside)]  # an `Input`
        if input_tensor is not None:
            symbol, *further = listed(input_tensor, "inputs")
            if further:
                raise ConfigError(f"{model.label} has one input, got {1 + len(further)}", ("input_tensors",))
            first = [symbol.layer if isinstance(symbol.layer, Input) else Input(batch_shape=symbol.shape)]
        config["layers"] = [*first, *map(copy or _same, inside)]
    twin = type(model).from_config(config)
    if model.built and not twin.built:
        for attribute in ("_data_keys", "_data_form", "_data_arguments", "takes_several", "_kind_of_data"):
            setattr(twin, attribute, getattr(model, attribute))
        twin._ensure_built(model.input_shape)
    return twin


def _redrawn(model: Model, inputs: Any, copy: Callable[[Layer], Layer], call: Callable[..., Any]) -> Model:
    """The graph of a model drawn again on these inputs, or on inputs like its own."""
    same = [_same(layer) for layer in model._input_layers] if inputs is None else []
    first = inputs if same == [] else ends_in_structure(same, model._input_structure, model._lists_inputs)
    begin = listed(first, "inputs")
    if len(begin) != len(model.inputs):
        raise ConfigError(f"{model.label} has {len(model.inputs)} inputs, got {len(begin)}", ("input_tensors",))
    ends: list[Any] = drawn_again(model._drawing, begin, copy, call)
    outputs = ends if model._structure is None else arranged_as(model._structure, ends)
    single = model._structure is None and not model._lists_outputs and len(ends) == 1
    told: dict[str, Any] = {"name": model.name, "trainable": model.trainable, "dtype": model._given_dtype}
    return Model(first, ends[0] if single else outputs, **told)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> BaseModel:
    """The model described by `model.to_json()`, newly initialized.

    Args:
        json_string: what it returned.
        custom_objects: classes and functions by the names in it, see `custom_object_scope`.

    Raises:
        ConfigError: text that is not JSON of a model.
    """
    try:
        spec = json.loads(json_string)
    except ValueError as error:
        raise ConfigError(f"this is not the JSON of a model: {error}") from None
    if not isinstance(spec, dict):
        raise ConfigError(f"this is not the JSON of a model: expected an object, got {shown(spec)}")
    with custom_object_scope(custom_objects):
        return _described(spec)


def _described(spec: dict[str, Any]) -> BaseModel:
    """The model that Keras's form describes, built and compiled as it says."""
    model: Any = Layer.get(spec)
    if not isinstance(model, Model):
        raise ConfigError(f"this describes a {type(model).__name__}, which is a layer, not a model")
    if not model.built and (shape := _stated_shape(spec)):
        model._ensure_built(shape)
    if spec.get("compile_config"):
        model.compile_from_config(spec["compile_config"])
    return model


def _stated_shape(spec: dict[str, Any]) -> tuple | None:
    """The shape of the inputs that the model was built for; None if it was not."""
    try:
        build = read(spec.get("build_config"), dict[str, Any] | None) or {}
        return read(build.get("input_shape"), InputShape | None)
    except ConfigError as error:
        raise error.within("model_from_json", "build_config") from None
