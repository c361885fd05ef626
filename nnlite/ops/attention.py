"""Scaled dot-product attention."""

import math

import numpy as np

from nnlite import kernels
from nnlite.jacobians.bundles.attention import AttentionJacobians, turned
from nnlite.kernels.reference.attention import HIDDEN as HIDDEN, AttentionInputs

__all__ = []


def attend(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    scale: np.ndarray | float = 1.0,
    hidden: np.ndarray | None = None,
    noise: np.ndarray | None = None,
    noise_scale: float = 1.0,
) -> tuple[np.ndarray, AttentionJacobians]:
    """context = (softmax(scale * query @ key.T) * noise * noise_scale) @ value for each head, and its Jacobians.

    Shape: query `(batch, ..., steps, heads, key_dim)`, key `(batch, ..., others, heads, key_dim)`, value
    `(batch, ..., others, heads, value_dim)` `-> (batch, ..., steps, heads, value_dim)`.

    Args:
        query, key, value: the arrays.
        scale: factor of the scores.
        hidden: true where a query must not attend to a key, broadcast to `(batch, ..., heads, steps, others)`.
        noise: what the softmax is multiplied by, booleans or numbers of that shape.
        noise_scale: a further factor.
    """
    lead = query.shape[:-3]
    query, key, value = (array.reshape(math.prod(lead), *array.shape[-3:]) for array in (query, key, value))
    shape = (len(query), query.shape[2], key.shape[1], query.shape[1])
    hidden, noise = (None if array is None else turned(array, lead, shape) for array in (hidden, noise))
    inputs = AttentionInputs(query, key, value, scale, hidden, noise, noise_scale)
    outputs = kernels.attend(inputs)
    jacobians = AttentionJacobians(inputs, outputs, lead)
    return outputs.context.reshape(jacobians.out_shape), jacobians
