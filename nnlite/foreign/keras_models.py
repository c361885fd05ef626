"""Whole models in Keras's JSON, and back."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from nnlite.errors import ConfigError, DataError, ModelFileError
from nnlite.foreign.keras_graphs import FUNCTIONAL, OF_HEADS, RECURRENT, graph_config, is_model, keras_order
from nnlite.foreign.keras_specs import config_error, described, name_of_class, plain_value, read_config
from nnlite.foreign.operations import apply_operation, flat, is_operation, is_value, key_of, of_mask, without_masks
from nnlite.layers import Input, Layer
from nnlite.layers.base.contract.structure import leaves_of
from nnlite.layers.composite.operation import Operation
from nnlite.registry.field_types import jsonable
from nnlite.registry.functions import form_of_function

__all__ = ["Orders", "graph_ends", "model_config", "read_model"]

# `id` of a model that was read -> its layers in the order of the file.
Orders = dict[int, Sequence[Layer]]
CELLS = ("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells")
CALL_ARGUMENTS = ("query", "value", "key", "inputs", "sequences", "sequence", "initial_state")


def read_model(document: Any, orders: Orders, location: str = "model") -> Layer:
    """The layer or model described by Keras's JSON; adds its layers to `orders`.

    Raises:
        ModelFileError: a class, an argument or a call that nnlite does not have; the message says where.
    """
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise ModelFileError(f"{location}: expected class_name and config, got {type(document).__name__}")
    kind, config = name_of_class(document), document["config"]
    for model, read in (("Sequential", _sequential), ("Model", _functional)) if "layers" in config else ():
        if _is_made_like(name := "Model" if kind == "Functional" else str(kind), model):
            return read(name, config, orders, location)
    if kind == "InputLayer":
        return _input(config, location)
    inside = {key: value for key, value in config.items() if _is_layer(value)}
    settings = read_config(str(kind), {**config, **dict.fromkeys(inside)}, str(document.get("module")), location)
    settings |= {key: read_model(value, orders, f"{location}.{key}") for key, value in inside.items()}
    try:
        return Layer.get({str(kind): settings})
    except (ConfigError, TypeError) as error:
        raise config_error(location, ConfigError(str(error))) from None


def _is_made_like(kind: Any, model: str) -> bool:
    """Whether a class is `Sequential`, or `Model`, or a user's subclass of it that reads configs in the same way."""
    made, like = (cast(Any, Layer.members().get(one, Layer)) for one in (kind, model))
    return issubclass(made, like) and made.from_config.__func__ is like.from_config.__func__


def _is_layer(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and str(value.get("module")).startswith("keras")
        and ("layers" in str(value["module"]) or value.get("class_name") in ("Sequential", "Functional"))
    )


def _input(config: dict[str, Any], location: str) -> Input:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, (list, tuple)) or not shape:
        raise ModelFileError(f"{location}: an input needs batch_shape, got {shape!r}")
    dtype = plain_value(config.get("dtype"), location)
    known: Any = {} if dtype == "float32" else {"dtype": dtype}
    try:
        return Input(batch_shape=shape, name=config.get("name"), optional=bool(config.get("optional")), **known)
    except ConfigError as error:
        raise config_error(location, error) from None


def _sequential(kind: str, config: dict[str, Any], orders: Orders, location: str) -> Layer:
    documents = config.get("layers")
    if not isinstance(documents, list):
        raise ModelFileError(f"{location}: a Sequential needs layers")
    layers = [read_model(one, orders, f"{location}.layers[{number}]") for number, one in enumerate(documents)]
    shape = config.get("build_input_shape")
    if shape and layers and not isinstance(layers[0], Input):
        layers.insert(0, Input(tuple(shape[1:])))
    told = {key: config[key] for key in ("name", "trainable") if config.get(key) is not None}
    model: Any = Layer.get({kind: {"layers": layers, **told}})
    orders[id(model)] = model.layers
    return model


def _functional(kind: str, config: dict[str, Any], orders: Orders, location: str) -> Layer:
    *ends, layers = graph_ends(config, orders, location)
    told = {key: config[key] for key in ("name", "trainable", "dtype") if config.get(key) is not None}
    model = cast(Any, Layer.members()[kind])(*ends, **told)
    orders[id(model)] = layers
    return model


def graph_ends(config: Mapping[str, Any], orders: Orders, location: str) -> tuple[Any, Any, Sequence[Layer]]:
    """Inputs, outputs and layers of a rebuilt graph: each call is made as soon as its inputs exist.

    Raises:
        ModelFileError: a class, an argument or a call that nnlite does not have, or that is described wrongly.
    """
    documents = without_masks(config["layers"], config.get("output_layers"))
    layers = {
        one["name"]: one if is_operation(one) else read_model(one, orders, f"{location}.{one.get('name')}")
        for one in documents
    }
    values: dict[tuple[str, int, int], Any] = {
        (name, 0, 0): layer for name, layer in layers.items() if isinstance(layer, Input)
    }
    waiting = [(one["name"], number, node) for one in documents for number, node in enumerate(one["inbound_nodes"])]
    waiting = [call for call in waiting if not isinstance(layers[call[0]], Input)]
    while waiting:
        later = [call for call in waiting if not _called(layers, values, call, f"{location}.{call[0]}")]
        if len(later) == len(waiting):
            raise ModelFileError(f"{location}: the call of {later[0][0]!r} takes a value that nothing gives")
        waiting = later
    ends = [_ends(config.get(name), values, f"{location}.{name}") for name in ("input_layers", "output_layers")]
    return ends[0], ends[1], [layer for layer in layers.values() if isinstance(layer, Layer)]


def _ends(listed: Any, values: dict, location: str) -> Any:
    """Inputs or outputs: one `[name, use, part]`, or lists and dicts of these."""
    if isinstance(listed, dict):
        return {key: _ends(item, values, location) for key, item in listed.items()}
    if isinstance(listed, (list, tuple)) and listed and not isinstance(listed[0], str):
        return type(listed)([_ends(item, values, location) for item in listed])
    try:
        return values[tuple(listed)]
    except (KeyError, TypeError):
        raise ModelFileError(f"{location}: no value in the graph is {listed!r}") from None


def _called(layers: dict[str, Layer], values: dict, call: tuple[str, int, Any], location: str) -> bool:
    """Whether what a call takes is there; if so, what it gives is, too."""
    name, number, node = call
    arguments, options = node["args"], node.get("kwargs") or {}
    layer: Any = layers[name]
    of_user = isinstance(layer, Layer) and not type(layer).__module__.startswith("nnlite.")
    taken = [*arguments, *(options[key] for key in options if of_user or key in CALL_ARGUMENTS)]
    taken = [item for item in flat(taken) if not (of_user or isinstance(layer, dict)) or is_value(item)]
    keys = [key_of(item, location) for item in taken]
    if any(key not in values for key in keys):
        return False
    if isinstance(layer, dict):
        output = apply_operation(layer, _placed(arguments, values), _placed(options, values), location)
        return _keep(output, values, name, number)
    if of_user:
        return _keep(layer(*_placed(arguments, values), **_placed(options, values)), values, name, number)
    told = _options(layers, layer, options, location)
    inputs: Any = tuple(values[key] for key in keys)
    if is_model(layer) and arguments:
        inputs = _placed(arguments[0], values)  # nested as the model takes them
    elif type(layer).__name__ in OF_HEADS and len(set(keys)) == 1:
        inputs = inputs[0]  # attention of a sequence to itself
    elif len(inputs) == 1 and not layer.takes_several:
        inputs = inputs[0]
    try:
        output: Any = layer(inputs, **told)
    except (ConfigError, DataError, TypeError) as error:
        raise ModelFileError(f"{location}: {error}") from None
    return _keep(output, values, name, number)


def _options(layers: dict[str, Layer], layer: Layer, options: dict[str, Any], location: str) -> dict[str, Any]:
    """The options of a call beside data."""
    told = {}
    for key, value in options.items():
        if key == "use_causal_mask" and value and "use_causal_mask" in vars(layer):
            vars(layer)["use_causal_mask"] = True
        elif isinstance(value, (int, float, str)) and (value is not False or _at_inference(layer, key, options)):
            told[key] = value
        elif key not in CALL_ARGUMENTS and value is not False and not of_mask(layers, key, value):
            raise ModelFileError(f"{location} is called with {key}, which is not read")
    return told


def _at_inference(layer: Layer, key: str, options: dict[str, Any]) -> bool:
    """Whether a user gave false; with a mask, it is the default that Keras fills in for recurrent layers."""
    return key == "training" and not (type(layer).__name__ in RECURRENT and "mask" in options)


def _keep(output: Any, values: dict, name: str, number: int) -> bool:
    """Note what a call gave; True."""
    parts = leaves_of(output)
    values |= {(name, number, part): value for part, value in enumerate(parts)}
    if number == 0 and isinstance(parts[0].layer, Operation):
        parts[0].layer.name = name
    return True


def _placed(items: Any, values: dict) -> Any:
    """Arguments of a call, with the values of the graph filled in."""
    if isinstance(items, (list, tuple)):
        return type(items)([_placed(item, values) for item in items])
    if is_value(items):
        return values[key_of(items, "a call")]
    return {key: _placed(item, values) for key, item in items.items()} if isinstance(items, dict) else items


def model_config(model: Any, location: str = "model") -> dict[str, Any]:
    """The JSON from which Keras rebuilds the layer or model.

    Raises:
        ModelFileError: a layer or an argument that Keras does not have.
    """
    kind = type(model).__name__
    if isinstance(model, Input):
        return _input_config(model)
    if kind == "Sequential":
        for layer in model.layers:
            _check_alone(layer, location)
        begin = [_input_config(model._begin.layer)] if model._begin is not None else []
        if not begin and model.input_shape and not model.takes_several:
            config = {"batch_shape": list(model.input_shape), "dtype": model.dtype}
            begin = [{"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}]
        layers = [model_config(layer, f"{location}.layers[{number}]") for number, layer in enumerate(model.layers)]
        config = {"name": model.name, "trainable": model.trainable, "layers": [*begin, *layers]}
        return {"module": "keras", "class_name": kind, "config": config, "registered_name": None}
    if kind == "Functional":
        return _graph_config(model, location)
    _check_writable(model, location)
    document = described(model, "layers", location)
    if kind == "Lambda":
        document["config"]["function"] = form_of_function(vars(model)["function"].function)
    if kind == "Normalization" and document["config"]["mean"] is not None:
        document["config"] |= {one.name: one.value.tolist() for one in model.parameters}
    for key, value in document["config"].items():
        part = vars(model).get(key)
        document["config"][key] = model_config(part, f"{location}.{key}") if isinstance(part, Layer) else value
    if kind == "Pipeline":
        parts = enumerate(vars(model)["layers"])
        document["config"]["layers"] = [model_config(part, f"{location}.layers[{number}]") for number, part in parts]
    return document


def _check_writable(layer: Layer, location: str) -> None:
    """`ModelFileError` for what Keras has under the same name, but does otherwise."""
    kind, attributes = type(layer).__name__, vars(layer)
    axis = attributes.get("axis")
    reasons = {
        "Wrapper": "that of Keras does nothing",
        "SpectralNormalization": "Keras keeps the normalized kernel",
        "BatchNormalization": "with renorm it has other variables in Keras" if attributes.get("renorm") else "",
    }
    reason = reasons.get(kind, "")
    if kind == "BatchNormalization" and isinstance(axis, (list, tuple)) and len(axis) > 1:
        reason = "Keras takes one axis"
    if reason:
        raise ModelFileError(f"{location}: {kind} cannot be written for Keras: {reason}; save as .safetensors")


def _check_alone(layer: Layer, location: str) -> None:
    """`ModelFileError` for a layer of a `Sequential` that Keras calls on more than its input."""
    kind = type(layer).__name__
    if kind in OF_HEADS or kind in ("Attention", "AdditiveAttention") or kind in CELLS:
        raise ModelFileError(f"{location}: Keras calls {kind} on several inputs: draw the model with Input and Model")


def _input_config(layer: Input) -> dict[str, Any]:
    kind = {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None}
    return {**kind, "config": jsonable(layer.get_config())}


def _graph_config(model: Any, location: str) -> dict[str, Any]:
    for layer in keras_order(model):
        if type(layer).__name__ in CELLS:
            _check_alone(layer, location)
    return {**FUNCTIONAL, "config": graph_config(model, model_config, location)}
