"""Attention as operators; masks of padding have no form there."""

import math
from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lowers, refuse
from nnlite.layers import AdditiveAttention, Attention, MultiHeadAttention

__all__ = []

FORBIDDEN = -1e9


def _causal(layer: Any, scores: Value) -> Value:
    """Scores of keys after the query made hopeless, where the layer says so."""
    if not layer.use_causal_mask:
        return scores
    shapes = layer.input_shape if layer.takes_several else (layer.input_shape,)
    slots = layer.slots_of(len(shapes))
    queries, keys = shapes[slots.query][-2], shapes[slots.value][-2]
    if queries is None or keys is None:
        raise refuse(layer, "with use_causal_mask needs a known number of steps")
    return scores + np.where(np.tril(np.ones((queries, keys), bool)), 0.0, FORBIDDEN)


@lowers(MultiHeadAttention)
def _multi_head(layer: Any, inputs: Any) -> Value:
    data = inputs if isinstance(inputs, list) else [inputs]
    shapes = layer.input_shape if layer.takes_several else (layer.input_shape,)
    slots, size = layer.slots_of(len(data)), 2 if layer.use_bias else 1
    if any(len(shape) != 3 for shape in shapes):
        raise refuse(layer, "goes for inputs (batch, steps, features)")
    values, heads = layer.values, []
    for place, slot in enumerate((slots.query, slots.key, slots.value)):
        kernel, *bias = values[place * size : (place + 1) * size]
        flat = data[slot] @ kernel.reshape(kernel.shape[0], -1)
        flat = flat + bias[0].reshape(-1) if bias else flat
        heads.append(flat.reshape(0, -1, *kernel.shape[1:]).transpose(0, 2, 1, 3))
    query, key, value = heads
    scores = _causal(layer, (query @ key.transpose(0, 1, 3, 2)) * (1 / math.sqrt(layer.key_dim)))
    context = scores.apply("Softmax", axis=-1) @ value
    kernel, *bias = values[3 * size :]
    joined = context.transpose(0, 2, 1, 3).reshape(0, -1, kernel.shape[0] * kernel.shape[1])
    outputs = joined @ kernel.reshape(joined_size(kernel), -1)
    outputs = outputs + bias[0].reshape(-1) if bias else outputs
    return outputs if kernel.ndim == 3 else outputs.reshape(0, -1, *kernel.shape[2:])


def joined_size(kernel: np.ndarray) -> int:
    """Heads times their length, which the output kernel takes."""
    return kernel.shape[0] * kernel.shape[1]


def _weighted(layer: Any, inputs: Any) -> Value:
    data = inputs if isinstance(inputs, list) else [inputs]
    slots = layer.slots_of(len(data))
    query, key, value = (data[slot] for slot in (slots.query, slots.key, slots.value))
    scores = _causal(layer, _scores(layer, query, key))
    return scores.apply("Softmax", axis=-1) @ value


def _scores(layer: Any, query: Value, key: Value) -> Value:
    parameters = list(layer.values)
    if isinstance(layer, Attention) and layer.score_mode == "dot":
        products = query @ key.transpose(0, 2, 1)
        return products * parameters[0] if layer.use_scale else products
    graph = query.graph
    added = query.apply("Unsqueeze", graph.integers(2)) + key.apply("Unsqueeze", graph.integers(1))
    if isinstance(layer, Attention):
        bent = (added * parameters[0] if layer.use_scale else added).apply("Tanh")
        return bent.reduce("Sum", (-1,), keepdims=False) * parameters[-1]
    bent = added.apply("Tanh")
    return (bent * parameters[0] if layer.use_scale else bent).reduce("Sum", (-1,), keepdims=False)


lowers(Attention, AdditiveAttention)(_weighted)
