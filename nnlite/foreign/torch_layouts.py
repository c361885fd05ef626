"""PyTorch's names and layouts of a layer's parameters."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnlite.layers import Layer

__all__ = ["converted"]

Arrays = Mapping[str, np.ndarray]


def converted(layer: Layer, arrays: Arrays, flattened: tuple[int, ...] | None) -> dict[int, np.ndarray] | None:
    """Number of a parameter -> the array for it; None if the names are not those of such a layer.

    Args:
        layer: built.
        arrays: of one module, by the last part of their names.
        flattened: the shape `(*spatial, channels)` whose numbers a `Dense` takes in one row, channels last; in PyTorch
            they come channels first.
    """
    names = [parameter.name for parameter in layer.parameters]
    if set(arrays) == set(names) and len(set(names)) == len(names) and not _is_torch(arrays, names):
        return {number: arrays[name] for number, name in enumerate(names)}
    kind = type(layer).__name__
    rule = RULES.get(kind) or RULES.get(kind.rstrip("123D"))
    weights = {name: array for name, array in arrays.items() if name != "num_batches_tracked"}
    try:
        laid_out = None if rule is None else rule(layer, weights, flattened)
    except (KeyError, ValueError, IndexError):  # other names, or shapes that cannot be brought into order
        return None
    if laid_out is None or len(laid_out) != len(names):
        return None
    return dict(enumerate(laid_out))


def _is_torch(arrays: Arrays, names: list[str]) -> bool:
    return "weight" in arrays or names == ["bias"]


def _taken(arrays: Arrays, *names: str) -> list[np.ndarray]:
    """The arrays of these names, if there are no others."""
    if set(arrays) - set(names):
        raise KeyError(next(iter(set(arrays) - set(names))))
    return [arrays[name] for name in names if name in arrays]


def _dense(layer: Layer, arrays: Arrays, flattened: tuple[int, ...] | None) -> list[np.ndarray]:
    weight, *bias = _taken(arrays, "weight", "bias")
    if flattened is not None:
        *spatial, channels = flattened
        whole = weight.reshape(len(weight), channels, *spatial)
        return [np.moveaxis(whole, (0, 1), (-1, -2)).reshape(weight.shape[::-1]), *bias]
    return [weight.T, *bias]


def _convolution(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    """`(outputs, inputs, *window)`, or `(inputs, outputs, *window)` of a transposed one, as `(*window, ...)`."""
    weight, *bias = _taken(arrays, "weight", "bias")
    return [np.moveaxis(weight, (0, 1), (-1, -2)), *bias]


def _depthwise(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    weight, *bias = _taken(arrays, "weight", "bias")
    multiplier = layer.parameters[0].shape[-1]
    whole = weight.reshape(len(weight) // multiplier, multiplier, *weight.shape[2:])
    return [np.moveaxis(whole, (0, 1), (-2, -1)), *bias]


def _batch_normalization(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    return _taken(arrays, "weight", "bias", "running_mean", "running_var")


def _scale(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    return _taken(arrays, "weight", "bias")


def _prelu(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    (slopes,) = _taken(arrays, "weight")
    return [np.broadcast_to(slopes, layer.parameters[0].shape)]


def _recurrent(arrays: Arrays, ending: str, order: list[int], joined: bool) -> list[np.ndarray]:
    """Kernels with their gates in order, and biases: joined into one vector, or stacked."""

    def gates(array: np.ndarray) -> np.ndarray:
        parts = np.split(array, len(order))
        return np.concatenate([parts[number] for number in order])

    weights = [gates(arrays[f"weight_{part}{ending}"]).T for part in ("ih", "hh")]
    if f"bias_ih{ending}" not in arrays:
        return weights
    biases = [gates(arrays[f"bias_{part}{ending}"]) for part in ("ih", "hh")]
    return [*weights, biases[0] + biases[1] if joined else np.stack(biases)]


def _one_way(order: list[int], joined: bool) -> Callable[..., list[np.ndarray]]:
    def rule(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
        weights = _recurrent(arrays, "", order, joined)
        if len(arrays) != (2 if len(weights) == 2 else 4):
            raise KeyError("names of two directions")
        return weights

    return rule


# PyTorch has the gates i, f, g, o of the LSTM, as here, and r, z, n of the GRU, here z, r, n.
GATES: dict[str, tuple[list[int], bool]] = {
    "LSTM": ([0, 1, 2, 3], True),
    "GRU": ([1, 0, 2], False),
    "SimpleRNN": ([0], True),
}


def _bidirectional(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    order, joined = GATES[type(vars(layer)["layer"]).__name__]
    return [*_recurrent(arrays, "", order, joined), *_recurrent(arrays, "_reverse", order, joined)]


def _attention(layer: Layer, arrays: Arrays, flattened: Any) -> list[np.ndarray]:
    """Query, key and value in one matrix, then the output: `(features, features)` as `(features, heads, key_dim)`."""
    heads = vars(layer)["num_heads"]
    weights = np.split(arrays["in_proj_weight"], 3)
    biases = np.split(arrays["in_proj_bias"], 3) if "in_proj_bias" in arrays else []
    parameters: list[np.ndarray] = []
    for number, weight in enumerate(weights):
        parameters.append(weight.T.reshape(weight.shape[1], heads, -1))
        parameters += [biases[number].reshape(heads, -1)] if biases else []
    last = arrays["out_proj.weight"]
    return [*parameters, last.T.reshape(heads, -1, len(last)), *([arrays["out_proj.bias"]] if biases else [])]


RULES: dict[str, Callable[..., list[np.ndarray]]] = {
    "Dense": _dense,
    "Conv": _convolution,
    **{f"Conv{rank}DTranspose": _convolution for rank in (1, 2, 3)},
    "DepthwiseConv": _depthwise,
    "BatchNormalization": _batch_normalization,
    **dict.fromkeys(("LayerNormalization", "GroupNormalization", "RMSNormalization", "Embedding"), _scale),
    "PReLU": _prelu,
    **{kind: _one_way(order, joined) for kind, (order, joined) in GATES.items()},
    **{f"{kind}Cell": _one_way(order, joined) for kind, (order, joined) in GATES.items()},
    "Bidirectional": _bidirectional,
    "MultiHeadAttention": _attention,
}
