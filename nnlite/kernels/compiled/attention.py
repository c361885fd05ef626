"""Scaled dot-product attention compiled by Numba, for float32: head by head, from the scores to the context at once.

Matrix products are those of SciPy's library, which read single heads where they lie.
"""

from collections.abc import Sequence

import numpy as np

from nnlite.kernels.compiled.exponential import exp_below_0
from nnlite.kernels.compiled.parts.products import PIECE
from nnlite.kernels.compiled.recurrent import SGEMM, add, compiled, inlined, sgemm
from nnlite.kernels.reference import attention as reference
from nnlite.kernels.reference.attention import AttentionInputs, AttentionOutputs

__all__ = ["attend", "attention_pull"]

ROOM = 2**17  # scores of one head that are worked on at a time: with as many slopes they stay in the cache
HIDDEN = np.float32(reference.HIDDEN)
ZERO, ONE = np.float32(0), np.float32(1)
N, T = np.uint8(ord("N")), np.uint8(ord("T"))


@inlined
def _multiply(address, letters, sizes, factors, left, right, out):
    """BLAS: out = factors[0] * left @ right + factors[1] * out, in column order; `letters` say what is transposed."""
    sgemm(address, letters.ctypes, sizes.ctypes, factors.ctypes, left.ctypes, right.ctypes, out.ctypes)


@inlined
def _raise_to(values, largest):
    for i in range(largest.size):
        largest[i] = values[i] if values[i] > largest[i] else largest[i]


@inlined
def _exponentials(values, largest):
    for i in range(largest.size):
        values[i] = exp_below_0(values[i] - largest[i])


@inlined
def _hide(values, hidden, number):
    for i in range(values.size):
        values[i] = number if hidden[i] else values[i]


@inlined
def _drop(values, noise, out):
    for i in range(values.size):
        out[i] = values[i] if noise[i] else ZERO


@inlined
def _by_scores(slopes, p, along):
    for i in range(slopes.size):
        slopes[i] = p[i] * (slopes[i] - along[i])


@inlined
def _stretch(values, factor, out):
    for i in range(values.size):
        out[i] = values[i] * factor


@compiled
def _products_of_pairs(address, left, right, scale, turned, out):
    """The products of the first rows of `out.T` by those of its columns: `out[j, i] = scale * left[i] @ right[j]`.

    What the library does not copy it multiplies by columns of the left factor in less than two thirds of the time.

    Args:
        left, right: of one head; the numbers of a row are contiguous.
        turned: memory for the columns.
    """
    (count, inner), (others, rows) = left.shape, out.shape
    letters, factors = np.array([N, N, T, N], np.uint8), np.array([scale, ZERO], np.float32)
    # NumPy gives an axis of length 1 any stride, 0 for one; the library refuses a step shorter than a row.
    steps = max(left.strides[0] // left.itemsize, inner), max(right.strides[0] // right.itemsize, inner)
    if count * others * inner > PIECE:
        sizes = np.array([count, others, inner, steps[0], steps[1], rows], np.int32)
        _multiply(address, letters[2:], sizes, factors, left, right, out)
        return
    for i in range(count):
        for k in range(inner):
            turned[k, i] = left[i, k]
    sizes = np.array([count, others, inner, rows, steps[1], rows], np.int32)
    _multiply(address, letters, sizes, factors, turned, right, out)


@compiled
def _attend(query, key, value, scale, hidden, noise, noise_scale, context, largest, total, rows, address):
    examples, steps, heads, inner = query.shape
    others, width = key.shape[1], value.shape[3]
    scores, turned = np.empty((others, rows), np.float32), np.empty((inner, rows), np.float32)
    letters, plain, by_value = np.array([N, T], np.uint8), np.array([1, 0], np.float32), width * heads
    for example in range(examples):
        for head in range(heads):
            for start in range(0, steps, rows):
                count = min(rows, steps - start)
                queries = query[example, start : start + count, head]
                _products_of_pairs(address, queries, key[example, :, head], scale, turned, scores)
                most, sums = largest[example, head, start : start + count], total[example, head, start : start + count]
                most[:], sums[:] = -np.inf, ZERO
                for j in range(others):
                    if hidden is not None:
                        _hide(scores[j, :count], hidden[example, head, j, start : start + count], HIDDEN)
                    _raise_to(scores[j, :count], most)
                for j in range(others):
                    _exponentials(scores[j, :count], most)
                    add(scores[j, :count], sums)
                    if noise is not None:
                        row = noise[example, head, j, start : start + count]
                        _drop(scores[j, :count], row, scores[j, :count])
                sizes = np.array([width, count, others, by_value, rows, by_value], np.int32)
                left, out = value[example, 0, head], context[example, start, head]
                _multiply(address, letters, sizes, plain, left, scores, out)
                for i in range(count):
                    row = context[example, start + i, head]
                    _stretch(row, noise_scale / sums[i], row)


@compiled
def _softmax_again(scores, hidden, largest):
    """exp(score - largest) of the queries of a block, in place of their scores."""
    count = largest.size
    for j in range(len(scores)):
        if hidden is not None:
            _hide(scores[j, :count], hidden[j], HIDDEN)
        _exponentials(scores[j, :count], largest)


@compiled
def _slopes_of_scores(slopes, p, along, hidden, noise):
    count = along.size
    for j in range(len(slopes)):
        row = slopes[j, :count]
        if noise is not None:
            _drop(row, noise[j], row)
        _by_scores(row, p[j, :count], along)
        if hidden is not None:
            _hide(row, hidden[j], ZERO)


@compiled
def _slopes_of_context(cotangent, context, total, noise_scale, g, along):
    """The cotangent of dropped exponentials times values, and what the sum over its product with them comes to."""
    for i in range(total.size):
        dot, row, there = ZERO, cotangent[i], context[i]
        for k in range(row.size):
            dot += row[k] * there[k]
        along[i] = dot / total[i]
        _stretch(row, noise_scale / total[i], g[i])


@compiled
def _part(pairs, example, head, here):
    if pairs is None:
        return None
    return pairs[example, head, :, here]


@compiled
def _dropped(p, noise, out, count):
    """`p` where it is kept, in `out`; itself where there is no noise."""
    if noise is None:
        return p
    for j in range(len(p)):
        _drop(p[j, :count], noise[j], out[j, :count])
    return out


@compiled
def _pull(
    query,
    key,
    value,
    scale,
    hidden,
    noise,
    noise_scale,
    context,
    largest,
    total,
    cotangent,
    by_query,
    by_key,
    by_value,
    rows,
    address,
):
    (examples, steps, heads, inner), (others, width) = query.shape, (key.shape[1], value.shape[3])
    p, s = np.empty((others, rows), np.float32), np.empty((others, rows), np.float32)
    room = np.empty((0 if noise is None else others, rows), np.float32)
    g, along = np.empty((rows, width), np.float32), np.empty(rows, np.float32)
    turned, letters = np.empty((max(inner, width), rows), np.float32), np.array([N, T, N, N], np.uint8)
    scaled, wide, narrow = np.array([scale, ZERO], np.float32), width * heads, inner * heads
    for example in range(examples):
        for head in range(heads):
            for start in range(0, steps, rows):
                here, count = slice(start, min(start + rows, steps)), min(rows, steps - start)
                shown, kept = _part(hidden, example, head, here), _part(noise, example, head, here)
                q, k, v = query[example, here, head], key[example, :, head], value[example, :, head]
                contexts, sums = context[example, here, head], total[example, head, here]
                _products_of_pairs(address, q, k, scale, turned, p)
                _softmax_again(p, shown, largest[example, head, here])
                _slopes_of_context(cotangent[example, here, head], contexts, sums, noise_scale, g, along[:count])
                added, again = np.array([ONE, np.float32(start > 0)]), np.array([scale, np.float32(start > 0)])
                dropped = _dropped(p, kept, room, count)
                sizes = np.array([width, others, count, width, rows, wide], np.int32)
                _multiply(address, letters[2:], sizes, added, g, dropped, by_value[example, 0, head])
                _products_of_pairs(address, g[:count], v, ONE, turned, s)
                _slopes_of_scores(s, p, along[:count], shown, kept)
                sizes = np.array([inner, others, count, narrow, rows, narrow], np.int32)
                _multiply(address, letters[2:], sizes, again, q, s, by_key[example, 0, head])
                sizes = np.array([inner, count, others, narrow, rows, narrow], np.int32)
                _multiply(address, letters, sizes, scaled, k, s, by_query[example, start, head])


def attend(inputs: AttentionInputs) -> AttentionOutputs:
    if not _takes(inputs):
        return reference.attend(inputs)
    outputs = reference.empty_outputs(inputs)
    _attend(*_plain(inputs), np.float32(inputs.noise_scale), *outputs, _rows(inputs), SGEMM)
    return outputs


def attention_pull(
    inputs: AttentionInputs, outputs: AttentionOutputs, cotangent: np.ndarray, wanted: Sequence[bool] = (True,) * 3
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    if not (all(wanted) and cotangent.ndim == 4 and _takes(inputs, cotangent)):
        return reference.attention_pull(inputs, outputs, cotangent, wanted)
    by_query, by_key, by_value = (np.empty_like(array) for array in inputs[:3])
    noise_scale, rows = np.float32(inputs.noise_scale), _rows(inputs)
    _pull(*_plain(inputs), noise_scale, *outputs, cotangent, by_query, by_key, by_value, rows, SGEMM)
    return by_query, by_key, by_value


def _plain(inputs):
    query, key, value, scale, hidden, noise, _ = inputs
    return query, key, value, np.float32(scale), hidden, noise


def _takes(inputs, *others):
    """Whether these are arrays that BLAS can read, and noise that keeps or drops."""
    arrays, noise = (*inputs[:3], *others), inputs.noise
    plain = all(array.size and array.dtype == np.float32 and array.flags.c_contiguous for array in arrays)
    return plain and (noise is None or noise.dtype == bool)


def _rows(inputs):
    """The number of queries of a head that are taken at a time."""
    return min(inputs.query.shape[1], max(reference.LEAST_QUERIES, ROOM // inputs.key.shape[1]))
