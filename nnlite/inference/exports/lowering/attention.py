"""Attention as operators."""

import math
from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lowers, refuse
from nnlite.layers import AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention

__all__ = []

FORBIDDEN = -1e9


def _allowed(layer: Any, data: list[Value], scores: Value, heads: bool) -> Value:
    """Scores of what a query may not attend to made hopeless: steps masked, after the query, or too far from it.

    Args:
        heads: whether the scores have an axis of heads, after the batch.
    """
    scores, slots = _near(layer, scores), layer.slots_of(len(data))
    parts = [data[slot].mask for slot in sorted({slots.value, slots.key})]
    masks = [mask.expand_dims(*((1, 2) if heads else (1,))) for mask in parts if mask is not None]
    query = data[slots.query].mask
    if query is not None and layer.hides_queries:
        masks.append(query.expand_dims(*((1, 3) if heads else (2,))))
    for mask in masks:
        scores = scores.graph.where(mask, scores, FORBIDDEN)
    return scores


def _near(layer: Any, scores: Value) -> Value:
    """Scores of keys after the query, or too far from it, made hopeless, where the layer says so."""
    if not layer.use_causal_mask and layer.sliding_window is None:
        return scores
    shapes = _shapes_of(layer)
    slots = layer.slots_of(len(shapes))
    queries, keys = shapes[slots.query][-2], shapes[slots.value][-2]
    if queries is None or keys is None:
        name = "use_causal_mask" if layer.use_causal_mask else "sliding_window"
        raise refuse(layer, f"with {name} needs a known number of steps")
    zeros = tuple(np.zeros((1, shape[-2] or 1, 1), "float32") for shape in shapes)  # (batch, steps, features)
    allowed, _ = layer.allowed(zeros, None)
    return scores + np.where(allowed, 0.0, FORBIDDEN)


def _shapes_of(layer: Any) -> tuple[tuple[int | None, ...], ...]:
    """The shapes of the inputs; `ConfigError` unless the layer has one output and takes `(batch, steps, features)`."""
    several = isinstance(layer.input_shape[0], tuple)
    shapes = layer.input_shape if several else (layer.input_shape,)
    if layer.return_attention_scores:
        raise refuse(layer, "goes without return_attention_scores")
    if any(len(shape) != 3 for shape in shapes):
        raise refuse(layer, "goes for inputs (batch, steps, features)")
    return shapes


@lowers(GroupQueryAttention, MultiHeadAttention, heeds_masks=True)
def _multi_head(layer: Any, inputs: Any) -> Value:
    data = inputs if isinstance(inputs, list) else [inputs]
    _shapes_of(layer)
    slots, size = layer.slots_of(len(data)), 2 if layer.use_bias else 1
    weights = [layer.values[index : index + size] for index in range(0, len(layer.values), size)]
    query, key, *gate, value, last = weights
    q, k, v = (
        _heads(data[slot], *projection)
        for slot, projection in zip((slots.query, slots.key, slots.value), (query, key, value), strict=True)
    )
    heads = layer.heads
    if heads.keys < heads.queries:
        shared = [head * heads.keys // heads.queries for head in range(heads.queries)]
        k, v = k.take(shared, axis=1), v.take(shared, axis=1)
    scores = _allowed(layer, data, (q @ k.transpose(0, 1, 3, 2)) * (1 / math.sqrt(heads.key_dim)), heads=True)
    context = scores.apply("Softmax", axis=-1) @ v
    if gate:
        context = context * _heads(data[slots.query], *gate[0]).apply("Sigmoid")
    kernel, *bias = last
    width = math.prod(kernel.shape[:2])  # heads times their length
    joined = context.transpose(0, 2, 1, 3).reshape(0, -1, width)
    outputs = joined @ kernel.reshape(width, -1)
    outputs = outputs + bias[0].reshape(-1) if bias else outputs
    shaped = outputs if kernel.ndim == 3 else outputs.reshape(0, -1, *kernel.shape[2:])
    return shaped.masked(data[slots.query].mask)


def _heads(x: Value, kernel: np.ndarray, *bias: np.ndarray) -> Value:
    """Project the steps with a kernel for each head, `(batch, heads, steps, width)`."""
    flat = x @ kernel.reshape(kernel.shape[0], -1)
    flat = flat + bias[0].reshape(-1) if bias else flat
    return flat.reshape(0, -1, *kernel.shape[1:]).transpose(0, 2, 1, 3)


def _weighted(layer: Any, inputs: Any) -> Value:
    data = inputs if isinstance(inputs, list) else [inputs]
    _shapes_of(layer)
    slots = layer.slots_of(len(data))
    query, key, value = (data[slot] for slot in (slots.query, slots.key, slots.value))
    scores = _allowed(layer, data, _scores(layer, query, key), heads=False)
    outputs = scores.apply("Softmax", axis=-1) @ value
    return outputs if query.mask is None else (outputs * query.mask.expand_dims(2).cast("float32")).masked(query.mask)


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


lowers(Attention, AdditiveAttention, heeds_masks=True)(_weighted)
