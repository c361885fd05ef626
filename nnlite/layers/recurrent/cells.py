"""Cells: the computation of a recurrent layer at each step."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.config import floatx
from nnlite.constraints import Constraint
from nnlite.errors import ShapeError
from nnlite.initializers import Initializer
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.call import LayerTrace, bound_copy, build_inner_layers, inner_layers
from nnlite.layers.base.inputs import variant_for
from nnlite.layers.base.layer import Layer
from nnlite.layers.recurrent.calls import flat
from nnlite.layers.regularization.dropout import Dropout
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.tracing import Traced
from nnlite.parameters import Parameter
from nnlite.random import RandomSource
from nnlite.registry import outlives
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["GatedWeights", "RNNCell"]


class RNNCell(Layer, abstract=True):
    """One step of a recurrent layer, for `RNN(cell)`.

    A subclass writes `build(input_shape)`, the attribute or property `state_size` (one length, or a list of them) and
    `call(inputs, states) -> (output, new_states)` out of functions of `nnlite.ops` and layers that it keeps; `call`
    may also take `training` and `random`. Its output is as long as its first state unless it has another
    `output_size`. `RNN` takes any other layer of that kind too.

    As a layer of its own, a cell takes `(inputs, states)` and returns `(output, new_states)`; without states it starts
    from zeros and returns the output, and a tuple `(inputs, *states)` gives the tuple `(output, *new_states)`.

    >>> import numpy as np
    >>> from nnlite import ops
    >>> from nnlite.layers import RNN, RNNCell
    >>> class Accumulate(RNNCell):
    ...     units: int
    ...     state_size = property(lambda self: self.units)
    ...     def build(self, input_shape):
    ...         self.kernel = self.add_weight((input_shape[-1], self.units), "ones")
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs @ self.kernel
    ...         return total, [total]
    >>> RNN(Accumulate(2))(np.ones((1, 3, 4))).tolist()
    [[12.0, 12.0]]
    """

    input_rank = 2
    takes_several = None
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"bound": ("call",)}

    @property
    def sizes(self) -> tuple[int, ...]:
        """The length of each state."""
        cell: Any = self  # with a `state_size`, as every cell
        size = cell.state_size
        return (size,) if isinstance(size, int) else tuple(size)

    @property
    def output_size(self) -> int:
        """The length of the output of a step."""
        return self.sizes[0]

    def step_shapes(self, input_shape: tuple) -> tuple[tuple[int, ...], ...]:
        """The shapes, without the batch, of the output of a step and of each state, for those of its inputs."""
        return ((self.output_size,), *((size,) for size in self.sizes))

    def get_initial_state(self, batch_size: int) -> list[np.ndarray]:
        """States of zeros, `(batch_size, size)` each: the default initial states."""
        return [np.zeros((batch_size, size), self.dtype or floatx()) for size in self.sizes]

    def first_states(self, batch_size: int, step_shape: tuple[int, ...]) -> list[np.ndarray]:
        """`get_initial_state` for steps of a shape, without the batch."""
        return self.get_initial_state(batch_size)

    def begin(self, states: Sequence[Parameter]) -> None:
        """Write the default initial states into those of a stateful layer, which are zeros.

        Zeros that nobody writes take no memory, whatever batch size a file asks for.
        """
        for state, first in zip(states, flat(self.get_initial_state(1)), strict=True):
            if np.any(first):
                state.value[...] = first

    def nested(self, states: Sequence[Any]) -> list[Any]:
        """A flat sequence of states, nested like `state_size`."""
        return list(states)

    def bound(self, traced: dict[int, Any], trace: LayerTrace) -> Callable[..., tuple[Any, tuple]]:
        """`step(inputs, states, training, random) -> (output, states)` with the given values of the parameters.

        Args:
            traced: id of each parameter -> its traced value.
            trace: where the use of layers that the cell keeps is recorded.
        """
        return step_of(self, traced, trace)

    def _build_whole(self) -> None:
        super()._build_whole()
        build_layers_of(self, self)

    def __call__(self, inputs: Any, states: Any = None, training: bool | None = None) -> Any:
        """The output of a step, and with `states` the pair of it and the new states."""
        call = self._read_call(inputs, states, training)
        output = super().__call__(call.inputs, training=call.training)
        if states is None:
            return output
        return (output[0], list(output[1:])) if isinstance(states, (list, tuple)) else output

    def _read_call(self, inputs: Any, states: Any = None, training: bool | None = None, mask: Any = None) -> LayerCall:
        return LayerCall(self, inputs if states is None else (inputs, *flat(states)), training, mask)

    def _as_input(self, inputs: Any) -> Any:
        return Layer._as_input(variant_for(self, inputs), inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        several = isinstance(input_shape[0], (tuple, list))
        first = input_shape[0] if several else input_shape
        shapes = tuple((first[0], *shape) for shape in self.step_shapes(tuple(first[1:])))
        return shapes if several else shapes[0]

    @outlives("call")  # it runs it
    def linearize(
        self, inputs: Any, *parameters: np.ndarray, training: bool = False, random: RandomSource | None = None
    ) -> tuple[Any, Any]:
        several, trace = isinstance(inputs, tuple), LayerTrace(training, random)
        x, *states = [trace.variable(value) for value in (inputs if several else (inputs,))]
        _, *shapes = self.step_shapes(x.shape[1:])
        states = states or [np.zeros((len(x), *shape), x.dtype) for shape in shapes]
        if [state.shape for state in states] != [(len(x), *shape) for shape in shapes]:
            raise ShapeError(f"{self.label} needs states {shapes}, got {[state.shape for state in states]}")
        traced = {
            id(parameter): trace.variable(value) for parameter, value in zip(self.parameters, parameters, strict=True)
        }
        output, states = self.bound(traced, trace)(x, states, training=training, random=random)
        ends = (output, *states) if several else (output,)
        values = tuple(end.value if isinstance(end, Traced) else end for end in ends)
        jacobians = trace.jacobians(*ends, data=len(inputs) if several else 1)
        return (values if several else values[0]), jacobians


class GatedWeights(Layer, abstract=True):
    """Base of the built-in recurrent layers and their cells: arguments, and their weights."""

    if TYPE_CHECKING:  # declared by `add_gates`
        kernel, recurrent_kernel, bias = cast(Any, None), cast(Any, None), cast(Any, None)

    units: Count
    activation: FromSpec[ActivationFunction | None] = option(default="tanh")
    use_bias: bool = field(default=True, kw_only=True)
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform", kw_only=True)
    recurrent_initializer: FromSpec[Initializer] = option(default="orthogonal", kw_only=True)
    bias_initializer: FromSpec[Initializer] = option(default="zeros", kw_only=True)
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None, kw_only=True)
    recurrent_regularizer: FromSpec[Regularizer | None] = option(default=None, kw_only=True)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None, kw_only=True)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    recurrent_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    dropout: BelowOne = field(default=0.0, kw_only=True)
    recurrent_dropout: BelowOne = field(default=0.0, kw_only=True)
    seed: Index | None = field(default=None, kw_only=True)

    @property
    def state_size(self) -> Any:
        """Length of each state: `units`."""
        return self.units

    def add_kernels(self, input_shape: tuple, gates: int, bias_shape: Shape) -> None:
        """Create kernel, recurrent kernel and bias for `gates` blocks of columns."""
        features, width = features_of(self, input_shape), gates * self.units
        add_gates(self, (features, width), (self.units, width), bias_shape)


def add_gates(layer: Any, kernel_shape: Shape, recurrent_shape: Shape, bias_shape: Shape) -> None:
    """Create kernel, recurrent kernel and bias of a layer with the arguments of `GatedWeights`."""
    layer.kernel = layer.add_weight(
        kernel_shape,
        layer.kernel_initializer,
        regularizer=layer.kernel_regularizer,
        constraint=layer.kernel_constraint,
        name="kernel",
    )
    layer.recurrent_kernel = layer.add_weight(
        recurrent_shape,
        layer.recurrent_initializer,
        regularizer=layer.recurrent_regularizer,
        constraint=layer.recurrent_constraint,
        name="recurrent_kernel",
    )
    if layer.use_bias:
        layer.bias = layer.add_weight(
            bias_shape,
            layer.bias_initializer,
            regularizer=layer.bias_regularizer,
            constraint=layer.bias_constraint,
            name="bias",
        )


def noise(
    layer: Any, rate: float, shape: Shape, dtype: np.dtype, index: int, training: bool, random: Any
) -> np.ndarray | None:
    """Dropout factors, drawn once for all steps of a sequence; None without dropout."""
    if not training or rate == 0:
        return None
    source = random.seeded(layer.seed).child(index)
    return Dropout(rate).linearize(np.ones(shape, dtype), training=True, random=source)[0]


def dropped(
    layer: Any, inputs: np.ndarray, hidden: np.ndarray, training: bool, random: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and hidden state of a step after dropout; without `random` by the source of the layer."""
    random = random or layer.random
    dtype = np.real(np.zeros((), inputs.dtype)).dtype
    factors = noise(layer, layer.dropout, inputs.shape, dtype, 0, training, random)
    recurrent = noise(layer, layer.recurrent_dropout, hidden.shape, dtype, 1, training, random)
    return inputs if factors is None else inputs * factors, hidden if recurrent is None else hidden * recurrent


def activated(layer: Any, x: Any) -> Any:
    """`activation(x)`."""
    return x if layer._activation_argument is None else layer.activation(x)


def step_of(cell: Layer, traced: dict[int, Any], trace: LayerTrace) -> Callable[..., tuple[Any, tuple]]:
    """`cell.call` as a step of a sequence, with these values of its parameters; see `RNNCell.bound`."""

    def use(inner: Layer, inputs: Any, **options: Any) -> Any:
        return trace.use(inner, inputs, [traced[id(parameter)] for parameter in inner.parameters], **options)

    twin = bound_copy(cell, traced, use)

    def step(inputs: Any, states: Any, **context: Any) -> tuple[Any, tuple]:
        options = {name: context[name] for name in cell._call_context if name in context}
        twin.random = context.get("random") or twin.random  # for a `call` that does not hand it on, see `dropped`
        output, after = twin.call(inputs, list(states), **options)
        ends = (output, *(after if isinstance(after, (list, tuple)) else (after,)))
        output, *states = (end if isinstance(end, Traced) else trace.constant(end) for end in ends)
        return output, tuple(states)

    return step


def build_layers_of(cell: Layer, step: RNNCell) -> None:
    """Build the layers inside a cell for the inputs that its `call` gives them; their parameters become the cell's.

    Args:
        cell: built but for them.
        step: what says how long its states are.
    """
    if inner_layers(cell):
        shape = cell.input_shape[0] if isinstance(cell.input_shape[0], (tuple, list)) else cell.input_shape
        _, *states = [np.zeros((1, *size), cell.dtype) for size in step.step_shapes(shape[1:])]
        build_inner_layers(cell, np.zeros((1, *shape[1:]), cell.dtype), states)


def features_of(layer: Any, input_shape: tuple) -> int:
    """Length of the last axis of the inputs, the first of several; `ShapeError` unless they have the right rank."""
    shape = input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape
    if len(shape) != layer.input_rank or shape[-1] is None:
        wanted = "(batch, features)" if layer.input_rank == 2 else "(batch, steps, features)"
        raise ShapeError(f"{layer.label} needs inputs of shape {wanted}, got {tuple(shape)}")
    return shape[-1]
