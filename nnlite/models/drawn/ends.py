"""Ends of a graph: their dtypes, and activations that a loss absorbs in training."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlite.layers.base.contract.input_spec import InputSpec
from nnlite.layers.base.contract.structure import arranged_as
from nnlite.losses.output_losses import OutputLosses
from nnlite.training.outputs import OutputActivations

__all__ = [
    "ends_in_structure",
    "input_kinds",
    "names_outputs",
    "output_dtype",
    "returned_dtypes",
    "specs_of_inputs",
    "until_loss",
]


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
    return [InputSpec(shape=symbol.shape, name=symbol.name, allow_last_axis_squeeze=True) for symbol in model.inputs]


@property
def input_kinds(self: Any) -> Any:
    """`input_kind` for each of the inputs; that of the data if `call` decides."""
    return [_kind(self._drawing, symbol) for symbol in self.inputs] if self._drawing else self._kinds_of_data


def _kind(drawing: Any, symbol: Any) -> str:
    if symbol.dtype == "string":
        return "strings"
    number = drawing.numbers()[symbol.key]
    takers = [layer.input_kind for layer, taken, *_ in drawing.uses() if number in taken]
    return takers[0] if takers and len(set(takers)) == 1 else "numbers"


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


@property
def output_dtype(self: Any) -> str:
    """The type of the first output."""
    return self.outputs[0].layer._output_dtype if self.outputs else self.dtype
