"""Graphs redrawn on other inputs, with the same layers or with copies."""

from collections.abc import Callable, Sequence
from typing import Any

from nnlite.layers import Input, Layer
from nnlite.layers.base.call import build_inner_layers
from nnlite.layers.base.contract.running import RunsLinearize
from nnlite.layers.base.contract.structure import leaves_of
from nnlite.layers.base.shapes import zeros_for
from nnlite.layers.base.symbolic import Symbol, symbols_of
from nnlite.models.drawn.drawing import Drawing, listed
from nnlite.models.drawn.ends import ends_in_structure
from nnlite.models.drawn.reading import inputs_in_order

__all__ = ["CallsGraph", "build_added", "drawn_again", "drawn_ends", "ran"]


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


def ran(drawing: Drawing, layers: Sequence[Any], inputs: Sequence[Any], training: bool | None) -> list[Any]:
    """The outputs of a graph for arrays, or for values that are being recorded.

    Args:
        drawing: the graph.
        layers: what is applied in place of each of its layers, in their order.
        inputs: one for each of its inputs.
        training: whether layers run as in training where their calls do not say so; None for what they run by.
    """
    values: dict[tuple, Any] = {symbol.key: value for symbol, value in zip(drawing.inputs, inputs, strict=True)}
    applied_layers = {id(layer): twin for layer, twin in zip(drawing.layers(), layers, strict=True)}
    for node in drawing.nodes:
        taken = tuple(values[symbol.key] for symbol in node.inputs)
        options: dict[str, Any] = {**(node.options or {})}
        options["training"] = training if node.training is None else node.training
        if node.mask is not None:
            options["mask"] = values[node.mask.key]
        several = node.layer.takes_several or len(taken) > 1
        data: Any = taken if several else next(iter(taken))
        output = applied_layers[id(node.layer)](data, **options)
        values.update(((id(node.use), index), leaf) for index, leaf in enumerate(leaves_of(output)))
    return [values[symbol.key] for symbol in drawing.outputs]


class CallsGraph(RunsLinearize):
    """The method `call` of a graph, which the `call` of a subclass may use: it runs the layers."""

    def run(self, layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs in their structure; recorded if `layer` is the `self` of a subclass's `call`."""
        if not layer._writes_call or layer._drawing is None:
            return super().run(layer, inputs, bool(training), mask)
        ends = ran(layer._drawing, layer._drawn_layers, inputs_in_order(layer, inputs), training)
        return ends_in_structure(ends, *layer._drawing.form)


def build_added(model: Any) -> None:
    """Build what a class that runs a graph by its `call` keeps beside the graph, such as a head, on first use."""
    if model._writes_call and not model._build_done:
        build_inner_layers(model, zeros_for(model, model.input_shape, 1))
        model._build_done = True
        model.output_shape = tuple(model.compute_output_shape(model.input_shape))


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
    dtype: Any = symbol.dtype if symbol.dtype in ("string", "int32", "int64") else None
    made = Input(symbol.shape[1:], dtype=dtype)._symbol
    assert made is not None  # of an `Input`
    return made
