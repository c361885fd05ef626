"""Recurrent layers, and the mean of steps, as operators."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lower, lowers, refuse
from nnlite.layers import GRU, LSTM, Bidirectional, GlobalAveragePooling1D, SimpleRNN, TimeDistributed
from nnlite.ops.activations import ActivationFunction, ReLU, Sigmoid, Softsign, Tanh

__all__ = []

NAMES = {Tanh: "Tanh", Sigmoid: "Sigmoid", ReLU: "Relu", Softsign: "Softsign"}


def _name(layer: Any, function: ActivationFunction | None) -> str:
    name = NAMES.get(type(function))
    if name is None or (isinstance(function, ReLU) and function.kernel_code() is None):  # a bent ReLU
        raise refuse(layer, f"has the activation {function or 'Linear'}; tanh, sigmoid, relu and softsign go")
    return name


def _blocks(matrix: np.ndarray, order: list[int]) -> np.ndarray:
    """The gates' blocks of columns in another order, as rows."""
    parts = np.split(matrix, len(order), axis=-1)
    return np.concatenate([parts[gate] for gate in order], axis=-1).T


@dataclass(frozen=True)
class _Compressed:
    """A sequence whose steps that count come first, so that an operator that knows lengths walks over them alone.

    Args:
        mask: booleans `(batch, steps)` in the order of the walk.
        counts: the same as integers.
        lengths: how many steps of each row count, `(batch, 1)`.
    """

    mask: Value
    counts: Value
    lengths: Value

    @classmethod
    def of(cls, mask: Value) -> "_Compressed":
        counts = mask.cast("int64")
        return cls(mask, counts, counts.reduce("Sum", (1,)))

    def compress(self, sequence: Value) -> Value:
        """The steps that count in their order, then the others in theirs."""
        one = np.int64(1)
        skipped = (self.counts * np.int64(-1)) + one
        front = _running(self.counts) - one
        behind = _running(skipped) + self.lengths - one
        places = front * self.counts + behind * skipped
        return sequence.apply("ScatterElements", _for_each_feature(places, sequence), sequence, axis=1)

    def expand(self, steps: Value, zero: bool) -> Value:
        """Outputs in the order of the steps; a step that does not count repeats the one before it, or is zero."""
        last = _running(self.counts) - np.int64(1)
        shown = self.mask if zero else last >= np.int64(0)
        places = _for_each_feature(last.apply("Max", np.int64(0)), steps)
        repeated = steps.apply("GatherElements", places, axis=1)
        return repeated * shown.expand_dims(2).cast("float32")

    def operator_lengths(self) -> Value:
        """As operators take them, `(batch,)`, at least 1."""
        return self.lengths.apply("Squeeze", self.lengths.graph.integers(1)).apply("Max", np.int64(1)).cast("int32")

    def last(self, state: Value, zero: bool) -> Value:
        """The output of the last step: zero where no step counts, or that one alone does not."""
        shown = self.mask.cut(1, -1, np.iinfo(np.int64).max) if zero else self.lengths > np.int64(0)
        return state * shown.cast("float32")

    def state(self, last: Value, first: Value | None) -> Value:
        """The last state, or the first one where no step counts."""
        walked = self.lengths > np.int64(0)
        return last.graph.where(walked, last, 0.0 if first is None else first)


def _running(counts: Value) -> Value:
    """Sums of all steps up to each one."""
    return counts.apply("CumSum", np.int64(1))


def _for_each_feature(places: Value, sequence: Value) -> Value:
    """Places `(batch, steps)`, repeated for each feature of a sequence."""
    return places.expand_dims(2).apply("Expand", sequence.apply("Shape"))


def _run(layer: Any, inputs: Any, op: str, order: list[int], names: list[str], **attributes: Any) -> Any:
    """The layer by one of the operators LSTM, GRU and RNN, whose gates are in `order`."""
    if layer.stateful:
        raise refuse(layer, "keeps states from batch to batch; stateful=False goes")
    sequence, *first = inputs if isinstance(inputs, list) else [inputs]
    graph, count, ordered = sequence.graph, len(layer.sizes), _reversed(layer, sequence)
    walk = None if sequence.mask is None else _Compressed.of(_reversed(layer, sequence.mask))
    outputs = graph.add_several(
        op,
        1 + count,
        (ordered if walk is None else walk.compress(ordered)).transpose(1, 0, 2),
        *_weights(layer, order),
        None if walk is None else walk.operator_lengths(),
        *([state.expand_dims(0) for state in first] or [None] * count),
        hidden_size=layer.units,
        activations=names,
        **attributes,
    )
    end, *_ = last = [state.apply("Squeeze", graph.integers(0)) for state in outputs[1:]]
    steps = outputs[0].apply("Squeeze", graph.integers(1)).transpose(1, 0, 2)
    if walk is not None:
        last = [walk.state(state, start) for state, start in zip(last, first or [None] * count, strict=True)]
        steps = walk.expand(steps, layer.zero_output_for_mask).masked(walk.mask)
        end = walk.last(end, layer.zero_output_for_mask)
    output = steps if layer.return_sequences else end
    return [output, *last] if layer.return_state else output


def _weights(layer: Any, order: list[int]) -> list[np.ndarray]:
    """Kernel, recurrent kernel and biases as the operators take them, with the gates in their order."""
    kernel, recurrent, *bias = layer.values
    both = _both_biases(bias[0] if bias else np.zeros(len(order) * layer.units, kernel.dtype), len(order), layer.units)
    biases = np.concatenate([_blocks(part[None], order)[:, 0] for part in both])
    return [_blocks(kernel, order)[None], _blocks(recurrent, order)[None], biases[None]]


def _reversed(layer: Any, sequence: Value) -> Value:
    if not layer.go_backwards:
        return sequence
    return sequence.cut(1, -1, np.iinfo(np.int64).min, -1)


def _both_biases(bias: np.ndarray, gates: int, units: int) -> list[np.ndarray]:
    """The biases of inputs and states, each `(gates * units,)`."""
    return list(bias) if bias.ndim == 2 else [bias, np.zeros(gates * units, bias.dtype)]


@lowers(LSTM, heeds_masks=True)
def _lstm(layer: Any, inputs: Any) -> Any:
    names = [_name(layer, f) for f in (layer.recurrent_activation, layer.activation, layer.activation)]
    return _run(layer, inputs, "LSTM", [0, 3, 1, 2], names)


@lowers(GRU, heeds_masks=True)
def _gru(layer: Any, inputs: Any) -> Any:
    names = [_name(layer, f) for f in (layer.recurrent_activation, layer.activation)]
    return _run(layer, inputs, "GRU", [0, 1, 2], names, linear_before_reset=int(layer.reset_after))


@lowers(SimpleRNN, heeds_masks=True)
def _simple(layer: Any, inputs: Any) -> Any:
    return _run(layer, inputs, "RNN", [0], [_name(layer, layer.activation)])


@lowers(Bidirectional, heeds_masks=True)
def _bidirectional(layer: Any, inputs: Any) -> Any:
    sequence, *first = inputs if isinstance(inputs, list) else [inputs]
    both, half = [], len(layer.layer.sizes)
    for one, states in ((layer.layer, first[:half]), (layer._twin, first[half:])):
        made = lower(one, [sequence, *states] if states else sequence)
        output, *last = made if isinstance(made, list) else [made]
        if one.go_backwards and one.return_sequences:
            output = output.cut(1, -1, np.iinfo(np.int64).min, -1)
        both.append((output, last))
    (forward, its_states), (backward, other_states) = both
    mask = sequence.mask if layer.layer.return_sequences else None
    merged = [value.masked(mask) for value in _merged(layer, forward, backward)]
    return [*merged, *its_states, *other_states] if layer.layer.return_state or len(merged) > 1 else merged[0]


def _merged(layer: Any, forward: Value, backward: Value) -> list[Value]:
    mode = layer.merge_mode
    if mode is None:
        return [forward, backward]
    if mode == "concat":
        return [forward.graph.concat([forward, backward], axis=-1)]
    if mode == "mul":
        return [forward * backward]
    return [(forward + backward) * (0.5 if mode == "ave" else 1.0)]


@lowers(TimeDistributed, heeds_masks=True)
def _time_distributed(layer: Any, x: Value) -> Value:
    shape, after = layer.input_shape, layer.output_shape
    if None in shape[1:]:
        raise refuse(layer, "needs known lengths of its axes")
    rows = lower(layer.layer, x.reshape(-1, *shape[2:]))
    return rows.reshape(-1, *after[1:]).masked(x.mask)


@lowers(GlobalAveragePooling1D, heeds_masks=True)
def _mean_of_steps(layer: Any, x: Value) -> Value:
    axis, features = (2, 1) if layer.channels_first else (1, 2)
    if x.mask is None:
        return x.reduce("Mean", (axis,), keepdims=layer.keepdims)
    counted = x.mask.cast("float32")
    weights = counted / counted.reduce("Sum", (1,)).apply("Max", 1.0)
    return (x * weights.expand_dims(features)).reduce("Sum", (axis,), keepdims=layer.keepdims)
