"""The graph of a `Model` in Keras's representation: uses of layers by name, in Keras's order, and its config."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from nnlite.foreign.operations import operation_config, operation_node
from nnlite.layers import Layer
from nnlite.layers.base.contract.arguments import in_form
from nnlite.layers.base.contract.structure import arranged_as
from nnlite.layers.base.shapes import shapes_in
from nnlite.layers.composite.operation import Operation

__all__ = ["FUNCTIONAL", "Use", "graph_config", "is_graph", "is_model", "keras_order", "uses_of"]

# How Keras names the class of a graph.
FUNCTIONAL = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
OF_HEADS = ("MultiHeadAttention", "GroupQueryAttention")
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


def is_model(layer: Layer) -> bool:
    """Whether it is a chain or a graph of layers, whose classes are defined above this room."""
    return type(layer).__name__ in ("Sequential", "Model", "Functional")


class Use(NamedTuple):
    """One use of a layer in a graph.

    Attributes:
        layer: the layer.
        index: which of its uses.
        taken: the values it takes: the use that gave each, and which of its outputs.
        options: what its `call` is given beside data.
        training: whether the layer is used as in training; None: as the model is.
    """

    layer: Layer
    index: int
    taken: "list[tuple[Use, int]]"
    options: Mapping[str, Any] | None = None
    training: bool | None = None


def is_graph(model: Any) -> bool:
    """Whether a model was made by calling layers on inputs."""
    return vars(model).get("_drawing") is not None


def uses_of(model: Any) -> tuple[list[Use], list[Use], list[tuple[Use, int]]]:
    """The inputs as uses, the uses in the order of computation, and the values that are outputs."""
    inputs = [Use(layer, 0, []) for layer in model._input_layers]
    values: list[tuple[Use, int]] = [(use, 0) for use in inputs]
    uses: list[Use] = []
    counts: Counter[int] = Counter()  # of the calls of each layer so far, by `id`
    for layer, numbers, training, _, options in model._drawing.uses():
        uses.append(Use(layer, counts[id(layer)], [values[number] for number in numbers], options, training))
        counts[id(layer)] += 1
        values += [(uses[-1], part) for part in range(len(shapes_in(layer.output_shape)))]
    return inputs, uses, [values[number] for number in model._drawing.ends()]


def keras_order(model: Any) -> Sequence[Layer]:
    """The layers of a model in Keras's order after loading; inputs are among those of a graph.

    Layers far from the outputs come first; among those equally far, the order is that of a walk from the outputs.
    """
    if not is_graph(model):
        return model.layers
    inputs, _, outputs = uses_of(model)
    finished, numbers = _walk(outputs)
    depths: dict[int, int] = {}
    depth_of_layer: dict[int, int] = {}
    for use in reversed(finished):
        depth = max(depths.get(id(use), 0), depth_of_layer.get(id(use.layer), 0))
        depths[id(use)] = depth_of_layer[id(use.layer)] = depth
        for source, _ in use.taken:
            depths[id(source)] = max(depth + 1, depths.get(id(source), 0))
    layers = {id(use.layer): use.layer for use in [*finished, *inputs]}
    return sorted(layers.values(), key=lambda one: (-depth_of_layer.get(id(one), 0), numbers.get(id(one), -1)))


def _walk(outputs: list[tuple[Use, int]]) -> tuple[list[Use], dict[int, int]]:
    """The uses, each after those it needs, and the number of each layer in the order in which it was met."""
    finished: list[Use] = []
    numbers: dict[int, int] = {}
    done: set[int] = set()
    waiting = [(use, False) for use, _ in reversed(outputs)]
    while waiting:
        use, left = waiting.pop()
        if left:
            finished.append(use)
        elif id(use) not in done:
            done.add(id(use))
            numbers.setdefault(id(use.layer), len(numbers))
            waiting.append((use, True))
            waiting += [(source, False) for source, _ in reversed(use.taken)]
    return finished, numbers


def graph_config(model: Any, describe: Callable[[Layer, str], dict[str, Any]], place: str) -> dict[str, Any]:
    """The config of a graph in Keras's form: its layers with their calls, and the names of its ends.

    Args:
        model: the graph.
        describe: makes the JSON of a layer, told where that stands.
        place: the location of the graph in the file.

    Raises:
        ModelFileError: a function that is not an operation of Keras.
    """
    inputs, uses, outputs = uses_of(model)
    calls: dict[int, list[Use]] = {}
    for use in uses:
        calls.setdefault(id(use.layer), []).append(use)
    layers = []
    for layer in keras_order(model):
        location = f"{place}.{layer.name}"
        applied = isinstance(layer, Operation)
        document = operation_config(layer, location) if applied else describe(layer, location)
        nodes = [_applied(use, location) if applied else _node(use) for use in calls.get(id(layer), ())]
        nodes = [{**node, "args": tuple(node["args"])} for node in nodes]
        layers.append({**document, "name": layer.name, "inbound_nodes": nodes})
    config = {"name": model.name, "trainable": model.trainable, "layers": layers}
    config["input_layers"] = _ends([(use, 0) for use in inputs], model._input_structure, model._lists_inputs)
    config["output_layers"] = _ends(outputs, model._structure, model._lists_outputs)
    return config


def _ends(values: list[tuple[Use, int]], structure: Any, in_list: bool) -> Any:
    """`[name, use, part]` of each input or output, nested as the model takes or returns them."""
    named = [[use.layer.name, use.index, part] for use, part in values]
    if structure is not None:
        return arranged_as(structure, named)
    return (named if in_list else tuple(named)) if len(named) > 1 or in_list else named[0]


def _applied(use: Use, location: str) -> dict[str, Any]:
    """One call of a function."""
    return operation_node(use.layer, lambda number: _value(*use.taken[number]), location)


def _node(use: Use) -> dict[str, Any]:
    """One call: attention with heads takes its inputs one by one, other layers of several take a list."""
    values = [_value(source, part) for source, part in use.taken]
    kind = type(use.layer).__name__
    options: dict[str, Any] = {**(use.options or {})}
    if use.training is not None:
        options["training"] = use.training
    elif kind in ("LSTM", "GRU") and len(values) == 1:
        options = {"training": False, "mask": None, **options}
    if vars(use.layer).get("use_causal_mask"):
        options["use_causal_mask"] = True
    if use.layer._data_arguments and use.layer._call_arguments[-1].startswith("*"):
        return {"args": values, "kwargs": options}
    if use.layer._data_arguments:
        named = zip(use.layer._data_arguments[1:], values[1:], strict=True)
        return {"args": values[:1], "kwargs": {**dict(named), **options}}
    if is_model(use.layer) and isinstance(vars(use.layer).get("_input_structure"), (dict, list, tuple)):
        return {"args": [arranged_as(vars(use.layer)["_input_structure"], values)], "kwargs": options}
    if use.layer._data_keys or use.layer._data_form is not None:
        return {"args": [in_form(use.layer, values)], "kwargs": options}
    if kind in OF_HEADS:
        return {"args": values * 2 if len(values) == 1 else values, "kwargs": options}
    if kind in RECURRENT and len(values) > 1:
        return {"args": values[:1], "kwargs": {"initial_state": values[1:], **options}}
    if kind in ("Attention", "AdditiveAttention"):
        return {"args": [values * 2 if len(values) == 1 else values], "kwargs": options}
    return {"args": [values] if use.layer.takes_several else values, "kwargs": options}


def _value(use: Use, part: int) -> dict[str, Any]:
    kinds = use.layer._returned_dtypes
    config = {"shape": tuple(shapes_in(use.layer.output_shape)[part]), "dtype": kinds[part % len(kinds)]}
    return {"class_name": "__keras_tensor__", "config": {**config, "keras_history": [use.layer.name, use.index, part]}}
