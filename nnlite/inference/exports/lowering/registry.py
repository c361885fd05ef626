"""The functions that write layers as operators, and the error for a layer without one."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nnlite.errors import ConfigError
from nnlite.inference.exports.graph import Value
from nnlite.inference.fold_constants import folded
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Step
from nnlite.layers.composite.chain import Chain
from nnlite.layers.composite.graph import Graph

__all__ = ["lower", "lower_graph", "lowers", "nearest_form", "refuse"]


Lowering = Callable[..., Any]
LOWERINGS: dict[type, Lowering] = {}
NEAREST: dict[str, str] = {
    "TextVectorization": "encode texts before the model, and export what comes after it",
    "Hashing": "StringLookup or IntegerLookup with a vocabulary",
    "HashedCrossing": "StringLookup with a vocabulary of the crossed words",
    "Masking": "sequences of one length, without masks",
    "Sparsemax": "softmax",
}
Function = TypeVar("Function", bound=Lowering)


def lowers(*classes: type) -> Callable[[Function], Function]:
    """Register a function `(layer, value) -> value` that writes layers of these classes down.

    Layers of several inputs get a list of values; layers of several outputs return one.
    """

    def register(function: Function) -> Function:
        LOWERINGS.update(dict.fromkeys(classes, function))
        return function

    return register


def lower(layer: Step, value: Value | Sequence[Value]) -> Any:
    """Write a layer, a model or a folded step at inference as new nodes of the value's graph.

    Raises:
        ConfigError: the layer has no form there.
    """
    if isinstance(layer, Layer) and layer.chain is not None:
        return _lower_program(layer, value)
    for cls in type(layer).__mro__:
        if cls in LOWERINGS and _computes_as(layer, cls):
            return LOWERINGS[cls](layer, value)
    raise refuse(layer, "has no form in this format")


def _lower_program(model: Layer, value: Any) -> Any:
    """The outputs of layers in a row, folded as for prediction, or of a graph of layers."""
    program: Any = model.chain
    if isinstance(program, Graph):
        outputs = lower_graph(program, value if isinstance(value, list) else [value])
        return outputs if len(outputs) > 1 else outputs[0]
    if not isinstance(program, Chain):
        raise refuse(model, "writes call, which has no form in this format; Model(inputs, outputs) goes")
    layers: list[Any] = [stage.layer for stage in program.stages]
    for step in folded(layers):
        value = lower(step, value)
    return value


def lower_graph(graph: Graph, inputs: Sequence[Value]) -> list[Value]:
    """The outputs of a graph of layers."""
    values = list(inputs)
    for use in graph.uses:
        if use.training:
            raise refuse(use.layer, "is called with training=True, and what is drawn again has no form in this format")
        if use.mask is not None:
            raise refuse(use.layer, "is called with a mask, which has no form in this format")
        data = [values[place] for place in use.inputs]
        made = lower(use.layer, data if use.layer.takes_several or len(data) > 1 else data[0])
        values += made if isinstance(made, list) else [made]
    return [values[place] for place in graph.outputs]


def _computes_as(layer: Step, cls: type) -> bool:
    """Whether the layer's class computes what `cls` does: it redefines neither `linearize` nor `call`."""
    given: Any = type(layer)
    return all(getattr(given, name, None) is getattr(cls, name, None) for name in ("linearize", "call"))


def refuse(layer: Any, reason: str) -> ConfigError:
    """The error for a layer that cannot go: its name, why, and what comes nearest."""
    kind = type(layer).__name__
    hint = nearest_form(kind)
    named = layer._given_name or kind
    return ConfigError(f"layer {named!r} ({kind}) {reason}{f'; nearest: {hint}' if hint else ''}")


def nearest_form(kind: str) -> str:
    """The nearest layer or activation that can be exported; "" if nothing is near."""
    return NEAREST.get(kind, "")
