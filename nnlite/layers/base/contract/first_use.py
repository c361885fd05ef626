"""First use of a layer: building it for a shape, and reading its arguments."""

from collections import Counter
from contextlib import suppress
from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.errors import ConfigError
from nnlite.initializers.blank import Allowance, TooManyError, allowance
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.contract.arguments import in_form
from nnlite.layers.base.contract.around import show_half
from nnlite.layers.base.contract.input_spec import check_spec, check_types
from nnlite.layers.base.contract.penalties import adds_losses
from nnlite.layers.base.inputs import check_number, gives_several, read_inputs, read_several
from nnlite.layers.base.shapes import is_small, tried_on_unequal
from nnlite.layers.base.symbolic import CONTAINERS, Symbol
from nnlite.layers.base.variables.holders import tell_holders
from nnlite.random import RandomSource

__all__ = []

# What a layer that records its `call` remembers of the data that it is built for, beside their shape.
OF_DATA = ("_built_on", "_told_shape", "_data_form", "_data_keys", "_data_arguments", "takes_several")


def build_first(layer: Any, input_shape: tuple, random: RandomSource | None) -> None:
    """Build a layer for inputs of a shape, drawing from `random`, or from fresh entropy when None.

    Where that fails, the next attempt knows nothing of these data.
    """
    try:
        _build_for(layer, input_shape, random)
    except BaseException:
        layer.input_shape = None
        for attribute in OF_DATA if layer._traced else ("_built_on", "_told_shape"):
            vars(layer).pop(attribute, None)
        raise


def _build_for(layer: Any, input_shape: tuple, random: RandomSource | None) -> None:
    check_number(layer, input_shape)
    if layer._has_spec:
        check_spec(layer, input_shape)
    layer.dtype = layer._given_dtype or floatx()
    layer.random = layer.random or random
    layer.input_shape = tuple(input_shape)
    if not layer._build_done:
        layer._build_whole()
        show_half(layer)
        refuse_repeated(layer)
    if layer.call is None:  # it only keeps layers and parameters
        layer.built = True
        return
    room = allowance()
    if room is None:
        layer._check_linearize()
    layer.output_shape = tuple(layer.compute_output_shape(layer.input_shape))
    if room is not None:
        _try_cheaply(layer, room)
    layer._penalizes = layer._penalizes or (layer._traced and adds_losses(layer))
    layer.built = True
    if layer._writes_mask:
        layer._sets_mask = True
    if layer.parameters:
        tell_holders(layer)


def _try_cheaply(layer: Any, room: Allowance) -> None:
    """Try a layer of a model from a file where that costs next to nothing: all arrays, those inside too, are small."""
    inside = any(id(inner) in room.untried for inner in inner_layers(layer))
    if inside or not is_small(*filter(None, (layer.input_shape, layer.output_shape))):
        room.untried.add(id(layer))
        return
    with suppress(TooManyError):
        layer._check_linearize()


def parts_of_shape(layer: Any) -> Any:
    """The shape of the inputs in the form that a class's `build` takes: a dict of shapes for a dict of inputs.

    A class of the user gets their number of examples too, if it is known.
    """
    ours = type(layer).build.__module__.startswith("nnlite.")
    return in_form(layer, (not ours and (layer._built_on or layer._told_shape)) or layer.input_shape)


def refuse_repeated(layer: Any) -> None:
    """`ConfigError` for a layer whose `parameters` contain one twice: each would be trained on part of its gradient."""
    repeated = [parameter.path for parameter, count in Counter(layer.parameters).items() if count > 1]
    if repeated:
        raise ConfigError(
            f"{layer.label} has {repeated[0]!r} among its parameters twice, since layers inside share it: list it "
            "once, with nnlite.parameters.each_once, and let linearize return one map, the sum over its uses"
        )


def with_derivatives(inputs: Any) -> Any:
    """`inputs`, arrays or lists of them, with integers cast to floating point, as derivatives require."""
    if isinstance(inputs, (tuple, list)):
        return type(inputs)(map(with_derivatives, inputs))
    array = np.asarray(inputs)
    return array.astype(np.float64) if array.dtype.kind in "biu" else array


def as_input(layer: Any, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
    """`inputs` as an array of the layer's dtype (a tuple for several), checked against the shape it is built for."""
    several, kind = gives_several(inputs, layer), layer.input_kind
    arrays = read_several(inputs, layer) if several else (read_inputs(inputs, kind, layer.label),)
    shapes = tuple(array.shape for array in arrays)
    if not layer.built or layer.input_shape is None:
        free = tuple((None, *shape[1:]) for shape in shapes)
        layer._built_on = shapes if several else shapes[0]
        with tried_on_unequal(arrays):
            layer._ensure_built(free if several else free[0])
    layer._check_input_shape(shapes if several else shapes[0])
    layer._check_ready()
    if kind == "numbers" and (layer.autocast or not layer._traced):
        alike = layer._traced or all(part.dtype.kind in layer._kept_kinds for part in arrays)
        kept = f"c{layer._kept_kinds}" if alike else "c"
        arrays = tuple(part if part.dtype.kind in kept else part.astype(layer.dtype, copy=False) for part in arrays)
    if layer._has_spec:
        check_types(layer, arrays)
    return arrays if several else arrays[0]


def as_drawn(symbols: Any) -> Any:
    """Symbols, in a tuple too, with the `Input` itself in place of the symbol that stands for it."""
    if isinstance(symbols, tuple):
        return tuple(as_drawn(symbol) for symbol in symbols)
    return symbols.layer if isinstance(symbols, Symbol) and symbols.layer._symbol is symbols else symbols


class NotDrawnError(ConfigError, AttributeError):
    """The input or the output of a layer that was not called on a symbol yet."""


class NodePart:
    """`layer.input` and `layer.output`: the symbols of the layer's first call.

    Graphs may begin and continue there. A `Sequential` draws its layers when one of them is asked.

    Args:
        place: 0 for the input, 1 for the output.
    """

    def __init__(self, place: int) -> None:
        self.place = place

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        if layer._symbol is not None:  # of an `Input`
            return layer
        reference = CONTAINERS.get(layer)
        container = reference and reference()
        if layer._node is None and container is not None and any(layer is one for one in container.layers):
            container._draw()
        if layer._node is None:
            raise NotDrawnError(
                f"{layer.label} has no input and no output: it was not called on an Input or a symbol yet"
            )
        return as_drawn(layer._node[self.place])
