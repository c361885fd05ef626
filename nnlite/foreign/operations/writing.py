"""Function calls of a graph in Keras's JSON."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.foreign.keras_specs import signatures
from nnlite.foreign.operations.plain_values import FUNCTIONS, plain_form

__all__ = ["operation_config", "operation_node"]

OTHER_NAMES = {"getitem": "get_item", "abs": "absolute"}


def _known(layer: Any, location: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Keras's class for the function of a layer, what is known of it, and the layer's arguments by Keras's names."""
    name = OTHER_NAMES.get(layer.function, layer.function)
    known_functions = {one["function"]: (kind, one) for kind, one in signatures()["operations"].items()}
    if name not in known_functions:
        raise ModelFileError(f"{location}: Keras has no operation {name!r}; save as .safetensors")
    kind, signature = known_functions[name]
    return kind, signature, _by_name(layer, signature, location)


def _by_name(layer: Any, signature: dict[str, Any], location: str) -> dict[str, Any]:
    """The arguments of a layer by Keras's names; those by position are in the same order here and there."""
    order, values = list(signature["order"]), {}
    positional = list(layer.arguments or [{"input": 0}])
    for number, name in enumerate(order):
        if f"*{name}" in signature["call"]:
            values[name] = positional[number:]
            positional = positional[:number]
        elif number < len(positional):
            values[name] = positional[number]
    parameters = list(inspect.signature(FUNCTIONS[layer.function]).parameters)
    for key, value in layer.options.items():
        known_here = key in parameters and parameters.index(key) < len(order)
        name = key if key in order else order[parameters.index(key)] if known_here else None
        if name is None or (name not in signature["arguments"] and name not in signature["call"]):
            raise ModelFileError(f"{location}: {layer.function} of Keras has no argument {key!r}; save as .safetensors")
        values[name] = value
    return values


def operation_config(layer: Any, location: str) -> dict[str, Any]:
    """The JSON from which Keras rebuilds the operation.

    Raises:
        ModelFileError: a function that is not an operation of Keras, or an argument that Keras lacks.
    """
    kind, signature, values = _known(layer, location)
    config = {name: _plain(values[name], location) for name in signature["arguments"] if name in values}
    return {
        "module": signature["module"],
        "class_name": kind,
        "config": {"name": layer.name, **config},
        "registered_name": kind,
    }


def operation_node(layer: Any, value: Callable[[int], Any], location: str) -> dict[str, Any]:
    """The arguments of the call: `value` gives the JSON of an input by its number."""
    _, signature, values = _known(layer, location)
    parameters = inspect.signature(FUNCTIONS[layer.function]).parameters
    arguments: list[Any] = []
    for name in signature["call"]:
        if name.startswith("*"):
            arguments += [_called(item, value, location) for item in values.get(name[1:], [])]
        elif name in values:
            arguments.append(_called(values[name], value, location))
        elif name in parameters:  # those behind it keep their places
            arguments.append(parameters[name].default)
    return {"args": arguments, "kwargs": {}}


def _called(item: Any, value: Callable[[int], Any], location: str) -> Any:
    if isinstance(item, dict) and "input" in item:
        return value(item["input"])
    if isinstance(item, dict) and "tuple" in item:
        return [_called(part, value, location) for part in item["tuple"]]
    if isinstance(item, list):
        return [_called(part, value, location) for part in item]
    return _plain(item, location)


def _plain(item: Any, location: str) -> Any:
    """A constant among the arguments of a layer in Keras's JSON."""
    if isinstance(item, (list, tuple)):
        return [_plain(part, location) for part in item]
    if not isinstance(item, dict):
        return item
    if "tuple" in item:
        return [_plain(part, location) for part in item["tuple"]]
    if "slice" in item:
        return plain_form(slice(*item["slice"]))
    if "ellipsis" in item:
        return plain_form(...)
    if "array" in item:
        return plain_form(np.array(item["array"], item["dtype"]))
    raise ModelFileError(f"{location}: a value of the graph where Keras expects a constant; save as .safetensors")
