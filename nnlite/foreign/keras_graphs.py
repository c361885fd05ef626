"""The graph of a `Model` as Keras draws it: uses of layers by name, in Keras's order."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from nnlite.layers import Layer

__all__ = ["Use", "is_graph", "is_model", "keras_order", "uses_of"]


def is_model(layer: Layer) -> bool:
    """Whether it is a chain or a graph of layers; both are defined above this room, and known by their names here."""
    return type(layer).__name__ in ("Sequential", "Model")


class Use(NamedTuple):
    """One use of a layer in a graph.

    Attributes:
        layer: the layer.
        index: which of its uses.
        taken: the values it takes: the use that gave each, and which of its outputs.
    """

    layer: Layer
    index: int
    taken: "list[tuple[Use, int]]"


def is_graph(model: Any) -> bool:
    """Whether a model was made by calling layers on inputs."""
    return vars(model).get("_drawing") is not None


def uses_of(model: Any) -> tuple[list[Use], list[Use], list[tuple[Use, int]]]:
    """The inputs as uses, the uses in the order of computation, and the values that are outputs."""
    inputs = [Use(symbol.layer, 0, []) for symbol in model.inputs]
    values: list[tuple[Use, int]] = [(use, 0) for use in inputs]
    uses: list[Use] = []
    counts: Counter[int] = Counter()  # of the calls of each layer so far, by `id`
    for layer, numbers, *_ in model._drawing.uses():
        uses.append(Use(layer, counts[id(layer)], [values[number] for number in numbers]))
        counts[id(layer)] += 1
        shape = layer.output_shape
        values += [(uses[-1], part) for part in range(len(shape) if isinstance(shape[0], tuple) else 1)]
    return inputs, uses, [values[number] for number in model._drawing.ends()]


def keras_order(model: Any) -> Sequence[Layer]:
    """The layers of a model in the order that Keras gives them when it reads the model; inputs are among a graph's.

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
