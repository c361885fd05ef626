"""Layers that only write `call`: its computation is recorded, and the record gives the derivative."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import AddedLoss, GraphJacobians, Identity, Jacobians, Node
from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.contract.arguments import arranged, usual_training
from nnlite.layers.base.contract.around import values_of
from nnlite.layers.base.contract.assigned import assigned_in, keep_attributes, renewed, state_variable
from nnlite.layers.base.contract.structure import form_of, kept, leaves_of, replaced, structure_of
from nnlite.layers.base.inputs import read_training
from nnlite.layers.base.masks import output_masks
from nnlite.layers.base.shapes import tried_on, tried_with_mask, zeros_for
from nnlite.layers.base.variables.holders import hold_inner
from nnlite.ops.tape import is_trial, trial_run
from nnlite.ops.tracing import Trace, Traced, call_traced
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, child_of

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

MUST_RETURN = "call must return what functions of nnlite.ops and operators make of its inputs and parameters"


class LayerTrace(Trace):
    """A `Trace` that also records uses of layers.

    Args:
        training, random: what layers that ask for them get.
        layer: whose policy gives the type that values show.
    """

    def __init__(self, training: bool | None = False, random: RandomSource | None = None, layer: "Layer | None" = None):
        super().__init__()
        self.shown = np.dtype(layer.compute_dtype) if layer is not None and layer._lowers else None
        self.training = training
        self.random = random
        self.states: dict[int, Any] = {}
        self.changed: dict[int, np.ndarray] = {}  # by parameter: the state that uses have changed
        self.masks = {}  # by slot: of what layers gave, and of the data
        self.losses: list[Traced] = []  # what `add_loss` was given

    def use(
        self, layer: "Layer", inputs: Any, parameters: Sequence[Any], runner: "Layer | None" = None, **options: Any
    ) -> Traced | tuple[Traced, ...]:
        """Apply a built layer, or the variant `runner` of it, to traced inputs (one, or a tuple) and parameters."""
        several = isinstance(inputs, (tuple, list))
        data = tuple(inputs) if several else (inputs,)
        values = tuple(_as_taken(layer, item.value if isinstance(item, Traced) else np.asarray(item)) for item in data)
        masks = tuple(self.masks.get(item.slot) if isinstance(item, Traced) else None for item in data)
        training = self.training if options.get("training") is None else options["training"]
        available = {
            "training": training,
            "random": self._random_for(layer, training),
            "mask": (masks if several else masks[0]) if any(rows is not None for rows in masks) else None,
            **{name: value for name, value in options.items() if value is not None},
        }
        context = {name: available[name] for name in layer._context}
        arrays = [parameter.value for parameter in parameters]
        if self.changed:
            arrays = renewed(layer, arrays, self.changed)
        output, jacobians = (runner or layer).linearize(values if several else values[0], *arrays, **context)
        traced = tuple(self._slot(value) for value in (output if isinstance(output, tuple) else (output,)))
        slots = tuple(item.slot if isinstance(item, Traced) else None for item in (*data, *parameters))
        self.nodes.append(Node(jacobians, slots, tuple(item.slot for item in traced), layer))
        self.states[id(layer)] = jacobians.state or self.states.get(id(layer), ())
        if jacobians.state:
            self.changed.update((id(state), value) for state, value in layer._state_pairs(jacobians.state))
        leaving = output_masks(layer, jacobians, (available["mask"],), len(traced))
        self.masks.update((item.slot, rows) for item, rows in zip(traced, leaving, strict=True) if rows is not None)
        return traced if isinstance(output, tuple) else traced[0]

    def _random_for(self, layer: "Layer", training: bool | None) -> RandomSource | None:
        """Source of random numbers of a use of a layer: the place in this record; one's own where it alone is in
        training.
        """
        random = child_of(self.random, len(self.nodes))
        return layer._next_random() if random is None and training else random

    def with_losses(self, end: Traced) -> Traced:
        """The output `end`, followed by the terms that the call added to the loss."""
        if not self.losses:
            return end
        terms = [AddedLoss(loss.value, end.shape) for loss in self.losses]
        slots = (end.slot, *[self._own(loss).slot for loss in self.losses])
        output = self.note("loss", end.value, Jacobians(Identity(end.shape), *terms, data=len(slots)), slots)
        if end.slot in self.masks:
            self.masks[output.slot] = self.masks[end.slot]
        return output


def _as_taken(layer: "Layer", value: np.ndarray) -> np.ndarray:
    """Integers, which have no derivative, in the dtype of a layer that computes with numbers; others as they are."""
    return value.astype(layer.dtype) if value.dtype.kind in "biu" and layer.input_kind == "numbers" else value


class _Bound:
    """A layer that another one keeps, as the `call` of that one meets it: using it, or its parameters, is recorded."""

    def __init__(self, layer: "Layer", use: Any, replace: Callable) -> None:
        self._layer = layer
        self._use = use
        self._replace = replace

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        call = self._layer._read_call(*inputs, **options)
        read_training(call.training, self._layer.label)
        variant = {} if call.runner is self._layer else {"runner": call.runner}
        output = self._use(self._layer, call.inputs, training=call.training, mask=call.mask, **variant)
        return self._layer._as_returned(output)

    def compute_mask(self, inputs: Any, previous_mask: Any = None, *, mask: Any = None) -> Any:
        """The mask that the layer makes of these inputs, which has no derivative."""
        values = replaced(inputs, lambda item: item.value if isinstance(item, Traced) else item)
        return self._layer.compute_mask(values, mask if previous_mask is None else previous_mask)

    def __getattr__(self, name: str) -> Any:
        return replaced(getattr(self._layer, name), self._replace)


def trace_call(
    layer: "Layer", inputs: Any, parameters: Sequence[np.ndarray], context: dict[str, Any]
) -> tuple[Any, GraphJacobians]:
    """`layer.call(inputs)` with these values of its parameters: the output and its `GraphJacobians`."""
    training = usual_training(layer, context.get("training", False))
    trace, context = LayerTrace(training, context.get("random"), layer), {**context, "training": training}
    several = isinstance(inputs, tuple)
    data = [trace.variable(value) for value in (inputs if several else (inputs,))]
    mask = context.get("mask")
    trace.masks = dict(enumerate(mask if several and mask is not None else [mask] * len(data)))
    traced = {
        id(parameter): state_variable(trace, parameter, value)
        for parameter, value in zip(layer.parameters, parameters, strict=True)
    }

    def use(inner: "Layer", inner_inputs: Any, **options: Any) -> Any:
        known = [traced.get(id(parameter)) for parameter in inner.parameters]
        if not inner.built or any(parameter is None for parameter in known):
            raise ConfigError(f"{inner.label} is new to it: let the constructor keep it, and use it in every call")
        return trace.use(inner, inner_inputs, known, **options)

    output = _called(layer, traced, use, data if several else data[0], context)
    ends: Any = [trace.constant(end) if isinstance(end, (np.ndarray, np.generic)) else end for end in leaves_of(output)]
    layer._structure = form_of(output) if isinstance(output, list) else structure_of(output)
    if not all(isinstance(end, Traced) for end in ends):
        kinds = ", ".join(type(end).__name__ for end in ends)
        raise ShapeError(f"{layer.label}: {MUST_RETURN}, shape (batch, ...), got {kinds}: it has no derivative")
    ends = (trace.with_losses(ends[0]), *ends[1:])
    jacobians = trace.jacobians(*ends, data=len(data))
    masks = tuple(trace.masks.get(end.slot) for end in ends)
    jacobians.mask = layer.compute_mask(inputs, mask) if layer._writes_mask else masks if len(ends) > 1 else masks[0]
    jacobians.state = _state_of(layer, trace, traced)
    return values_of(ends, data, layer.dtype), jacobians


def _state_of(layer: "Layer", trace: LayerTrace, traced: dict[int, Traced]) -> tuple:
    """The states of the layers inside, and behind them what `call` assigned; empty if there are none."""
    assigned = assigned_in(traced.values())
    if assigned:
        layer._moves_on = True
    inside = [trace.states.get(id(inner), ()) for inner in inner_layers(layer)] if trace.states or assigned else []
    return (*inside, assigned) if assigned else tuple(inside)


def build_inner_layers(layer: "Layer", zeros: Any, *more: Any) -> None:
    """Run `call` on zeros, so that the layers in it are built for their inputs; take over their parameters.

    Args:
        layer: built but for the layers that it keeps.
        zeros: inputs of the right shape and kind.
        more: what `call` takes after them, such as the states of a cell.
    """

    kept = inner_layers(layer)

    def run(training: bool, mask: Any = None) -> None:
        trace = LayerTrace(training, layer.random, layer)
        data = [trace.variable(value) for value in (zeros if isinstance(zeros, tuple) else (zeros,))]
        trace.masks = {} if mask is None else dict(enumerate(mask if isinstance(mask, tuple) else (mask,)))
        known = [*layer.parameters, *(parameter for inner in kept for parameter in inner.parameters)]
        traced = {id(parameter): state_variable(trace, parameter, parameter.value) for parameter in known}
        use = functools.partial(_use_first, layer, kept, trace, traced)
        context = {"training": training, "mask": mask}
        with trial_run():
            _called(layer, traced, use, data if isinstance(zeros, tuple) else data[0], context, *more)

    for training in {False, "training" in layer._call_context}:
        tried_with_mask(layer, zeros, functools.partial(run, training))
    hold_inner(layer)


def build_rest(layer: "Layer", runner: "Layer") -> None:
    """Build the layers inside `layer` that only a call with other arguments uses, that of `runner`."""
    if runner._data_arguments != layer._data_arguments and not all(inner.built for inner in inner_layers(layer)):
        build_inner_layers(runner, zeros_for(runner, runner._free_shapes[0], 1))
        hold_inner(layer)


def _use_first(
    layer: "Layer", kept: list, trace: LayerTrace, traced: dict, inner: "Layer", inputs: Any, **options: Any
) -> Any:
    """The output of a layer that another one keeps, which is built for what it is given if it is not yet."""
    several = isinstance(inputs, (tuple, list))
    data = inputs if several else (inputs,)
    shapes, index = tuple((None, *item.shape[1:]) for item in data), len(kept)
    if inner in kept:  # else one that a layer among these keeps
        index = kept.index(inner)
        inner.name = inner._given_name or _free_name(kept, index)
    inner.dtype = inner._given_dtype or layer.dtype
    assert layer.random is not None  # it is being built
    if inner.built and inner.input_shape is not None:
        runner = options.get("runner") or inner
        runner._check_input_shape(shapes if several else shapes[0])
        build_rest(inner, runner)
    else:
        with tried_on(data):
            inner._ensure_built(shapes if several else shapes[0], layer.random.child(index))
    for parameter in inner.parameters:
        if id(parameter) not in traced:
            traced[id(parameter)] = state_variable(trace, parameter, parameter.value)
    return trace.use(inner, inputs, [traced[id(parameter)] for parameter in inner.parameters], **options)


def _free_name(layers: list, index: int) -> str:
    """A name for one of several layers, numbered from the second on without a name of its stem."""
    stem, taken = layers[index]._name_stem, {layer._given_name for layer in layers}
    number = sum(layer._given_name is None and layer._name_stem == stem for layer in layers[:index])
    names = [stem, *(f"{stem}_{count}" for count in range(1, len(layers) + number + 1))]
    return [name for name in names if name not in taken][number]


def moves_on(layer: Any) -> bool:
    """Whether calls outside training store new states: those of a stateful recurrent layer, possibly nested."""
    if layer._moves_on is None:
        layer._moves_on = any(map(moves_on, inner_layers(layer)))
    return layer._moves_on


def inner_layers(layer: LayerAttributes) -> "list[Layer]":
    """The layers in the attributes of `layer`, including lists and dicts, in order, each once."""
    return cast(Any, kept(layer, LayerAttributes))


def layers_within(layer: Any) -> "Iterator[Layer]":
    """All layers inside `layer`, depth first, repeated as often as they are kept."""
    for inner in inner_layers(layer):
        yield inner
        yield from layers_within(inner)


def _called(
    layer: "Layer", traced: dict[int, Traced], use: Callable, inputs: Any, context: dict[str, Any], *more: Any
) -> Any:
    """`layer.call(inputs)` with traced parameters and layers; what goes wrong names the layer."""
    arguments = {"training": False, **context}  # a trial run for shapes tells no context, and `call` may need one
    options = {name: value for name, value in arguments.items() if name in layer._call_context}
    positional, named = arranged(layer, inputs)
    expected = f"{MUST_RETURN}, shape (batch, ...)"

    def run() -> Any:
        twin = bound_copy(layer, traced, use)
        before = dict(vars(twin))
        lists = {name: value for name, value in before.items() if type(value) in (list, dict)}
        content = replaced(lists, lambda item: item)
        output = twin.call(*positional, *more, **options, **named)
        if not is_trial():
            keep_attributes(layer, before, content, vars(twin), _plain)
        return output

    return call_traced(layer.label, expected, run)


def _plain(value: Any) -> Any:
    """A value that a user's `call` has set as an attribute, with layers and arrays in place of recorded ones."""
    return value._layer if isinstance(value, _Bound) else value.value.copy() if isinstance(value, Traced) else value


def bound_copy(layer: "Layer", traced: dict[int, Traced], use: Callable | None) -> Any:
    """A copy of `layer` whose attributes are traced parameters and recorded layers."""

    def replace(value: Any) -> Any:
        if isinstance(value, Parameter):
            if id(value) not in traced:
                raise ConfigError(f"parameter {value.name!r} belongs to no layer that is an attribute of this one")
            return traced[id(value)]
        return _Bound(cast(Any, value), use, replace) if isinstance(value, LayerAttributes) else value

    twin = object.__new__(type(layer))
    kept = {name: value for name, value in vars(layer).items() if name != "parameters"}
    twin.__dict__.update({name: replaced(value, replace) for name, value in kept.items()}, parameters=layer.parameters)
    twin._recorded = traced
    return twin
