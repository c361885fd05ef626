"""Recurrent layers: what they share, and RNN, which repeats any cell."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from nnlite import ops
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import RecurrentJacobians, UnrolledJacobians
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.masks import step_mask
from nnlite.layers.recurrent.cells import RNNCell, StackedRNNCells, features_of
from nnlite.ops.tracing import Trace, Traced
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, child_of, fresh_seed
from nnlite.registry import constructor_parameters
from nnlite.registry.field_types import Count
from nnlite.registry.fields import Converted, Spec

__all__ = ["RNN", "Recurrent"]


class Recurrent(Layer, abstract=True):
    """What recurrent layers share: a cell, the walk over the steps, first and last states, masks.

    `cell_class` is the class of a cell that is made of the layer's own arguments and shares its parameters; a layer
    without one has the field `cell`.

    The layer takes a sequence, or the tuple `(sequence, *initial_states)`. Where the mask is false, a step leaves the
    states as they are and repeats the output before it (zeros if there is none).

    Shape: `(batch, steps, features) -> (batch, units)`, with return_sequences `(batch, steps, units)`; with
    return_state a tuple: the output, then each last state `(batch, units)`.

    Args:
        return_sequences: whether the output has all steps, in the order in which they were taken.
        return_state: whether the last states are returned too.
        go_backwards: whether the last step is taken first.
        stateful: whether each batch goes on from the last states of the one before, in training, `predict`, `evaluate`
            and calls; `reset_states()` begins with zeros again. Validation within `fit` starts from the states that
            training left and leaves them, where Keras moves them on.
        batch_size: examples in each batch, needed by `stateful`. Keras takes it from the Input.
        zero_output_for_mask: whether the output of a masked step is zero.
    """

    if TYPE_CHECKING:  # of the layers whose cells have derivatives written by hand
        dropout, recurrent_dropout = cast(float, 0.0), cast(float, 0.0)
        noise, scan = cast("Callable[..., Any]", None), cast("Callable[..., Any]", None)

    return_sequences: bool = field(default=False, kw_only=True)
    return_state: bool = field(default=False, kw_only=True)
    go_backwards: bool = field(default=False, kw_only=True)
    stateful: bool = field(default=False, kw_only=True)
    batch_size: Count | None = field(default=None, kw_only=True)
    zero_output_for_mask: bool = field(default=False, kw_only=True)

    input_rank = 3
    fuses: ClassVar[bool] = False  # whether `scan` computes all steps, with derivatives written by hand
    cell_class: ClassVar[type[RNNCell] | None] = None
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"fuses": ("cell_class",)}
    takes_several = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._moves_on = self.stateful
        if self.cell_class is not None:
            own = {"name", "trainable", "dtype"}  # of the layer: the cell's follow when it is built
            names = constructor_parameters(self.cell_class).keys() - own
            self.cell = self.cell_class(**{name: getattr(self, name) for name in names})

    def validate(self) -> None:
        if self.stateful and self.batch_size is None:
            raise ConfigError("stateful needs batch_size, the examples in each batch", (type(self).__name__,))

    @property
    def state_size(self) -> int | tuple[int, ...]:
        """The length of the state, or of each of several."""
        cell: Any = self.cell
        return cell.state_size

    @property
    def sizes(self) -> tuple[int, ...]:
        """The length of each state."""
        return self.cell.sizes

    @property
    def output_size(self) -> int:
        """The length of the output of a step."""
        return self.cell.output_size

    def build(self, input_shape: tuple) -> None:
        features = features_of(self, input_shape)
        self.cell.dtype = self.cell.dtype or self.dtype
        if self.cell_class is not None:
            self.random = self.cell.random = self.random or RandomSource(fresh_seed())  # its weights are the layer's
        self.cell._ensure_built((None, features), child_of(self.random, 0))
        self.parameters.extend(self.cell.parameters)
        if self.cell_class is not None:
            weights = {name: value for name, value in vars(self.cell).items() if isinstance(value, Parameter)}
            vars(self).update(weights)

    def _build_whole(self):
        super()._build_whole()
        for index, size in enumerate(self.sizes if self.stateful else ()):
            self.add_weight((self.batch_size, size), "zeros", trainable=False, name=f"state_{index}")

    def reset_states(self) -> None:
        """Let a stateful layer begin with zeros again."""
        for parameter in self.parameters[self.weight_count :]:
            parameter.value[...] = 0

    reset_state = reset_states

    @property
    def weight_count(self) -> int:
        """How many parameters come before the states that are kept."""
        return len(self.parameters) - (len(self.sizes) if self.stateful else 0)

    def _check_linearize(self) -> None:
        if not self.stateful:  # the length of a trial batch would not fit
            super()._check_linearize()

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, steps, _ = input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape
        shape = (batch, steps, self.output_size) if self.return_sequences else (batch, self.output_size)
        return (shape, *((batch, size) for size in self.sizes)) if self.return_state else shape

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        sequence, *given = inputs if isinstance(inputs, tuple) else (inputs,)
        weights, kept = parameters[: self.weight_count], parameters[self.weight_count :]
        self._check(sequence, given or kept)
        mask = self._ordered_mask(mask[0] if isinstance(mask, tuple) else mask, sequence)
        first = given or kept or [np.zeros((len(sequence), size), sequence.dtype) for size in self.sizes]
        in_shapes = [sequence.shape, *(s.shape for s in given), *(w.shape for w in weights), *[None] * len(kept)]
        run = self._scanned if self.fuses and not (training and self.recurrent_dropout) else self._unrolled
        output, last, jacobians = run(sequence, first, len(given), weights, mask, in_shapes, training, random)
        jacobians.mask = self.mask_of_outputs(mask, len(last))
        jacobians.state = tuple(last) if self.stateful else ()
        return ((output, *last) if self.return_state else output), jacobians

    def mask_of_outputs(self, mask: np.ndarray | None, states: int) -> Any:
        """The mask that a sequence keeps; for several outputs a tuple, None for each of so many `states`."""
        shown = mask if self.return_sequences else None
        return (shown, *[None] * states) if self.return_state else shown

    def _scanned(self, sequence, first, given, weights, mask, in_shapes, training, random):
        """All steps by `scan`, whose derivatives are written by hand."""
        noise = self.noise(self.dropout, sequence[:, 0].shape, sequence.real.dtype, 0, training, random)
        rows = (sequence[:, ::-1] if self.go_backwards else sequence).swapaxes(0, 1)
        rows = rows if noise is None else rows * noise
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
            data=1 + given,
            sequences=self.return_sequences,
            ends=self.return_state,
            keep=keep,
            noise=noise,
            reverse=self.go_backwards,
        )
        return output, last, jacobians

    def _shown(self, mask):
        """Whether the output of a step is shown: for the last time, or again at later steps that are masked."""
        return mask if self.zero_output_for_mask else np.logical_or.accumulate(mask, axis=1)

    def _unrolled(self, sequence, first, given, weights, mask, in_shapes, training, random):
        """All steps by the cell's own `call`, recorded."""
        trace = Trace()
        ordered = sequence[:, ::-1] if self.go_backwards else sequence
        rows = [trace.variable(row) for row in np.moveaxis(ordered, 1, 0)]
        states = tuple(trace.variable(state) if given else state for state in first)
        own = self.parameters[: self.weight_count]
        traced = {id(parameter): trace.variable(value) for parameter, value in zip(own, weights, strict=True)}
        step, outputs = self.cell.bound(traced), []
        blank = output = np.zeros((len(sequence), self.output_size), sequence.dtype)
        for index, row in enumerate(rows):
            new, after = step(row, states, training=training, random=random)
            if mask is not None:
                counts = mask[:, index, None]
                new = ops.where(counts, new, blank if self.zero_output_for_mask else output)
                after = [ops.where(counts, now, before) for now, before in zip(after, states, strict=True)]
            output, states = new, after
            outputs.append(new)
        ends: list[Any] = [ops.stack(outputs, axis=1) if self.return_sequences else output]
        ends += states if self.return_state else ()
        graph = trace.jacobians(*ends, data=len(rows) + given)
        jacobians = UnrolledJacobians(graph, len(rows), in_shapes, reverse=self.go_backwards)
        return ends[0].value, [_value(state) for state in states], jacobians

    def _check(self, sequence, states) -> None:
        batch, steps, sizes = len(sequence), sequence.shape[1], self.sizes
        if steps == 0:
            raise ShapeError(f"{self.label} needs at least one step, got inputs of shape {sequence.shape}")
        if self.stateful and batch != self.batch_size:
            raise ShapeError(f"{self.label} is stateful with batch_size={self.batch_size}, got {batch} examples")
        wanted, found = [(batch, size) for size in sizes], [state.shape for state in states]
        if states and wanted != found:
            raise ShapeError(
                f"{self.label} needs {len(sizes)} states of the shapes {', '.join(map(str, wanted))}, "
                f"got {', '.join(map(str, found))}"
            )

    def _ordered_mask(self, mask, sequence):
        """`mask` in the order in which steps are taken, or None."""
        if mask is None:
            return None
        mask = step_mask(mask, sequence.shape[:2], self.label)
        return mask[:, ::-1] if self.go_backwards else mask


def reset_states(layer: Layer) -> None:
    """Let the stateful layers in a layer begin with zeros again."""
    for inner in inner_layers(layer):
        inner.reset_states() if isinstance(inner, Recurrent) else reset_states(inner)


class RNN(Recurrent):
    """Repeats a cell over the steps of a sequence: output_t, states_t = cell(inputs_t, states_{t-1}).

    The steps are recorded one by one, so that any cell has its derivatives; `SimpleRNN`, `LSTM` and `GRU` are several
    times faster than this with their cells.

    Shape: `(batch, steps, features) -> (batch, units)`; see `Recurrent`, also for the further arguments.

    Args:
        cell: the cell, or a list of cells on top of one another.

    Raises:
        ShapeError: inputs of another rank, a mask or first states of the wrong shape.
    """

    cell: Converted[Spec[RNNCell] | Sequence[Spec[RNNCell]], RNNCell | list[RNNCell]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.cell, list):
            self.cell = StackedRNNCells(self.cell)


def _value(state):
    return state.value if isinstance(state, Traced) else state
