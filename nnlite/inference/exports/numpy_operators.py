"""ONNX operators in NumPy: functions that are copied verbatim into an exported Python file."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "average_pool",
    "celu",
    "conv",
    "conv_transpose",
    "elu",
    "erf",
    "gru",
    "label_encoder",
    "leaky_relu",
    "log_softmax",
    "lstm",
    "max_pool",
    "pad",
    "rnn",
    "scatter_elements",
    "selu",
    "sigmoid",
    "softmax",
    "step_function",
    "walked",
    "windows_of",
]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(x / 2)) / 2


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    p = np.exp(x - x.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def selu(x: np.ndarray, alpha: float, gamma: float) -> np.ndarray:
    return gamma * elu(x, alpha)


def leaky_relu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * x)


def erf(x: np.ndarray) -> np.ndarray:
    return np.array(list(map(math.erf, x.ravel().tolist())), x.dtype).reshape(x.shape)


def pad(x: np.ndarray, pads: Sequence[int]) -> np.ndarray:
    rank = x.ndim
    return np.pad(x, [(before, after) for before, after in zip(pads[:rank], pads[rank:], strict=True)])


def label_encoder(
    x: np.ndarray,
    values_int64s: Sequence[int],
    default_int64: int,
    keys_strings: Sequence[str] | None = None,
    keys_int64s: Sequence[int] | None = None,
) -> np.ndarray:
    keys: Any = keys_int64s if keys_strings is None else keys_strings
    codes = dict(zip(keys, values_int64s, strict=True))
    return np.array([codes.get(cell, default_int64) for cell in x.ravel().tolist()], np.int64).reshape(x.shape)


def windows_of(
    x: np.ndarray,
    kernel_shape: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    value: float = 0,
) -> list[np.ndarray]:
    rank = len(kernel_shape)
    x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)], constant_values=value)
    lengths = [(x.shape[2 + a] - (kernel_shape[a] - 1) * dilations[a] - 1) // strides[a] + 1 for a in range(rank)]
    cells = []
    for cell in itertools.product(*map(range, kernel_shape)):
        starts = [offset * step for offset, step in zip(cell, dilations, strict=True)]
        parts = [slice(s, s + (n - 1) * step + 1, step) for s, n, step in zip(starts, lengths, strides, strict=True)]
        cells.append(x[(slice(None), slice(None), *parts)])
    return cells


def conv(
    x: np.ndarray,
    w: np.ndarray,
    kernel_shape: Sequence[int],
    group: int = 1,
    dilations: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
) -> np.ndarray:
    rank = len(kernel_shape)
    cells = windows_of(x, kernel_shape, strides or [1] * rank, pads or [0] * 2 * rank, dilations or [1] * rank)
    filters, channels = w.shape[:2]
    flat = w.reshape(group, filters // group, channels, -1)
    outputs: Any = 0
    for index, cell in enumerate(cells):
        rows = cell.reshape(len(x), group, channels, -1)
        outputs = outputs + np.matmul(flat[None, :, :, :, index], rows)
    return outputs.reshape(len(x), filters, *cells[0].shape[2:])


def conv_transpose(
    x: np.ndarray,
    w: np.ndarray,
    kernel_shape: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    output_padding: Sequence[int],
) -> np.ndarray:
    rank = len(kernel_shape)
    lengths = [
        (x.shape[2 + a] - 1) * strides[a] + (kernel_shape[a] - 1) * dilations[a] + 1 + output_padding[a]
        for a in range(rank)
    ]
    full = np.zeros((len(x), w.shape[1], *lengths), x.dtype)
    rows = x.reshape(len(x), x.shape[1], -1)
    for cell in itertools.product(*map(range, kernel_shape)):
        starts = [offset * step for offset, step in zip(cell, dilations, strict=True)]
        parts = [
            slice(s, s + (n - 1) * step + 1, step) for s, n, step in zip(starts, x.shape[2:], strides, strict=True)
        ]
        spread = np.matmul(w[(slice(None), slice(None), *cell)].T, rows)
        full[(slice(None), slice(None), *parts)] += spread.reshape(len(x), -1, *x.shape[2:])
    ends = [length - after for length, after in zip(lengths, pads[rank:], strict=True)]
    return full[(slice(None), slice(None), *map(slice, pads[:rank], ends))]


def max_pool(
    x: np.ndarray, kernel_shape: Sequence[int], strides: Sequence[int], pads: Sequence[int] | None = None
) -> np.ndarray:
    cells = windows_of(x, kernel_shape, strides, pads or [0] * 2 * len(strides), [1] * len(kernel_shape), -np.inf)
    return np.maximum.reduce(cells)


def average_pool(
    x: np.ndarray, kernel_shape: Sequence[int], strides: Sequence[int], pads: Sequence[int], count_include_pad: int
) -> np.ndarray:
    ones = [1] * len(kernel_shape)
    totals: Any = sum(windows_of(x, kernel_shape, strides, pads, ones))
    counts: Any = sum(windows_of(np.ones((1, 1, *x.shape[2:]), x.dtype), kernel_shape, strides, pads, ones))
    return totals / counts


def scatter_elements(x: np.ndarray, places: np.ndarray, updates: np.ndarray, axis: int) -> np.ndarray:
    outputs = x.copy()
    np.put_along_axis(outputs, places, updates, axis)
    return outputs


def walked(new: np.ndarray, old: np.ndarray, step: int, lengths: np.ndarray | None) -> np.ndarray:
    return new if lengths is None else np.where((step < lengths)[:, None], new, old)


def step_function(name: str) -> Callable[[np.ndarray], np.ndarray]:
    return {
        "Tanh": np.tanh,
        "Sigmoid": sigmoid,
        "Relu": lambda x: np.maximum(x, 0),
        "Softsign": lambda x: x / (1 + np.abs(x)),
    }[name]


def lstm(
    x: np.ndarray,
    w: np.ndarray,
    r: np.ndarray,
    b: np.ndarray,
    lengths: np.ndarray | None,
    h: np.ndarray | None,
    c: np.ndarray | None,
    hidden_size: int,
    activations: Sequence[str],
    **_options: Any,
) -> tuple[np.ndarray, ...]:
    gate, inner, outer = map(step_function, activations)
    bias = b[0, : 4 * hidden_size] + b[0, 4 * hidden_size :]
    zeros = np.zeros((x.shape[1], hidden_size), x.dtype)
    hidden, carried, outputs = zeros if h is None else h[0], zeros if c is None else c[0], []
    for step, row in enumerate(x @ w[0].T + bias):
        i, o, f, g = np.split(row + hidden @ r[0].T, 4, axis=1)
        carried = walked(gate(f) * carried + gate(i) * inner(g), carried, step, lengths)
        hidden = walked(gate(o) * outer(carried), hidden, step, lengths)
        outputs.append(hidden)
    return np.stack(outputs)[:, None], hidden[None], carried[None]


def gru(
    x: np.ndarray,
    w: np.ndarray,
    r: np.ndarray,
    b: np.ndarray,
    lengths: np.ndarray | None,
    h: np.ndarray | None,
    hidden_size: int,
    activations: Sequence[str],
    linear_before_reset: int,
    **_options: Any,
) -> tuple[np.ndarray, ...]:
    gate, inner = map(step_function, activations)
    units = hidden_size
    mine, others = b[0, : 3 * units], b[0, 3 * units :]
    hidden = np.zeros((x.shape[1], units), x.dtype) if h is None else h[0]
    outputs = []
    for step, row in enumerate(x @ w[0].T + mine):
        z, reset = np.split(gate(row[:, : 2 * units] + hidden @ r[0, : 2 * units].T + others[: 2 * units]), 2, axis=1)
        if linear_before_reset:
            candidate = inner(row[:, 2 * units :] + reset * (hidden @ r[0, 2 * units :].T + others[2 * units :]))
        else:
            candidate = inner(row[:, 2 * units :] + (reset * hidden) @ r[0, 2 * units :].T + others[2 * units :])
        hidden = walked((1 - z) * candidate + z * hidden, hidden, step, lengths)
        outputs.append(hidden)
    return np.stack(outputs)[:, None], hidden[None]


def rnn(
    x: np.ndarray,
    w: np.ndarray,
    r: np.ndarray,
    b: np.ndarray,
    lengths: np.ndarray | None,
    h: np.ndarray | None,
    hidden_size: int,
    activations: Sequence[str],
    **_options: Any,
) -> tuple[np.ndarray, ...]:
    inner = step_function(activations[0])
    bias = b[0, :hidden_size] + b[0, hidden_size:]
    hidden = np.zeros((x.shape[1], hidden_size), x.dtype) if h is None else h[0]
    outputs = []
    for step, row in enumerate(x @ w[0].T + bias):
        hidden = walked(inner(row + hidden @ r[0].T), hidden, step, lengths)
        outputs.append(hidden)
    return np.stack(outputs)[:, None], hidden[None]
