"""Recurrent layers as operators."""

from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lower, lowers, refuse
from nnlite.layers import GRU, LSTM, Bidirectional, SimpleRNN, TimeDistributed
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
    return np.concatenate([parts[place] for place in order], axis=-1).T


def _run(layer: Any, inputs: Any, op: str, order: list[int], names: list[str], **attributes: Any) -> Any:
    """The layer by one of the operators LSTM, GRU and RNN, whose gates stand in `order`."""
    if layer.stateful:
        raise refuse(layer, "keeps states from batch to batch; stateful=False goes")
    sequence, *first = inputs if isinstance(inputs, list) else [inputs]
    graph, units = sequence.graph, layer.units
    kernel, recurrent, *bias = layer.values
    both = _both_biases(bias[0] if bias else np.zeros(len(order) * units, kernel.dtype), len(order), units)
    biases = np.concatenate([_blocks(part[None], order)[:, 0] for part in both])
    states = [state.apply("Unsqueeze", graph.integers(0)) for state in first]
    count = len(layer.sizes)
    outputs = graph.add_several(
        op,
        1 + count,
        _reversed(layer, sequence).transpose(1, 0, 2),
        _blocks(kernel, order)[None],
        _blocks(recurrent, order)[None],
        biases[None],
        None,
        *(states or [None] * count),
        hidden_size=units,
        activations=names,
        **attributes,
    )
    last = [state.apply("Squeeze", graph.integers(0)) for state in outputs[1:]]
    steps = outputs[0].apply("Squeeze", graph.integers(1)).transpose(1, 0, 2)
    output = steps if layer.return_sequences else last[0]
    return [output, *last] if layer.return_state else output


def _reversed(layer: Any, sequence: Value) -> Value:
    if not layer.go_backwards:
        return sequence
    return sequence.cut(1, -1, np.iinfo(np.int64).min, -1)


def _both_biases(bias: np.ndarray, gates: int, units: int) -> list[np.ndarray]:
    """The biases of inputs and states, each `(gates * units,)`."""
    return list(bias) if bias.ndim == 2 else [bias, np.zeros(gates * units, bias.dtype)]


@lowers(LSTM)
def _lstm(layer: Any, inputs: Any) -> Any:
    names = [_name(layer, f) for f in (layer.recurrent_activation, layer.activation, layer.activation)]
    return _run(layer, inputs, "LSTM", [0, 3, 1, 2], names)


@lowers(GRU)
def _gru(layer: Any, inputs: Any) -> Any:
    names = [_name(layer, f) for f in (layer.recurrent_activation, layer.activation)]
    return _run(layer, inputs, "GRU", [0, 1, 2], names, linear_before_reset=int(layer.reset_after))


@lowers(SimpleRNN)
def _simple(layer: Any, inputs: Any) -> Any:
    return _run(layer, inputs, "RNN", [0], [_name(layer, layer.activation)])


@lowers(Bidirectional)
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
    merged = _merged(layer, forward, backward)
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


@lowers(TimeDistributed)
def _time_distributed(layer: Any, x: Value) -> Value:
    shape, after = layer.input_shape, layer.output_shape
    if None in shape[1:]:
        raise refuse(layer, "needs known lengths of its axes")
    rows = lower(layer.layer, x.reshape(-1, *shape[2:]))
    return rows.reshape(-1, *after[1:])
