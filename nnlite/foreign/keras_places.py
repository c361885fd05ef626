"""Paths of parameters in a Keras HDF5 file: `layers/dense_1/vars/0`."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from nnlite.errors import ModelFileError
from nnlite.foreign.keras_graphs import is_graph, is_model
from nnlite.layers import Layer
from nnlite.layers.base.call import inner_layers
from nnlite.parameters import Parameter

__all__ = [
    "CLASS_NAMES",
    "Order",
    "groups_of",
    "keras_class",
    "layer_folders",
    "parameter_places",
]

# The layers of a model in the order in which Keras numbers them.
Order = Callable[[Any], Sequence[Layer]]
OF_ATTENTION = {"MultiHeadAttention": "{}_dense", "GroupQueryAttention": "_{}_dense"}
CONTAINERS = (list, tuple, dict)
CLASS_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}


def keras_class(layer: Layer) -> str:
    """Keras's name for the class of a layer."""
    return CLASS_NAMES.get(type(layer).__name__, type(layer).__name__)


def _snake_case(name: str) -> str:
    """`PReLU` as `p_re_lu`: the rule for paths, which differs from that for names of layers."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _folders(layers: Sequence[Any], prefix: str) -> list[str]:
    """The folder of each of several layers, or lists: the name of its class, numbered from the second on."""
    used: Counter[str] = Counter()
    folders = []
    for layer in layers:
        name = "container" if isinstance(layer, CONTAINERS) else _snake_case(keras_class(layer))
        folders.append(f"{prefix}{name}_{used[name]}" if used[name] else f"{prefix}{name}")
        used[name] += 1
    return folders


def parameter_places(
    layer: Layer, order: Order, folder: str = "", merged: bool = True
) -> Iterator[tuple[str, Parameter]]:
    """Path and parameter of all variables of a layer or model.

    Args:
        layer: built.
        order: the layers of a model as Keras orders them.
        folder: what the paths begin with.
        merged: whether a kernel is given with its adapter added, as in all files but `.h5` files of whole models.

    Raises:
        ModelFileError: a layer of layers that Keras does not have.
    """
    kind = type(layer).__name__
    if kind in OF_ATTENTION:
        for parameter in layer.parameters:  # `query_kernel` and `query_bias` are variables of one dense layer
            part, _, role = parameter.name.rpartition("_")
            yield f"{folder}{OF_ATTENTION[kind].format(part)}/vars/{int(role == 'bias')}", parameter
        return
    if kind in ("LSTM", "GRU", "SimpleRNN") or kind.startswith("ConvLSTM"):
        yield from _numbered(f"{folder}cell/", layer.weights)
        return
    if layer._adapts is not None:
        yield from _numbered(folder, cast(Any, layer).saved_weights() if merged else layer.parameters)
        return
    inside = list(_parts(layer, order))
    rest, own_first = _beside(layer, inside), not layer.__module__.startswith("nnlite.")
    yield from _numbered(folder, rest if own_first else ())  # the order of the optimizer's variables
    for part, name in inside:
        yield from parameter_places(part, order, f"{folder}{name}/", merged)
    yield from _numbered(folder, () if own_first else rest)


def _beside(layer: Layer, inside: Sequence[tuple[Layer, str]]) -> list[Parameter]:
    """The variables of a layer itself, beside those of the layers inside."""
    known = {id(parameter) for part, _ in inside for parameter in part.parameters}
    if known.issuperset(map(id, layer.parameters)):  # `weights` would ask all layers inside again, at each depth
        return []
    if type(layer).__name__ == "Normalization" and layer.get_config()["mean"] is not None:
        return []  # its moments are arguments
    return [parameter for parameter in layer.weights if id(parameter) not in known]


def groups_of(layer: Layer, order: Order, folder: str = "") -> Iterator[tuple[str, str]]:
    """The group of variables of each layer, also of layers without any, and the layer's name."""
    yield f"{folder}vars", str(layer.name)
    if is_model(layer):
        for part, name in _parts(layer, order):
            yield from groups_of(part, order, f"{folder}{name}/")


def layer_folders(layer: Layer, order: Order, folder: str = "") -> Iterator[tuple[str, Layer]]:
    """The folder of a layer and of those inside models and users' layers, and the layer."""
    yield folder, layer
    if is_model(layer) or not type(layer).__module__.startswith("nnlite."):
        for part, name in _parts(layer, order):
            yield from layer_folders(part, order, f"{folder}{name}/")


def _numbered(folder: str, parameters: Sequence[Parameter]) -> Iterator[tuple[str, Parameter]]:
    """Variables that are trained come first, as in Keras."""
    ordered = sorted(parameters, key=lambda parameter: parameter.is_state)
    for number, parameter in enumerate(ordered):
        yield f"{folder}vars/{number}", parameter


def _parts(layer: Layer, order: Order) -> Iterator[tuple[Layer, str]]:
    """The layers inside another one, and their names in Keras."""
    kind = type(layer).__name__
    inside = _inside(layer, order)
    if not inside:
        return
    if is_model(layer) or kind in ("StackedRNNCells", "Pipeline"):
        yield from zip(inside, _folders(inside, "cells/" if kind == "StackedRNNCells" else "layers/"), strict=True)
        return
    names = {
        "Bidirectional": ["forward_layer", "backward_layer"],
        "TimeDistributed": ["layer"],
        "SpectralNormalization": ["layer"],
        "Wrapper": ["layer"],
        "RNN": ["cell"],
    }
    if kind not in names and type(layer).__module__.startswith("nnlite."):
        raise ModelFileError(f"{layer.label} has layers inside and no counterpart in Keras: save as .safetensors")
    if kind in names:
        yield from zip(inside, names[kind], strict=True)
        return
    paths = _paths_by_attribute(layer, order)
    yield from ((part, paths[id(part)]) for part in inside)


def _inside(layer: Layer, order: Order) -> list[Layer]:
    """The layers inside another one in the order of Keras's variables: those of a chain or graph before others."""
    if is_model(layer) or not _lists_layers(layer):
        return list(order(layer)) if is_model(layer) else inner_layers(layer)
    listed = {id(part): part for part in [*order(layer), *inner_layers(layer)]}
    return list(listed.values())


def _lists_layers(layer: Layer) -> bool:
    """Whether it is a chain or a graph, rather than a class that writes `call`."""
    return layer._builds_itself and (is_graph(layer) or "layers" in vars(layer))


def _paths_by_attribute(layer: Layer, order: Order) -> dict[int, str]:
    """By `id` of each layer inside a user's layer or model its path, as Keras walks the attributes.

    They go by name, private ones last, and each layer counts where it is met first. `layers` of a model is among them;
    in a chain and a graph it is the first. Items of lists and dicts have the names of their classes, numbered.
    """
    paths: dict[int, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, Layer):
            paths.setdefault(id(value), path)
        elif isinstance(value, CONTAINERS):
            items = value.values() if isinstance(value, dict) else value
            items = [item for item in items if isinstance(item, (Layer, *CONTAINERS))]
            for item, name in zip(items, _folders(items, f"{path}/"), strict=True):
                walk(item, name)

    attributes = vars(layer) | ({"layers": order(layer)} if layer._builds_itself else {})
    begin = "layers" if _lists_layers(layer) else ""
    for name in sorted(attributes, key=lambda name: (name != begin, name.startswith("_"), name)):
        walk(attributes[name], name)
    return paths
