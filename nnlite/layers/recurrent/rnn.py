"""Common parts of recurrent layers."""

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from nnlite import ops
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import RecurrentJacobians, UnrolledJacobians
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.call import LayerTrace
from nnlite.layers.base.contract.input_spec import Described, InputSpec
from nnlite.layers.base.contract.naming import put_inside
from nnlite.layers.base.inputs import variant_for
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.masks import step_mask
from nnlite.layers.recurrent.calls import examples_in, first_shape, flat, sequence_call, with_steps_of
from nnlite.layers.recurrent.cells import RNNCell, noise
from nnlite.layers.recurrent.cells_of_cells import StackedRNNCells
from nnlite.ops.tracing import Traced
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, child_of, fresh_seed
from nnlite.registry import constructor_parameters
from nnlite.registry.bounds import Count
from nnlite.registry.names import default_name

__all__ = ["Recurrent"]


class Recurrent(Layer, abstract=True):
    """Base of recurrent layers: a cell, the loop over steps, initial and final states, masks.

    `cell_class` is the class of a cell that is made of the layer's own arguments and shares its parameters; a layer
    without one has the field `cell`.

    The layer takes a sequence, and by `initial_state`, or in the tuple `(sequence, *initial_states)`, the states before
    the first step. Where the mask is false, a step leaves the states unchanged and repeats the output before it
    (zeros if there is none). The number of steps may differ from call to call.

    Shape: `(batch, steps, features) -> (batch, units)`, with return_sequences `(batch, steps, units)`; with
    return_state a tuple: the output, then each last state `(batch, units)`, those of stacked cells in a list for each.

    Args:
        return_sequences: whether the output has all steps, in the order in which they were taken.
        return_state: whether the last states are returned too.
        go_backwards: whether the last step is taken first.
        stateful: whether each batch starts from the last states of the one before, in training, `predict`, `evaluate`
            and calls; `reset_states()` sets zeros, also where a cell gives other first states. Validation within `fit`
            starts from the states that training left and leaves them, where Keras moves them on.
        batch_size: examples in each batch, which `stateful` needs to know; None takes it from an Input that says it, or
            from the first call of the layer.
        zero_output_for_mask: whether the output of a masked step is zero.
        unroll: accepted for Keras's sake: steps always run in sequence.
    """

    if TYPE_CHECKING:  # of the layers whose cells have derivatives written by hand
        dropout, recurrent_dropout = cast(float, 0.0), cast(float, 0.0)
        scan = cast("Callable[..., Any]", None)

    return_sequences: bool = field(default=False, kw_only=True)
    return_state: bool = field(default=False, kw_only=True)
    go_backwards: bool = field(default=False, kw_only=True)
    stateful: bool = field(default=False, kw_only=True)
    batch_size: Count | None = field(default=None, kw_only=True)
    zero_output_for_mask: bool = field(default=False, kw_only=True)
    unroll: bool = field(default=False, kw_only=True)

    supports_masking, _sets_mask = True, True
    input_rank = 3
    fuses: ClassVar[bool] = False  # whether `scan` computes all steps, with derivatives written by hand
    cell_class: ClassVar[type[RNNCell] | None] = None
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"fuses": ("cell_class",)}
    takes_several = None
    input_spec = Described(lambda layer: InputSpec(ndim=layer.input_rank))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._moves_on, self._batch_of_input = self.stateful, False
        if self.cell_class is not None:
            settings = {"name", "dtype"}  # of the layer: the cell's follow when it is built
            names = constructor_parameters(self.cell_class).keys() - settings
            self.cell = self.cell_class(**{name: getattr(self, name) for name in names})
            put_inside(self.cell, self, default_name(self.cell_class))
            self._step: RNNCell = self.cell

    @property
    def state_size(self) -> list[Any]:
        """The length of each state, of stacked cells one for each, or a list of several."""
        cell: Any = self._step
        return [cell.state_size] if isinstance(cell.state_size, int) else list(cell.state_size)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The length of each state."""
        return self._step.sizes

    @property
    def output_size(self) -> int:
        """The length of the output of a step."""
        return self._step.output_size

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The default initial states, nested like `state_size`."""
        return self._step.get_initial_state(batch_size)

    def build(self, input_shape: tuple) -> None:
        cell, step_shape = self._step, self.step_shape(input_shape)
        cell.dtype = cell._given_dtype or self.dtype
        if self.cell_class is not None:
            self.random = self.cell.random = self.random or RandomSource(fresh_seed())  # its weights are the layer's
        cell._ensure_built((None, *step_shape), child_of(self.random, 0))
        self.parameters.extend(cell.parameters)
        if self.cell_class is not None:
            weights = {name: value for name, value in vars(self.cell).items() if isinstance(value, Parameter)}
            vars(self).update(weights)

    def _build_whole(self):
        super()._build_whole()
        if not self.stateful:
            return
        self.know_batch(first_shape(self.input_shape)[0], by_input=False)
        if self.batch_size is None:
            raise ConfigError(
                f"{self.label} is stateful, so it needs to know the examples in each batch: give it batch_size=..., or "
                "the Input batch_shape=(...)"
            )
        _, *shapes = self._step.step_shapes(self.step_shape(self.input_shape))
        for index, shape in enumerate(shapes):
            self.add_weight((self.batch_size, *shape), "zeros", trainable=False, name=f"state_{index}")
        self._step.begin(self.parameters[-len(shapes) :])

    def know_batch(self, size: int | None, by_input: bool = True) -> None:
        if self.stateful and self.batch_size is None:
            self.batch_size, self._batch_of_input = size, by_input

    def _arguments(self) -> dict[str, Any]:
        arguments = super()._arguments()  # the `Input` of the model says it again
        return {**arguments, "batch_size": None} if self._batch_of_input else arguments

    def step_shape(self, input_shape: tuple) -> tuple[int, ...]:
        """The shape of the inputs of a step, without the batch; `ShapeError` unless they have the right rank."""
        shape = first_shape(input_shape)
        if len(shape) != self.input_rank or None in shape[2:]:
            wanted = "(batch, steps, features)" if self.input_rank == 3 else f"of {self.input_rank} known axes"
            raise ShapeError(f"{self.label} needs inputs of shape {wanted}, got {tuple(shape)}")
        return tuple(shape[2:])

    @property
    def states(self) -> list[Parameter] | None:
        """States of a stateful layer; None for any other."""
        return self.parameters[self.weight_count :] if self.stateful else None

    @property
    def weights(self) -> list[Parameter]:
        """The parameters in Keras's order, without the states of a stateful layer."""
        return super().weights[: self.weight_count]

    def _read_call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None
    ) -> LayerCall:
        return sequence_call(self, sequences, initial_state, mask, training)

    def _as_input(self, inputs: Any) -> Any:
        if not self.built:
            self.know_batch(examples_in(inputs), by_input=False)
        return Layer._as_input(variant_for(self, inputs), inputs)

    def _check_input_shape(self, shape: tuple) -> None:
        super()._check_input_shape(with_steps_of(self, shape))

    def reset_states(self) -> None:
        """Reset the states of a stateful layer to zeros."""
        for parameter in self.states or ():
            parameter.value[...] = 0

    reset_state = reset_states

    @property
    def weight_count(self) -> int:
        """Number of parameters before the states."""
        return len(self.parameters) - (len(self.sizes) if self.stateful else 0)

    def _check_linearize(self) -> None:
        if not self.stateful:  # the length of a trial batch would not fit
            super()._check_linearize()

    def compute_output_shape(self, input_shape: tuple, initial_state_shape: Any = None) -> tuple:
        batch, steps, *step = first_shape(input_shape)
        output, *states = self._step.step_shapes(tuple(step))
        shape = (batch, steps, *output) if self.return_sequences else (batch, *output)
        return (shape, *((batch, *state) for state in states)) if self.return_state else shape

    def _as_returned(self, output: Any) -> Any:
        output = super()._as_returned(output)
        if not (self.return_state and isinstance(self._step, StackedRNNCells)):
            return output
        return (output[0], *self._step.returned(output[1:]))

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        sequence, *states = inputs if isinstance(inputs, tuple) else (inputs,)
        weights, kept = parameters[: self.weight_count], parameters[self.weight_count :]
        self._check(sequence, states or kept)
        mask = self._ordered_mask(mask[0] if isinstance(mask, tuple) else mask, sequence)
        first = states or kept or [*flat(self._step.first_states(len(sequence), sequence.shape[2:]))]
        first = [state if np.iscomplexobj(state) else np.asarray(state, sequence.dtype) for state in first]
        in_shapes = [sequence.shape, *(s.shape for s in states), *(w.shape for w in weights), *[None] * len(kept)]
        run = self._scanned if self.fuses and not (training and self.recurrent_dropout) else self._unrolled
        output, last, jacobians = run(sequence, first, len(states), weights, mask, in_shapes, training, random)
        jacobians.mask = self._drawn_mask(inputs, mask)
        jacobians.state = tuple(last) if self.stateful else ()
        return ((output, *last) if self.return_state else output), jacobians

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = previous_mask[0] if isinstance(previous_mask, (tuple, list)) else previous_mask
        shown = mask if self.return_sequences else None
        return (shown, *[None] * len(self.sizes)) if self.return_state else shown

    def _scanned(self, sequence, first, n_states, weights, mask, in_shapes, training, random):
        """All steps by `scan`, whose derivatives are written by hand."""
        dropped = noise(self, self.dropout, sequence[:, 0].shape, sequence.real.dtype, 0, training, random)
        rows = (sequence[:, ::-1] if self.go_backwards else sequence).swapaxes(0, 1)
        rows = rows if dropped is None else rows * dropped
        counted = None if mask is None else mask.T[..., None].astype(sequence.real.dtype)
        rows, hidden, last, recurrence = self.scan(rows, first, weights, counted)
        keep = None if mask is None else self._shown(mask).astype(sequence.real.dtype)[..., None]
        output = hidden[1:].swapaxes(0, 1) if self.return_sequences else hidden[-1]
        output = output.copy() if keep is None else output * (keep if self.return_sequences else keep[:, -1])
        jacobians = RecurrentJacobians(
            recurrence,
            rows,
            weights[0],
            in_shapes,
            data=1 + n_states,
            sequences=self.return_sequences,
            ends=self.return_state,
            keep=keep,
            noise=dropped,
            reverse=self.go_backwards,
        )
        return output, last, jacobians

    def _shown(self, mask):
        """Whether the output of a step is shown: for the last time, or again at later steps that are masked."""
        return mask if self.zero_output_for_mask else np.logical_or.accumulate(mask, axis=1)

    def _unrolled(self, sequence, first, n_states, weights, mask, in_shapes, training, random):
        """All steps by the cell's own `call`, recorded."""
        trace = LayerTrace(training, random)
        ordered = sequence[:, ::-1] if self.go_backwards else sequence
        rows = [trace.variable(row) for row in np.moveaxis(ordered, 1, 0)]
        states = tuple(trace.variable(state) if n_states else state for state in first)
        parameters = self.parameters[: self.weight_count]
        traced = {id(parameter): trace.variable(value) for parameter, value in zip(parameters, weights, strict=True)}
        step, outputs = self._step.bound(traced, trace), []
        shape, *_ = self._step.step_shapes(sequence.shape[2:])
        blank = output = np.zeros((len(sequence), *shape), sequence.dtype)
        for index, row in enumerate(rows):
            new, after = step(row, states, training=training, random=random)
            if mask is not None:
                counts = mask[:, index].reshape(-1, *(1,) * len(shape))
                new = ops.where(counts, new, blank if self.zero_output_for_mask else output)
                after = [ops.where(counts, now, before) for now, before in zip(after, states, strict=True)]
            output, states = new, after
            outputs.append(new)
        ends: list[Any] = [ops.stack(outputs, axis=1) if self.return_sequences else output]
        ends += states if self.return_state else ()
        graph = trace.jacobians(*ends, data=len(rows) + n_states)
        jacobians = UnrolledJacobians(graph, len(rows), in_shapes, reverse=self.go_backwards)
        last = [state.value if isinstance(state, Traced) else state for state in states]
        return ends[0].value, last, jacobians

    def _check(self, sequence, states) -> None:
        batch, steps = sequence.shape[:2]
        if steps == 0:
            raise ShapeError(f"{self.label} needs at least one step, got inputs of shape {sequence.shape}")
        if self.stateful and batch != self.batch_size:
            raise ShapeError(f"{self.label} is stateful with batch_size={self.batch_size}, got {batch} examples")
        if not states:
            return
        _, *shapes = self._step.step_shapes(sequence.shape[2:])
        wanted, lengths = [(batch, *shape) for shape in shapes], [state.shape for state in states]
        if wanted != lengths:
            raise ShapeError(
                f"{self.label} needs {len(shapes)} states of the shapes {', '.join(map(str, wanted))}, "
                f"got {', '.join(map(str, lengths))}"
            )

    def _ordered_mask(self, mask, sequence):
        """`mask` in the order in which steps are taken, or None."""
        mask = None if mask is None else step_mask(mask, sequence.shape[:2], self.label)
        return mask[:, ::-1] if mask is not None and self.go_backwards else mask
