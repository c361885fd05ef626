"""The functions that lower layers to operators, and the error for a layer without one."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast, get_args

from nnlite.config import WholeType
from nnlite.errors import ConfigError
from nnlite.inference.exports.graph import Value
from nnlite.inference.fold_constants import folded
from nnlite.layers.attention.sequences import SequencePair
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Step
from nnlite.layers.composite.chain import Chain
from nnlite.layers.composite.graph import Graph
from nnlite.layers.core.input import Cast

__all__ = ["lower", "lower_graph", "lowers", "nearest_form", "refuse"]


Lowering = Callable[..., Any]
LOWERINGS: dict[type, Lowering] = {}
HEEDING: set[Lowering] = set()  # those that take the mask of their inputs into account, and set that of the outputs
NEAREST: dict[str, str] = {
    "Lambda": "functions of nnlite.ops applied to symbols: Model(x, ops.exp(x))",
    "RNN": "LSTM, GRU or SimpleRNN",
    "ConvLSTM1D": "TimeDistributed(Conv1D), Flatten, LSTM",
    "ConvLSTM2D": "TimeDistributed(Conv2D), Flatten, LSTM",
    "ConvLSTM3D": "TimeDistributed(Conv3D), Flatten, LSTM",
    "Hashing": "StringLookup or IntegerLookup with a vocabulary",
    "HashedCrossing": "StringLookup with a vocabulary of the crossed words",
    "Sparsemax": "softmax",
}
Function = TypeVar("Function", bound=Lowering)


def lowers(*classes: type, heeds_masks: bool = False) -> Callable[[Function], Function]:
    """Register a function `(layer, value) -> value` that lowers layers of these classes.

    Layers of several inputs get a list of values; layers of several outputs return one. With `heeds_masks` the
    function takes `value.mask` into account and gives its values their masks; others get values without a mask, and
    their outputs the mask of the input where the layer supports masking.
    """

    def register(function: Function) -> Function:
        LOWERINGS.update(dict.fromkeys(classes, function))
        if heeds_masks:
            HEEDING.add(function)
        return function

    return register


def lower(layer: Step, value: Value | Sequence[Value]) -> Any:
    """Lower a layer, a model or a folded step at inference to new nodes of the value's graph.

    Raises:
        ConfigError: the layer has no form there.
    """
    if isinstance(layer, Layer):
        if layer.chain is not None:
            return _lower_program(layer, value)
        _check_mask(layer)
        layer = layer if layer._adapts is None else cast(Any, layer).merged()
    for cls in type(layer).__mro__:
        if cls in LOWERINGS and _computes_as(layer, cls):
            return _written(LOWERINGS[cls], layer, value)
    raise refuse(layer, "has no form in this format")


def _check_mask(layer: Layer) -> None:
    """`ConfigError` where a user's function says which steps count."""
    if layer._writes_mask:
        raise refuse(layer, "writes compute_mask, which has no form in this format")


def _written(lowering: Lowering, layer: Any, value: Any) -> Any:
    """The values that a layer's function writes, with their masks."""
    values = value if isinstance(value, list) else [value]
    if lowering in HEEDING or all(one.mask is None for one in values):
        return lowering(layer, value)
    if "mask" in layer._context:
        raise refuse(layer, "is given a mask, which has no form in this format")
    bare = [one.masked(None) for one in values]
    made = lowering(layer, bare if isinstance(value, list) else bare[0])
    return made.masked(values[0].mask) if layer._keeps_mask and not layer.takes_several else made


def _lower_program(model: Layer, value: Any) -> Any:
    """The outputs of layers in a row, folded as for prediction, or of a graph of layers."""
    program: Any = model.chain
    if isinstance(program, Graph):
        outputs = lower_graph(program, value if isinstance(value, list) else [value])
        return outputs if len(outputs) > 1 else outputs[0]
    if not isinstance(program, Chain):
        raise refuse(model, "writes call, which has no form in this format; Model(inputs, outputs) goes")
    return _lower_row([stage.layer for stage in program.stages], value)


def _lower_row(layers: list[Any], value: Any) -> Any:
    """The outputs of layers in a row, folded where there is no mask: folded steps know nothing of masks."""
    for layer in layers:
        _check_mask(layer)
    while layers:
        if not isinstance(value, list) and value.mask is not None:
            count, steps = 1, layers[:1]
        else:
            count = next((number for number, layer in enumerate(layers, 1) if _may_set_a_mask(layer)), len(layers))
            steps = folded(layers[:count])
        for step in steps:
            value = lower(step, value)
        layers = layers[count:]
    return value


def _may_set_a_mask(layer: Any) -> bool:
    return layer._sets_mask or layer.chain is not None or bool(inner_layers(layer))


def lower_graph(graph: Graph, inputs: Sequence[Value]) -> list[Value]:
    """The outputs of a graph of layers."""
    values = list(inputs)
    for use in graph.uses:
        if use.training:
            raise refuse(use.layer, "is called with training=True, and what is drawn again has no form in this format")
        data = [values[slot] for slot in use.inputs]
        if use.mask is not None:
            if isinstance(use.layer, SequencePair):
                raise refuse(use.layer, "is called with a mask, which has no form in this format; that of Masking goes")
            mask = values[use.mask].cast("bool")
            data = [value.masked(mask) for value in data]
        if isinstance(use.layer, Cast) and graph.dtypes[use.inputs[0]] in get_args(WholeType):
            data = [value.cast("float32") for value in data]
        made = lower(use.runner, data if use.layer.takes_several or len(data) > 1 else data[0])
        values += made if isinstance(made, list) else [made]
    return [values[slot] for slot in graph.outputs]


def _computes_as(layer: Step, cls: type) -> bool:
    """Whether the layer's class computes what `cls` does: it redefines neither `linearize` nor `call`."""
    layer_class: Any = type(layer)
    return all(getattr(layer_class, name, None) is getattr(cls, name, None) for name in ("linearize", "call"))


def refuse(layer: Any, reason: str) -> ConfigError:
    """The error for a layer that cannot be exported: its name, the reason, and the nearest alternative."""
    kind = type(layer).__name__
    hint = nearest_form(kind)
    named = layer._given_name or kind
    return ConfigError(f"layer {named!r} ({kind}) {reason}{f'; nearest: {hint}' if hint else ''}")


def nearest_form(kind: str) -> str:
    """The nearest layer or activation that can be exported; "" if nothing is near."""
    return NEAREST.get(kind, "")
