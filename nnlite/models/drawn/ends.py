"""Ends of a graph: their dtypes, and activations that a loss absorbs in training."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from nnlite.config import WholeType
from nnlite.errors import DataError
from nnlite.layers.base.contract.arguments import shapes_in_a_row
from nnlite.layers.base.contract.around import keeps_type
from nnlite.layers.base.contract.first_use import as_drawn
from nnlite.layers.base.contract.input_spec import InputSpec
from nnlite.layers.base.contract.structure import arranged_as, leaves_of
from nnlite.layers.base.symbolic import symbols_of
from nnlite.layers.composite.graph import Graph
from nnlite.losses.output_losses import OutputLosses
from nnlite.training.outputs import OutputActivations

__all__ = [
    "WithBatch",
    "as_declared",
    "dtypes_of_inputs",
    "dtypes_of_outputs",
    "ends_in_structure",
    "ends_of_chain",
    "ends_of_graph",
    "form_of_outputs",
    "free_shapes",
    "input_kinds",
    "inputs_of_graph",
    "names_outputs",
    "note_batch",
    "output_dtype",
    "returned_dtypes",
    "specs_of_inputs",
    "told_shape",
    "until_loss",
]


WHOLE = get_args(WholeType)


class WithBatch:
    """`input_shape` or `output_shape` of a model, with the number of examples in a batch where one is stated.

    An `Input` states it, or `build`, or the first data; batches may have any other number, too. What is set has None in
    its place. Of several inputs or outputs, a list of their shapes.

    Args:
        end: 0 for the input, 1 for the output.
    """

    def __init__(self, end: int) -> None:
        self.end = end
        self.name = ("input_shape", "output_shape")[end]

    def __set__(self, model: Any, shape: Any) -> None:
        vars(model)[self.name] = shape

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None:
            return self
        shape, ends = vars(model)[self.name], model._stated_ends()
        if shape is None:
            return shape
        several = isinstance(next(iter(shape), None), tuple)
        if ends and not (self.end and model._writes_call):  # whose output is not that of its graph
            shapes = tuple(end.shape for end in ends[self.end])
            shape = shapes if several else shapes[0]
        return list(shape) if several else shape


def free_shapes(model: Any) -> tuple[Any, Any]:
    """The shapes that were set, of input and output for any number of examples."""
    return vars(model)["input_shape"], vars(model)["output_shape"]


@property
def inputs_of_graph(self: Any) -> list[Any]:
    """The inputs in a list, each as it was given: an `Input`; empty for a class that writes `call`."""
    return [as_drawn(symbol) for symbol in self._drawing.inputs] if self._drawing else []


def ends_of_graph(model: Any) -> Any:
    """The symbols of the inputs and those of the outputs of a graph; None for a class that writes `call`."""
    return model._drawing and (model._drawing.inputs, model.outputs)


def ends_of_chain(model: Any) -> Any:
    """The symbols of the input and those of the output of a built chain for which a number of examples is stated."""
    stated = model._batch if model._begin is None else model._begin.shape[0]
    if not model.built or stated is None:
        return None
    begin, end = model._drawn_ends()
    return [symbols_of(leaf) for leaf in leaves_of(begin)], [symbols_of(leaf) for leaf in leaves_of(end)]


def told_shape(model: Any, shape: Any) -> tuple:
    """A shape that a chain is to be built for, with None for the number of examples, which it remembers.

    Several shapes, also by name or nested, in a row; of these it remembers the form.
    """
    shape = shapes_in_a_row(model, shape)
    several = isinstance(next(iter(shape), None), (tuple, list))
    if not model.built:
        model.takes_several = several
    if several or not shape:
        return tuple((None, *lengths[1:]) for lengths in shape)
    if not model.built and shape[0] is not None:
        model._batch = shape[0]
    return (None, *shape[1:])


def form_of_outputs(chain: Any) -> tuple[Any, bool]:
    """The form of the outputs of a chain, and whether several are a list: as its last layer does if that gives them."""
    last = chain if chain._writes_call else chain.layers[-1]
    return last._structure, last._lists_outputs


def note_batch(model: Any) -> None:
    """Remember how many examples the call had that has built a model of one input."""
    if model._built_on and not isinstance(model._built_on[0], tuple):
        model._batch = model._built_on[0]


def ends_in_structure(symbols: Sequence[Any], structure: Any, in_list: bool) -> Any:
    """Inputs or outputs as the user gave them: one, a list, a tuple, or a nested structure.

    Args:
        symbols: in a row.
        structure: as `structure_of` found it; None for one, or a plain list or tuple.
        in_list: whether they are in a list.
    """
    if structure is not None:
        return arranged_as(structure, symbols)
    if in_list:
        return list(symbols)
    return tuple(symbols) if len(symbols) > 1 else symbols[0]


def until_loss(self: Any, loss: Any) -> tuple[Any, Any, Any]:
    """Program of training: the graph up to activations that the losses take over, the losses, these activations."""
    if self._runs_call:
        return self.chain, loss, None
    several = isinstance(loss, OutputLosses)
    losses: list[Any] = list(loss.losses) if several else [loss]
    activations: list[Any] = [None] * len(losses)
    uses = self._drawing.uses()
    for index, (symbol, taking) in enumerate(zip(self.outputs, losses, strict=True)):
        position = self._drawing.last_use(symbol, uses)
        if position is None or not taking:
            continue
        bare, activation = symbol.layer.without_activation()
        from_logits = activation and taking.from_outputs_of(activation)
        if from_logits:
            uses[position] = (bare, *uses[position][1:])
            losses[index], activations[index] = from_logits, activation
    if not any(activations):
        return self.chain, loss, None
    if several:
        both = OutputLosses(losses, loss.weights, loss.names)
        return self._graph(uses), both, OutputActivations(activations)
    return self._graph(uses), losses[0], activations[0]


def specs_of_inputs(model: Any) -> Any:
    """The requirements of a graph on its inputs; None for a class that writes `call`."""
    if model._drawing is None:
        return None
    symbols = model._drawing.inputs
    return [InputSpec(shape=one.free_shape, name=one.name, allow_last_axis_squeeze=True) for one in symbols]


@property
def input_kinds(self: Any) -> Any:
    """`input_kind` for each of the inputs; that of the data if `call` decides."""
    return [_kind(self._drawing, symbol) for symbol in self._drawing.inputs] if self._drawing else self._kinds_of_data


def dtypes_of_inputs(model: Any) -> list[str]:
    """The dtypes of the arrays that a graph is run on: the model's, but for integers that layers take as they are."""
    symbols, kinds = model._drawing.inputs, model._input_kinds
    pairs = zip(symbols, kinds, strict=True)
    return [symbol.dtype if kind == "indices" and symbol.dtype in WHOLE else model.dtype for symbol, kind in pairs]


def as_declared(model: Any, number: int, array: np.ndarray) -> np.ndarray:
    """The data of an input in the integer type that it declares; `DataError` for numbers beyond it."""
    kind = model._drawing.inputs[number].dtype
    if array.dtype.kind not in "iu" or array.dtype == kind or kind not in WHOLE:
        return array
    changed = array.astype(kind)
    if (changed != array).any():
        raise DataError(f"{model._input_layers[number].label}: the data have numbers beyond {kind}")
    return changed


def _kind(drawing: Any, symbol: Any) -> str:
    if symbol.dtype == "string":
        return "strings"
    number = drawing.numbers()[symbol.key]
    takers = [layer for layer, taken, *_ in drawing.uses() if number in taken]
    if symbol.dtype in WHOLE and any(keeps_type(one, symbol.dtype) or one.input_kind == "indices" for one in takers):
        return "indices"
    kinds = {layer.input_kind for layer in takers}
    return kinds.pop() if len(kinds) == 1 else "numbers"


@property
def returned_dtypes(self: Any) -> Sequence[str]:
    """The dtypes of a call's outputs; for a model that writes `call`, that of its last layer."""
    if self.outputs:
        return [symbol.dtype for symbol in self.outputs]
    return self.layers[-1]._returned_dtypes[:1] if self.layers else (self.compute_dtype,)


@property
def names_outputs(self: Any) -> bool:
    """Whether outputs have names: those of a graph, and those of a class that returns a dict."""
    return self._drawing is not None or isinstance(self._structure, Mapping)


def dtypes_of_outputs(model: Any) -> list[str]:
    """The types of the arrays that a graph gives; those of the layers that give them for a class that writes `call`."""
    if isinstance(model.chain, Graph):
        return [model.chain.dtypes[output] for output in model.chain.outputs]
    return [symbol.layer._output_dtype for symbol in model.outputs]


@property
def output_dtype(self: Any) -> str:
    """The type of the first output."""
    return dtypes_of_outputs(self)[0] if self.outputs else self.dtype
