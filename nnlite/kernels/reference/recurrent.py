"""The steps of an LSTM, forwards and backwards in time, in NumPy."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Array

__all__ = ["lstm_gradients", "lstm_pull", "lstm_run"]

PART = 2**17  # numbers in the deltas of consecutive steps that are multiplied together, while in the cache
OUTPUT_FIRST = [3, 0, 1, 2]  # o, i, f, c: the three gates that end in a sigmoid side by side


def lstm_run(
    rows: np.ndarray,
    hidden: np.ndarray,
    cell: np.ndarray,
    kernel: np.ndarray,
    recurrent: np.ndarray,
    bias: np.ndarray | None,
    mask: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All steps: at each, with z = [h, x, 1] @ [recurrent, kernel, bias] in four parts i, f, g, o,

    c = sigmoid(z_f) * c + sigmoid(z_i) * tanh(z_g), h = sigmoid(z_o) * tanh(c).

    Args:
        rows: what enters, `(steps, batch, features)`.
        hidden, cell: the first states, `(batch, units)`.
        kernel, recurrent, bias: `(features, 4 * units)`, `(units, 4 * units)` and `(4 * units,)` or None.
        mask: `(steps, batch, 1)`, 0 where a step leaves the states unchanged; None for nowhere.

    Returns:
        joined: [h, x, 1] before each step, without 1 where there is no bias, and h after the last one,
            `(steps + 1, batch, units + features + 1)`.
        cells: the cell before each step and after the last one, `(steps + 1, batch, units)`.
        gates: o, i, f, g after their activation, `(steps, 4, batch, units)`.
        squashed: tanh of the cell after each step, before the mask, `(steps, batch, units)`.
    """
    joined, cells, squashed = lstm_room(rows, hidden, cell, kernel, recurrent, bias)
    weights = gates_apart(joint_weights(kernel, recurrent, bias), 4, OUTPUT_FIRST, 3)
    gates = np.empty((len(rows), 4, *cell.shape), joined.dtype)
    states, half, entering = joined[..., : cell.shape[-1]], np.array(0.5, gates.real.dtype), np.empty_like(cells[0])
    for before, gate, sigmoids, o, i, f, g, h, c, new_h, new_c, squash, skip in zip(
        *(joined, gates, gates[:, :3], *gates.swapaxes(0, 1), states, cells, states[1:], cells[1:], squashed),
        [None] * len(rows) if mask is None else mask == 0,
        strict=False,
    ):
        np.matmul(before, weights, out=gate)
        np.tanh(gate, gate)
        np.multiply(sigmoids, half, sigmoids)
        np.add(sigmoids, half, sigmoids)
        np.multiply(f, c, new_c)
        np.multiply(i, g, entering)
        np.add(new_c, entering, new_c)
        np.tanh(new_c, squash)
        np.multiply(o, squash, new_h)
        if skip is not None:
            np.copyto(new_c, c, where=skip)
            np.copyto(new_h, h, where=skip)
    return joined, cells, gates, squashed


def lstm_pull(
    joined: np.ndarray,
    cells: np.ndarray,
    gates: np.ndarray,
    squashed: np.ndarray,
    recurrent: np.ndarray,
    mask: np.ndarray | None,
    outputs: np.ndarray | None,
    by_hidden: np.ndarray,
    by_cell: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The derivative with respect to all z of `lstm_run`, `(*lead, steps, batch, 4 * units)`, and to its first states.

    With g_c the derivative with respect to c: that to z_i, z_f and z_g is g_c times their slopes, that to z_o is
    g_h * tanh(c) * o'.

    Args:
        joined, cells, gates, squashed: what `lstm_run` returned.
        recurrent, mask: as there.
        outputs: derivative with respect to the hidden state after each step, `(steps, *lead, batch, units)` or None.
        by_hidden, by_cell: derivatives with respect to the last states, `(*lead, batch, units)`, which are written to.
    """
    deltas = empty_steps(by_hidden, len(gates), 4 * by_hidden.shape[-1])
    for _ in _walked(joined, cells, gates, squashed, recurrent, mask, outputs, by_hidden, by_cell, deltas):
        pass
    return deltas, by_hidden, by_cell


def _walked(joined, cells, gates, squashed, recurrent, mask, outputs, hidden, cell, deltas):
    """Go backwards; yields the number of each step when its deltas are complete, the first step last."""
    steps, back = len(gates), np.ascontiguousarray(recurrent.T)
    flat, blocked = steps_first(deltas), steps_first(blocks(deltas, 4), 4)
    rounds = -(-steps // len(flat))
    flat, blocked = ((list(array) * rounds)[steps - 1 :: -1] for array in (flat, blocked))
    fresh = np.empty(blocked[0].shape, deltas.dtype)  # written block by block and then copied: quicker than in rows
    wide, of_cell, of_output = cell[..., None, :, :], fresh[..., :3, :, :], fresh[..., 3, :, :]
    for step, arriving, delta, rows, (by_gate, by_o, by_c, f, skip) in zip(
        *(range(steps - 1, -1, -1), every(outputs, gates)[::-1], flat, blocked),
        lstm_slopes(joined, cells, gates, squashed, mask, slice(None, None, -1)),
        strict=True,
    ):
        if arriving is not None:
            np.add(hidden, arriving, hidden)
        np.multiply(hidden, by_o, of_output)
        kept = None if skip is None else hidden * skip
        np.multiply(hidden, by_c, hidden)
        np.add(cell, hidden, cell)
        np.multiply(wide, by_gate, of_cell)
        np.copyto(rows, fresh)
        np.multiply(cell, f, cell)
        np.matmul(delta, back, out=hidden)
        if kept is not None:
            np.add(hidden, kept, hidden)
        yield step


def lstm_gradients(
    joined: np.ndarray,
    cells: np.ndarray,
    gates: np.ndarray,
    squashed: np.ndarray,
    recurrent: np.ndarray,
    mask: np.ndarray | None,
    outputs: np.ndarray | None,
    by_hidden: np.ndarray,
    by_cell: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The derivative with respect to all weights, rows in the order of columns of `joined`, and to the first states.

    Arguments as those of `lstm_pull`, without `lead`. No step's deltas are kept longer than the product takes.
    """
    size, width = min(len(gates), 1 + PART // (1 + gates[0].size)), 4 * len(recurrent)
    deltas = np.empty((size, *by_hidden.shape[:-1], width), by_hidden.dtype)
    total = np.zeros((joined.shape[-1], width), by_hidden.dtype)
    part = np.empty_like(total)
    for step in _walked(joined, cells, gates, squashed, recurrent, mask, outputs, by_hidden, by_cell, deltas):
        if step % size == 0:
            rows = joined[:-1][step : step + size].reshape(-1, len(total))
            np.add(total, np.matmul(rows.T, deltas.reshape(-1, width)[: len(rows)], out=part), total)
    return total, by_hidden, by_cell


def lstm_slopes(
    joined: np.ndarray,
    cells: np.ndarray,
    gates: Array,
    squashed: np.ndarray,
    mask: np.ndarray | None,
    order: slice = slice(None),
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]]:
    """Slopes of i, f and g as one array; of o; of h by c; of c by the one before; what a masked step keeps of h.

    They come step by step in `order`. One memory serves all steps, so that it stays in the cache.
    """
    slopes, others, by_c = np.empty_like(gates[0]), np.empty_like(gates[0, :3]), np.empty_like(cells[0])
    one, by_sigmoid, by_gate, by_o, by_g = np.array(1, gates.real.dtype), slopes[:3], slopes[1:], slopes[0], slopes[3]
    h, entering, kept = others  # what o, i and f are factors of, times these: h, i * g, f * c
    arrays = gates[:, :3], *gates.swapaxes(0, 1), cells[:-1], joined[1:, :, : cells.shape[-1]], squashed
    for sigmoids, o, i, f, g, c, hidden, squash, counts in zip(
        *(array[order] for array in arrays), [None] * len(gates) if mask is None else mask[order], strict=True
    ):
        np.copyto(h, hidden)
        np.multiply(i, g, entering)
        np.multiply(f, c, kept)
        np.subtract(one, sigmoids, by_sigmoid)
        np.multiply(by_sigmoid, others, by_sigmoid)
        np.multiply(entering, g, entering)
        np.subtract(i, entering, by_g)
        np.multiply(h, squash, by_c)
        np.subtract(o, by_c, by_c)
        if counts is None:
            yield by_gate, by_o, by_c, f, None
        else:
            slopes *= counts
            by_c *= counts
            yield by_gate, by_o, by_c, f * counts + (1 - counts), 1 - counts


def lstm_room(
    rows: np.ndarray,
    hidden: np.ndarray,
    cell: np.ndarray,
    kernel: np.ndarray,
    recurrent: np.ndarray,
    bias: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays `joined`, `cells` and `squashed` of `lstm_run`, with what is known before the first step."""
    arrays = [array for array in (rows, hidden, cell, kernel, recurrent, bias) if array is not None]
    (steps, batch, features), units, dtype = rows.shape, hidden.shape[-1], np.result_type(*arrays)
    joined = np.empty((steps + 1, batch, units + features + (bias is not None)), dtype)
    joined[:-1, :, units : units + features] = rows
    joined[0, :, :units] = hidden
    joined[-1, :, units:] = 0
    joined[:-1, :, units + features :] = 1
    cells, squashed = np.empty((steps + 1, batch, units), dtype), np.empty((steps, batch, units), dtype)
    cells[0] = cell
    return joined, cells, squashed


def joint_weights(kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """The rows of all weights in the order of the columns of `joined`."""
    return np.concatenate([recurrent, kernel, *([] if bias is None else [bias[None]])])


def gates_apart(array: np.ndarray, count: int, order: Sequence[int], sigmoids: int) -> np.ndarray:
    """`(rows, count * units)` or `(count * units,)` as `(count, rows, units)`, gates in `order`.

    The first `sigmoids` of them are halved: sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, and all gates share one tanh.
    """
    apart = np.atleast_2d(array).reshape(-1, count, array.shape[-1] // count).swapaxes(0, 1)[order]
    apart = np.ascontiguousarray(apart)
    apart[:sigmoids] *= 0.5
    return apart


def blocks(array: np.ndarray, count: int) -> np.ndarray:
    """`(..., batch, count * units)` as a view `(..., count, batch, units)`."""
    return array.reshape(*array.shape[:-1], count, array.shape[-1] // count).swapaxes(-2, -3)


def steps_first(array: np.ndarray, rank: int = 3) -> np.ndarray:
    """The axis of the steps, the first of the last `rank`, moved before all others."""
    return np.moveaxis(array, -rank, 0)


def empty_steps(state: np.ndarray, steps: int, width: int) -> np.ndarray:
    """Room for deltas of `state`, `(*lead, steps, batch, width)`."""
    return np.empty((*state.shape[:-2], steps, state.shape[-2], width), state.dtype)


def every(outputs: np.ndarray | None, steps: Sequence[Any] | np.ndarray) -> Sequence[Any] | np.ndarray:
    """`outputs`, or None once per step."""
    return [None] * len(steps) if outputs is None else outputs
