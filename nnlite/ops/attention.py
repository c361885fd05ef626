"""Scaled dot-product attention."""

import numpy as np

from nnlite.arrays.types import Array
from nnlite.jacobians.bundles.attention import AttentionJacobians, blocks

__all__ = []

HIDDEN = -1e9  # the score of what must not be attended to, as in Keras: a row where all is hidden is uniform


def attend(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    scale: np.ndarray | float = 1.0,
    hidden: np.ndarray | None = None,
    noise: np.ndarray | None = None,
) -> tuple[np.ndarray, AttentionJacobians]:
    """context = (softmax(scale * query @ key.T) * noise) @ value for each head, and its `AttentionJacobians`.

    Shape: query `(batch, ..., steps, heads, key_dim)`, key `(batch, ..., others, heads, key_dim)`, value
    `(batch, ..., others, heads, value_dim)` `-> (batch, ..., steps, heads, value_dim)`.

    Args:
        query, key, value: the arrays.
        scale: factor of the scores.
        hidden: true where a query must not attend to a key, broadcast to `(batch, ..., heads, steps, others)`.
        noise: what the softmax is multiplied by, of that shape.
    """
    by_head = [array.swapaxes(-2, -3) for array in (query, key, value)]
    dtype = np.result_type(*by_head)
    weights = np.empty((*by_head[0].shape[:-1], by_head[1].shape[-2]), dtype)
    context = np.empty((*query.shape[:-1], value.shape[-1]), dtype)
    ones = np.ones(weights.shape[-1], dtype)
    hidden = None if hidden is None else np.broadcast_to(hidden, weights.shape)
    for here in blocks(weights):
        q, k, v = (array[here] for array in by_head)
        p: Array = np.matmul(q * scale, k.swapaxes(-1, -2), out=weights[here])
        if hidden is not None:
            np.copyto(p, HIDDEN, where=hidden[here])
        p -= p.real.max(axis=-1, keepdims=True)
        np.exp(p, out=p)
        p /= (p @ ones)[..., None]  # the sum along the last axis, which is slow elementwise
        dropped = p if noise is None else p * noise[here]
        np.matmul(dropped, v, out=context.swapaxes(-2, -3)[here])
    return context, AttentionJacobians(query, key, value, context, weights, scale, hidden, noise)
