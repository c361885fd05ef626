"""Graphs redrawn on other inputs, with the same layers or with copies."""

from collections.abc import Callable, Sequence
from typing import Any

from nnlite.layers import Input, Layer
from nnlite.layers.base.contract.structure import leaves_of
from nnlite.layers.base.symbolic import Symbol, symbols_of
from nnlite.models.drawn.drawing import Drawing, listed

__all__ = ["drawn_again", "drawn_ends"]


def applied(layer: Any, inputs: Any, **options: Any) -> Any:
    """`layer(inputs)`: how a graph is drawn by default."""
    return layer(inputs, **options)


def drawn_again(
    drawing: Drawing,
    inputs: Sequence[Symbol],
    copy: Callable[[Layer], Layer] = lambda layer: layer,
    call: Callable[..., Any] = applied,
) -> list[Symbol]:
    """The outputs of a graph on other inputs.

    Args:
        drawing: the graph.
        inputs: what stands for each of its inputs.
        copy: makes the layer that takes the place of another one, once for each.
        call: `call(layer, inputs, **options)` applies it, where `options` are `training`, `mask` and those of
            the layer's `call` if they were given.
    """
    values = {old.key: new for old, new in zip(drawing.inputs, inputs, strict=True)}
    layers = {id(layer): copy(layer) for layer in drawing.layers()}
    for node in drawing.nodes:
        taken = [values[symbol.key] for symbol in node.inputs]
        options = {**(node.options or {}), **({} if node.training is None else {"training": node.training})}
        if node.mask is not None:
            options["mask"] = values[node.mask.key]
        several = node.layer.takes_several or len(taken) > 1
        output = call(layers[id(node.layer)], tuple(taken) if several else taken[0], **options)
        values.update(((id(node.use), index), symbols_of(leaf)) for index, leaf in enumerate(leaves_of(output)))
    return [values[symbol.key] for symbol in drawing.outputs]


def drawn_ends(inputs: Any, outputs: Any) -> tuple[list[Symbol], list[Symbol]]:
    """The symbols at the ends of a graph, given by a user.

    What a layer gave may be an input too: the part behind it is drawn again on an `Input` of its shape.
    """
    first, last = listed(inputs, "inputs"), listed(outputs, "outputs")
    fresh = [symbol if isinstance(symbol.layer, Input) else _input_like(symbol) for symbol in first]
    if isinstance(inputs, dict) and len(inputs) == len(fresh):
        for key, symbol in zip(inputs, fresh, strict=True):
            if symbol.layer._given_name is None:
                symbol.layer.name = str(key)  # by which data are passed
    if all(new is old for new, old in zip(fresh, first, strict=True)):
        return first, last
    return fresh, drawn_again(Drawing(first, last), fresh)


def _input_like(symbol: Symbol) -> Symbol:
    kinds: dict[str, Any] = {"object": "string", "int32": "int32", "int64": "int64"}
    made = Input(symbol.shape[1:], dtype=kinds.get(symbol.dtype))._symbol
    assert made is not None  # of an `Input`
    return made
