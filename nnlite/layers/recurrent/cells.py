"""Cells: what a recurrent layer does at each step."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.layers.base.call import bound_copy
from nnlite.layers.base.layer import Layer
from nnlite.layers.regularization.dropout import Dropout
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.tracing import Trace, Traced
from nnlite.random import RandomSource, child_of
from nnlite.registry import outlives
from nnlite.registry.field_types import BelowOne, Count, Index
from nnlite.registry.fields import FromSpec, FromSpecs, option
from nnlite.regularizers import Regularizer

__all__ = ["GatedWeights", "RNNCell", "StackedRNNCells"]


class RNNCell(Layer, abstract=True):
    """One step of a recurrent layer, for `RNN(cell)`.

    A subclass writes `build(input_shape)`, the attribute or property `state_size` (one length, or a list of them) and
    `call(inputs, states) -> (output, new_states)` out of functions of `nnlite.ops`; `call` may also take `training`
    and `random`. Its output is as long as its first state unless it has another `output_size`.

    As a layer of its own, a cell takes `inputs` and starts from states of zeros, or takes the tuple
    `(inputs, *states)` and returns the tuple `(output, *new_states)`.

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

    def bound(self, traced: dict[int, Any]) -> Callable[..., tuple[Any, tuple]]:
        """`step(inputs, states, training, random) -> (output, states)` with the given values of the parameters.

        Args:
            traced: id of each parameter -> its traced value.
        """
        twin = bound_copy(self, traced, None)

        def step(inputs, states, **context):
            output, states = twin.call(inputs, states, **{name: context[name] for name in self._call_context})
            return output, tuple(states) if isinstance(states, (list, tuple)) else (states,)

        return step

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if isinstance(input_shape[0], (tuple, list)):
            batch = input_shape[0][0]
            return ((batch, self.output_size), *((batch, size) for size in self.sizes))
        return (input_shape[0], self.output_size)

    @outlives("call")  # it runs it
    def linearize(
        self, inputs: Any, *parameters: np.ndarray, training: bool = False, random: RandomSource | None = None
    ) -> tuple[Any, Any]:
        several, trace = isinstance(inputs, tuple), Trace()
        x, *states = [trace.variable(value) for value in (inputs if several else (inputs,))]
        states = states or [np.zeros((len(x), size), x.dtype) for size in self.sizes]
        if [state.shape for state in states] != [(len(x), size) for size in self.sizes]:
            raise ShapeError(f"{self.label} needs states {self.sizes}, got {[state.shape for state in states]}")
        traced = {id(own): trace.variable(value) for own, value in zip(self.parameters, parameters, strict=True)}
        output, states = self.bound(traced)(x, states, training=training, random=random)
        ends = (output, *states) if several else (output,)
        values = tuple(end.value if isinstance(end, Traced) else end for end in ends)
        jacobians = trace.jacobians(*ends, data=len(inputs) if several else 1)
        return (values if several else values[0]), jacobians


class StackedRNNCells(RNNCell):
    """Cells on top of one another: each takes the output of the one before. Its states are theirs, one after another.

    Shape: `(batch, features) -> (batch, output size of the last cell)`.

    Args:
        cells: the cells, the first takes the inputs.
    """

    cells: FromSpecs[RNNCell]

    def validate(self) -> None:
        if not self.cells:
            raise ConfigError("StackedRNNCells needs at least one cell", ("StackedRNNCells", "cells"))

    @property
    def state_size(self) -> tuple[int, ...]:
        return tuple(size for cell in self.cells for size in cell.sizes)

    @property
    def output_size(self) -> int:
        return self.cells[-1].output_size

    def build(self, input_shape: tuple) -> None:
        shape = (None, features_of(self, input_shape))
        for index, cell in enumerate(self.cells):
            cell.dtype = cell.dtype or self.dtype
            shape = cell._ensure_built(shape, child_of(self.random, index))
            self.parameters.extend(cell.parameters)

    def bound(self, traced: dict[int, Any]) -> Callable[..., tuple[Any, tuple]]:
        steps = [cell.bound(traced) for cell in self.cells]

        def step(inputs, states, training, random):
            new, start = [], 0
            for index, (cell, own) in enumerate(zip(self.cells, steps, strict=True)):
                stop = start + len(cell.sizes)
                inputs, states_after = own(
                    inputs, states[start:stop], training=training, random=child_of(random, index)
                )
                new += states_after
                start = stop
            return inputs, tuple(new)

        return step


class GatedWeights(Layer, abstract=True):
    """What the built-in recurrent layers and their cells share: arguments, weights and dropout."""

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
    def state_size(self) -> int:
        return self.units

    def add_kernels(self, input_shape: tuple, gates: int, bias_shape: Shape) -> None:
        """Declare kernel, recurrent kernel and bias for `gates` blocks of columns."""
        features = features_of(self, input_shape)
        width = gates * self.units
        self.kernel = self.add_weight(
            (features, width),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
            name="recurrent_kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                bias_shape,
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def noise(
        self, rate: float, shape: Shape, dtype: np.dtype, place: int, training: bool, random: Any
    ) -> np.ndarray | None:
        """What dropout multiplies by, one draw for all steps of a sequence; None where nothing is dropped."""
        if not training or rate == 0:
            return None
        source = random if self.seed is None else RandomSource(self.seed, random.step)
        return Dropout(rate).linearize(np.ones(shape, dtype), training=True, random=source.child(place))[0]

    def dropped(
        self, inputs: np.ndarray, hidden: np.ndarray, training: bool, random: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and hidden state of a step after dropout."""
        dtype = np.real(np.zeros((), inputs.dtype)).dtype
        own = self.noise(self.dropout, inputs.shape, dtype, 0, training, random)
        recurrent = self.noise(self.recurrent_dropout, hidden.shape, dtype, 1, training, random)
        return inputs if own is None else inputs * own, hidden if recurrent is None else hidden * recurrent

    def activated(self, x: Any) -> Any:
        """`activation(x)`."""
        return x if self.activation is None else self.activation(x)


def features_of(layer: Any, input_shape: tuple) -> int:
    """Length of the last axis of the inputs, the first of several; `ShapeError` unless they have the right rank."""
    shape = input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape
    if len(shape) != layer.input_rank or shape[-1] is None:
        wanted = "(batch, features)" if layer.input_rank == 2 else "(batch, steps, features)"
        raise ShapeError(f"{layer.label} needs inputs of shape {wanted}, got {tuple(shape)}")
    return shape[-1]
