"""Layers along the edges of a graph: the core of branching containers and of functional models."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from nnlite.jacobians import GraphJacobians, Node
from nnlite.layers.base.contract.arguments import with_options
from nnlite.layers.base.contract.around import keeps_type
from nnlite.layers.base.contract.assigned import pairs_inside, renewed
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.masks import output_masks
from nnlite.layers.base.shapes import shapes_in
from nnlite.layers.composite.chain import Chain
from nnlite.layers.composite.program import Data, Mask, Program, ProgramStage, label_of
from nnlite.layers.core.input import Cast
from nnlite.parameters import Parameter, each_once
from nnlite.random import RandomSource

__all__ = ["Graph"]


class Use(NamedTuple):
    """One use of a layer: its input and output values, and the positions of its parameters.

    Values are numbered: the graph's inputs first, then what each use gives. `training` is None if it is used as
    the graph is, `mask` the number of the value that is its mask, None for that of its inputs, `options` what `call` is
    given beside data. `shares_state` says whether another use may have changed the state that it begins with.
    """

    layer: Layer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: Sequence[int]
    training: bool | None = None
    mask: int | None = None
    options: Mapping[str, Any] | None = None
    shares_state: bool = False

    @property
    def runner(self) -> Layer:
        """The layer as this use runs it."""
        return with_options(self.layer, self.options)


class Graph(Program):
    """A program that runs built layers along the edges of a graph.

    A layer may be used several times, or be part of several layers; its gradients are summed, as the total derivative
    says.

    Args:
        uses: `(layer, inputs)`, or `(layer, inputs, training, mask, options)`, see `Use`, in an order in which they
            can be computed; `inputs` are numbers of values.
        inputs: how many values the graph is given.
        outputs: the numbers of the values that it returns.
        dtypes: type of each input; where a layer computes in another one, a `Cast` is put before it.

    Attributes:
        layers: the layers, each once, in the order of their parameters.
        parameters: theirs, each once.
        stateful_layers: the layers in the order of their last uses, in which states are stored.
        uses: the uses, and those of the `Cast`s between them.
        dtypes: the type of each value.
    """

    def __init__(
        self,
        uses: Sequence[tuple[Any, ...]],
        inputs: int,
        outputs: tuple[int, ...],
        dtypes: Sequence[str],
    ):
        self.layers = list({id(layer): layer for layer, *_ in uses}.values())
        self.stateful_layers = list({id(layer): layer for layer, *_ in reversed(uses)}.values())[::-1]
        self.parameters = each_once(layer.parameters for layer in self.layers)
        places = {id(parameter): number for number, parameter in enumerate(self.parameters)}
        states = Counter(id(state) for layer, *_ in uses for state in layer.parameters if state.is_state)
        self.inputs = inputs
        self.uses: list[Use] = []
        self._moved = list(range(inputs))  # where the values stand among those of the casts as well
        self.dtypes = list(dtypes)
        for layer, values, *settings in uses:
            shares_state = any(states[id(parameter)] > 1 for parameter in layer.parameters)
            row = _row([places[id(parameter)] for parameter in layer.parameters])
            self._add(layer, values, row, shares_state, *settings)
        self.outputs = tuple(self._moved[value] for value in outputs)
        self.parameter_count = len(self.parameters)
        self._parameter_shapes = [None if p.is_state else p.shape for p in self.parameters]  # state has no derivative

    def _add(
        self,
        layer: Layer,
        values: Sequence[int],
        parameters: Sequence[int],
        shares_state: bool,
        training: bool | None = None,
        mask: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        moved = [self._moved[value] for value in values]
        cast = layer.input_kind == "numbers" and layer._takes_policies and not self._kept(layer, moved)
        for position, value in enumerate(moved):
            if cast and self.dtypes[value] != layer.dtype:
                moved[position] = self._use(Cast(dtype=layer.dtype), (value,), 1, range(0))[0]
        count = len(shapes_in(layer.output_shape))
        mask = None if mask is None else self._moved[mask]
        self._moved += self._use(layer, tuple(moved), count, parameters, training, mask, options, shares_state)

    def _use(
        self,
        layer: Layer,
        values: tuple[int, ...],
        count: int,
        parameters: Sequence[int],
        training: bool | None = None,
        mask: int | None = None,
        options: Mapping[str, Any] | None = None,
        shares_state: bool = False,
    ) -> tuple[int, ...]:
        start = len(self.dtypes)
        outputs = tuple(range(start, start + count))
        self.uses.append(Use(layer, values, outputs, parameters, training, mask, options, shares_state))
        self.dtypes += [self.dtypes[values[0]] if self._kept(layer, values) else layer._output_dtype] * count
        return outputs

    def _kept(self, layer: Layer, values: Sequence[int]) -> bool:
        """Whether a layer computes with integers, among these values, as they are."""
        return keeps_type(layer, *(self.dtypes[value] for value in values))

    def group(self, items: Sequence) -> list[tuple]:
        """`items`, one per parameter, cut into one tuple per use."""
        return [_cut(items, use.parameters) for use in self.uses]

    def run(
        self,
        inputs: Data,
        grouped: Sequence[tuple[np.ndarray, ...]],
        training: bool = False,
        random: RandomSource | None = None,
        mask: Mask = None,
    ) -> tuple[Data, GraphJacobians]:
        """The outputs and the `GraphJacobians`; tuples if there are several inputs, masks or outputs."""
        values = list(inputs) if self.inputs > 1 else [inputs]
        masks = list(mask or [None] * self.inputs) if self.inputs > 1 else [mask]
        nodes, states, shift = [], {}, self.parameter_count
        changed: dict[int, np.ndarray] = {}  # by parameter: state that a use has changed and others share
        for index, (use, parameters) in enumerate(zip(self.uses, grouped, strict=True)):
            layer, several = use.layer, use.layer.takes_several or len(use.inputs) > 1  # it may be built for one alone
            data = tuple([values[value] for value in use.inputs])
            data_masks = tuple([masks[value] for value in use.inputs])
            if use.mask is not None:
                data_masks = (values[use.mask] != 0,) * len(data_masks)
            source = None if random is None else random.child(index)
            available = {
                "training": training if use.training is None else use.training,
                "random": layer._next_random() if use.training and source is None else source,
                "mask": data_masks if several else data_masks[0],
            }
            context = {name: available[name] for name in layer._context}
            if changed and use.shares_state:
                parameters = renewed(layer, parameters, changed)
            output, jacobians = use.runner.linearize(data if several else data[0], *parameters, **context)
            outputs = output if isinstance(output, tuple) else (output,)
            values += outputs
            masks += output_masks(layer, jacobians, data_masks, len(outputs))
            slots = [value if value < self.inputs else value + shift for value in use.inputs]
            slots += [self.inputs + number for number in use.parameters]
            nodes.append(Node(jacobians, tuple(slots), tuple(value + shift for value in use.outputs), layer))
            states[id(layer)] = jacobians.state or states.get(id(layer), ())
            if use.shares_state:
                changed.update((id(state), value) for state, value in layer._state_pairs(jacobians.state or ()))
        return self._finished(values, masks, nodes, [states.get(id(layer)) for layer in self.stateful_layers])

    def _finished(self, values: list, masks: list, nodes: list[Node], states: list) -> tuple[Data, GraphJacobians]:
        in_shapes = [item.shape if item.dtype.kind in "fc" else None for item in values[: self.inputs]]
        in_shapes += self._parameter_shapes
        ends = [
            (value if value < self.inputs else value + self.parameter_count, values[value].shape)
            for value in self.outputs
        ]
        several = len(self.outputs) > 1
        mask = tuple(masks[value] for value in self.outputs)
        jacobians = GraphJacobians(nodes, in_shapes, ends, self.inputs, states, mask if several else mask[0])
        outputs = tuple(values[value] for value in self.outputs)
        return (outputs if several else outputs[0]), jacobians

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape of the output for that of the input; tuples of shapes if there are several."""
        shapes = list(input_shape) if self.inputs > 1 else [input_shape]
        for use in self.uses:
            data = tuple(shapes[value] for value in use.inputs)
            outputs = use.runner.compute_output_shape(data if use.layer.takes_several else data[0])
            shapes += outputs if isinstance(outputs[0], tuple) else [outputs]
        ends = [tuple(shapes[value]) for value in self.outputs]
        return tuple(ends) if len(ends) > 1 else ends[0]

    def update_state(self, state: Sequence) -> None:
        """Store the contents of `GraphJacobians.state`."""
        for parameter, value in self.state_pairs(state):
            parameter.value[...] = value

    def state_pairs(self, state: Sequence) -> Iterator[tuple[Parameter, np.ndarray]]:
        """`(parameter, new value)` for the contents of `state`."""
        return pairs_inside(self.stateful_layers, state)

    @property
    def line(self) -> list[ProgramStage] | None:
        """The uses as a chain, if each takes only the output of the one before; else None."""
        values = range(self.inputs, self.inputs + len(self.uses))
        straight = all(
            use[1:3] == ((value - 1,), (value,)) and use[4:7] == (None, None, None) and not use.layer.takes_several
            for use, value in zip(self.uses, values, strict=True)
        )
        shares = sum(len(use.parameters) for use in self.uses) > self.parameter_count
        if (
            not straight
            or self.inputs > 1
            or self.outputs != (len(self.uses),)
            or shares
            or len(self.layers) < len(self.uses)
        ):
            return None
        places = accumulate((len(use.parameters) for use in self.uses), initial=0)
        return [
            ProgramStage(index, use.layer, start, start + len(use.parameters))
            for index, (use, start) in enumerate(zip(self.uses, places, strict=False))
        ]

    def plan(self, wanted: Sequence[bool], into: Sequence) -> tuple[tuple, tuple]:
        """Plan of `backward` for the Jacobians."""
        return (*[False] * self.inputs, *wanted), (*[None] * self.inputs, *into)

    def backward(self, jacobians: GraphJacobians, cotangent: Data, plan: tuple[tuple, tuple]) -> None:
        """Write the gradients that the plan requires."""
        jacobians.vjp(cotangent, *plan)

    @property
    def last_layers(self) -> list[Any]:
        giving = {value: use for use in self.uses for value in use.outputs}
        layers: list[Any] = []
        for value in self.outputs:
            use = giving.get(value)
            while use and use.layer._keeps_values and use.inputs[0] in giving:
                use = giving[use.inputs[0]]
            layers.append(use and use.layer)
        return layers

    @property
    def labels(self) -> list[tuple[str, list[str]]]:
        """For each use the label of the layer, and the labels of its inputs."""
        return [label_of(use.layer, len(use.inputs)) for use in self.uses]

    def with_layers(self, replace: Callable[[int, Layer], Layer]) -> "Graph":
        """The graph with `replace(number of the use, layer)` in place of each layer."""
        graph = copy.copy(self)
        graph.uses = [use._replace(layer=replace(number, use.layer)) for number, use in enumerate(self.uses)]
        return graph


def in_line(layers: Sequence[Layer], dtype: str, inputs: int = 1) -> Chain | Graph:
    """A program of consecutive layers: a chain, or a graph if they share parameters or pass several values on.

    Args:
        layers: built.
        dtype: as of a `Chain`.
        inputs: how many values the first layer is given.
    """
    counts = [inputs, *(len(shapes_in(layer.output_shape)) for layer in layers)]
    once = len(each_once(layer.parameters for layer in layers)) == sum(len(layer.parameters) for layer in layers)
    if once and set(counts[:-1]) == {1}:
        return Chain(layers, dtype)
    starts = [0, *accumulate(counts)]
    passed = [tuple(range(start, stop)) for start, stop in pairwise(starts)]  # the values before each layer, at the end
    return Graph(list(zip(layers, passed, strict=False)), inputs, passed[-1], (dtype,) * inputs)


def _row(places: Sequence[int]) -> Sequence[int]:
    """`places` as a `range` where they follow one another."""
    row = range(places[0], places[0] + len(places)) if places else range(0)
    return row if list(row) == list(places) else tuple(places)


def _cut(items: Sequence, places: Sequence[int]) -> tuple:
    """The items at these places."""
    if isinstance(places, range):
        return tuple(items[places.start : places.stop])
    return tuple([items[index] for index in places])
