"""Scaled dot-product attention, forwards and backwards, in blocks that stay in the cache, in NumPy.

The scores of a block lie keys by queries, so that what belongs to a query varies along rows: largest scores, sums and
their subtraction are then vectorized. The softmax is computed again on the way back, from the largest score of each
query and its sum of exponentials, rather than kept.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.arrays.types import Array

__all__ = ["attend", "attention_pull", "attention_push"]

HIDDEN = -1e9  # the score of what must not be attended to, as in Keras: a row where all is hidden is uniform
BLOCK = 2**18  # bytes of scores that are worked on at a time: they stay in the processor's cache
LEAST_QUERIES = 16  # fewer at a time make products slow

Block = tuple[slice, slice, slice]  # examples, heads, queries


class AttentionInputs(NamedTuple):
    """The arrays of context = (softmax(scale * query @ key.T) * noise * noise_scale) @ value, of each head.

    Args:
        query: `(examples, steps, heads, key_dim)`.
        key, value: `(examples, others, heads, key_dim)` and `(examples, others, heads, value_dim)`.
        scale: factor of the scores.
        hidden: true where a query must not attend to a key, `(examples, heads, others, steps)`; None for nowhere.
        noise: what the softmax is multiplied by, booleans or numbers of that shape; None for 1.
        noise_scale: a further factor.
    """

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    scale: np.ndarray | float = 1.0
    hidden: np.ndarray | None = None
    noise: np.ndarray | None = None
    noise_scale: float = 1.0


class AttentionOutputs(NamedTuple):
    """The results of a forward pass that are kept.

    Args:
        context: `(examples, steps, heads, value_dim)`.
        largest, total: of each query the largest score and the sum of exp(score - largest),
            `(examples, heads, steps)`.
    """

    context: np.ndarray
    largest: np.ndarray
    total: np.ndarray


def attend(inputs: AttentionInputs) -> AttentionOutputs:
    """The context of every head."""
    outputs = empty_outputs(inputs)
    context, largest, total = outputs
    query, key, value, by_head = (array.swapaxes(1, 2) for array in (*inputs[:3], context))
    ones = np.ones(key.shape[2], total.dtype)
    for here in _blocks(total, len(ones)):
        examples, heads, rows = here
        p: Array = _scores(query, key, inputs, here)
        largest[here] = p.real.max(axis=-2)
        p -= largest[here][..., None, :]
        np.exp(p, out=p)
        np.matmul(ones, p, out=total[here])  # in a third of the time of a sum
        if inputs.noise is not None:
            p *= inputs.noise[examples, heads, :, rows]
        np.matmul(p.swapaxes(-1, -2), value[examples, heads], out=by_head[here])
    by_head *= (inputs.noise_scale / total)[..., None]
    return outputs


def empty_outputs(inputs: AttentionInputs) -> AttentionOutputs:
    """Room for what `attend` returns."""
    query, key, value = inputs[:3]
    dtype = np.result_type(query, key, value)
    shape = (len(query), query.shape[2], query.shape[1])
    context = np.empty((*query.shape[:-1], value.shape[-1]), dtype)
    return AttentionOutputs(context, np.empty(shape, dtype.type(0).real.dtype), np.empty(shape, dtype))


def attention_pull(
    inputs: AttentionInputs, outputs: AttentionOutputs, cotangent: np.ndarray, wanted: Sequence[bool] = (True,) * 3
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """The cotangents of query, key and value; None for what is not wanted.

    With p the softmax, g the cotangent, n the noise and its scale:

    - that of value is `(p * n).T @ g`;
    - that of the scores `s = p * ((g @ value.T) * n - sum(g * context))`, 0 where hidden;
    - that of query `s @ key * scale`, that of key `s.T @ query * scale`.

    Args:
        inputs, outputs: what `attend` got and returned.
        cotangent: `(*seeds, examples, steps, heads, value_dim)`.
        wanted: for which of the three.
    """
    seeds, total = cotangent.shape[: cotangent.ndim - 4], outputs.total[..., None]
    dtype = np.result_type(cotangent, outputs.context)
    results = [
        np.empty(seeds + array.shape, dtype) if want else None for array, want in zip(inputs[:3], wanted, strict=True)
    ]
    by_query, by_key, by_value = (None if array is None else array.swapaxes(-2, -3) for array in results)
    query, key, value = (array.swapaxes(1, 2) for array in inputs[:3])
    along = np.einsum("...i,...i->...", cotangent, outputs.context)[..., None].swapaxes(-2, -3) / total
    along, slopes = along.swapaxes(-1, -2), cotangent.swapaxes(-2, -3) / total  # else the exponentials were divided
    for here in _blocks(outputs.total, key.shape[2]):
        examples, heads, rows = here
        keys, queries = (..., examples, heads, slice(None), slice(None)), (..., *here, slice(None))
        p, g = _exponentials(query, key, inputs, outputs, here), slopes[queries]
        if by_value is not None:
            _multiply(_dropped(p, inputs, here), g * inputs.noise_scale, by_value[keys], rows)
        if by_query is None and by_key is None:
            continue
        s = np.matmul(value[examples, heads], np.multiply(g.swapaxes(-1, -2), inputs.noise_scale, order="C"))
        s = _by_scores(s, p, along[..., examples, heads, :, rows], inputs, here)
        if by_query is not None:
            np.matmul(s.swapaxes(-1, -2), key[examples, heads], out=by_query[queries])
        if by_key is not None:
            _multiply(s, query[here], by_key[keys], rows)
    for result in results[:2]:
        if result is not None:
            result *= inputs.scale
    return results[0], results[1], results[2]


def attention_push(
    inputs: AttentionInputs, outputs: AttentionOutputs, tangents: Sequence[np.ndarray | None]
) -> np.ndarray | None:
    """The tangent of the context, `(*seeds, examples, steps, heads, value_dim)`, for those of query, key and value.

    None stands for a tangent that is zero, also returned.
    """
    arrays = [array for array in tangents if array is not None]
    if not arrays:
        return None
    result = np.zeros(arrays[0].shape[:-4] + outputs.context.shape, np.result_type(outputs.context, *arrays))
    query, key, value, by_head = (array.swapaxes(-2, -3) for array in (*inputs[:3], result))
    by_query, by_key, by_value = (None if array is None else array.swapaxes(-2, -3) for array in tangents)
    for here in _blocks(outputs.total, key.shape[2]):
        examples, heads, _ = here
        keys, queries = (..., examples, heads, slice(None), slice(None)), (..., *here, slice(None))
        p = _exponentials(query, key, inputs, outputs, here) / outputs.total[here][..., None, :]
        if by_value is not None:
            by_head[queries] += _dropped(p, inputs, here).swapaxes(-1, -2) @ by_value[keys]
        s = 0
        if by_query is not None:
            s = key[examples, heads] @ by_query[queries].swapaxes(-1, -2)
        if by_key is not None:
            s = s + by_key[keys] @ query[here].swapaxes(-1, -2)
        if by_query is not None or by_key is not None:
            s = p * _shown(s * inputs.scale, inputs, here)
            s -= p * s.sum(axis=-2, keepdims=True)
            by_head[queries] += _dropped(s, inputs, here).swapaxes(-1, -2) @ value[examples, heads]
    result *= inputs.noise_scale
    return result


def _blocks(total: np.ndarray, others: int) -> Iterator[Block]:
    """Blocks of examples, heads and queries whose scores fit into the cache."""
    sizes, room = [], BLOCK // max(1, others * total.itemsize)
    for index, count in enumerate(total.shape):
        sizes.append(max(1, min(count, room // max(1, math.prod(total.shape[index + 1 :])))))
    sizes[2] = max(sizes[2], LEAST_QUERIES)
    examples, heads, rows = (
        [slice(start, start + size) for start in range(0, count, size)]
        for count, size in zip(total.shape, sizes, strict=True)
    )
    return ((example, head, row) for example in examples for head in heads for row in rows)


def _scores(query, key, inputs, here):
    """`(examples, heads, others, queries)` of a block."""
    examples, heads, _ = here
    scaled = np.multiply(query[here].swapaxes(-1, -2), inputs.scale, order="C")  # half the time of a view's product
    scores = np.matmul(key[examples, heads], scaled)
    if inputs.hidden is not None:
        np.copyto(scores, HIDDEN, where=_part(inputs.hidden, here))
    return scores


def _exponentials(query, key, inputs, outputs, here):
    """exp(score - largest score of the query) of a block, again."""
    p = _scores(query, key, inputs, here)
    p -= outputs.largest[here][..., None, :]
    return np.exp(p, out=p)


def _by_scores(slopes, p, along, inputs, here):
    """The cotangent of the scores of a block, from that of the dropped weights, which is overwritten."""
    if inputs.noise is not None:
        slopes *= _part(inputs.noise, here)
    slopes -= along
    slopes *= p
    return _shown(slopes, inputs, here)


def _shown(scores, inputs, here):
    """0 where a key is hidden, else unchanged; in place."""
    if inputs.hidden is not None:
        np.copyto(scores, 0, where=_part(inputs.hidden, here))
    return scores


def _dropped(p, inputs, here):
    return p if inputs.noise is None else p * _part(inputs.noise, here)


def _part(pairs, here):
    examples, heads, rows = here
    return pairs[examples, heads, :, rows]


def _multiply(left, right, out, rows):
    """Write the product of the first block of queries, add those of others."""
    if rows.start:
        out += left @ right
    else:
        np.matmul(left, right, out=out)
