"""The use of gradients in a step: penalties, sums of several batches, clipping, the update, averages."""

import numpy as np
from numba import njit

from nnlite.kernels.compiled import optimizers
from nnlite.kernels.compiled.dense import compiled
from nnlite.kernels.compiled.parts.standing import matrix, vector
from nnlite.kernels.compiled.recurrent import add
from nnlite.kernels.reference.forms import ADAM, BY_NORM, BY_VALUE, GLOBALLY, SGD, Standing

__all__ = []

# Sums in any order are vectorized, and rounded less.
summing = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})

# the columns of a table of turns: factor of the losses, size of the step, weight decay, whether it is a step, how much
# of the average is kept, whether this takes the place of the values, and the loss
SCALE, RATE, SHARE, STEPS, KEEP, PUT, LOSS = range(7)
START, STOP, BY_SIZE, BY_SQUARE = range(4)  # the columns of a table of penalties
UPDATE, DECAY = 2, 3  # those of a table of stretches, after the first two
LIMIT = 3  # of the clipping, after the numbers of the update
CACHED = 2**12  # parameters that stay in the cache from their decay to their update
NUMBERS, STRETCHES, SEGMENTS = (Standing._fields.index(name) for name in ("numbers", "stretches", "segments"))
UPDATE_CODE, WAY, BATCHES = (Standing._fields.index(name) for name in ("update", "way", "batches"))


@compiled
def penalize(penalties: np.ndarray, values: np.ndarray, gradients: np.ndarray) -> float:
    """The penalties; their gradients are added to the existing ones."""
    total = 0.0
    for index in range(len(penalties)):
        by_size, by_square = penalties[index, BY_SIZE], penalties[index, BY_SQUARE]
        for i in range(int(penalties[index, START]), int(penalties[index, STOP])):
            value = values[i]
            total += by_size * abs(value) + by_square * value * value
            gradients[i] += values.dtype.type(by_size * np.sign(value) + 2.0 * by_square * value)
    return total


@compiled
def read_form(table: np.ndarray, like: np.ndarray) -> tuple:
    """The work of `carry_out`, from the table of `Standing`: its update, numbers, stretches, way, batches, segments."""
    numbers, stretches = vector(table, NUMBERS, like), matrix(table, STRETCHES, 4, like)
    codes = table[UPDATE_CODE, 0], table[WAY, 0], table[BATCHES, 0]
    return codes[0], numbers, stretches, codes[1], codes[2], matrix(table, SEGMENTS, 2, table)


@compiled
def carry_out(
    form: tuple, values: np.ndarray, gradients: np.ndarray, turn: np.ndarray, slots: tuple, sums: tuple
) -> None:
    """Do the work of `Optimizer.apply_packs`, after which batches are counted.

    Args:
        form: see `read_form`.
        turn: a row of the table of turns.
        slots: the two of the update, each empty if there is none.
        sums: the average of the values and the sum of gradients, likewise.
    """
    update, numbers, stretches, way, batches, segments = form
    average, summed = sums
    ready = summed if batches > 1 else gradients
    if batches > 1:
        add(gradients, summed)
    if turn[STEPS]:
        if batches > 1:
            _divide(summed, batches)
        _clip(way, numbers[LIMIT], ready, segments)
        _update(update, numbers, stretches, values, ready, turn, slots[0], slots[1])
        if batches > 1:
            ready[:] = 0
    if average.size:
        _mix(average, values, turn[KEEP])
        if turn[PUT]:
            values[:] = average


@compiled
def _divide(vector, count):
    divisor = vector.dtype.type(count)
    for i in range(vector.size):
        vector[i] /= divisor


@compiled
def _mix(average, values, keep):
    kept, share = average.dtype.type(keep), average.dtype.type(1.0 - keep)
    for i in range(average.size):
        average[i] = average[i] * kept + values[i] * share


@compiled
def _clip(way, limit, gradients, segments):
    if way == BY_VALUE:
        highest = gradients.dtype.type(limit)
        for i in range(gradients.size):
            slope = gradients[i]
            gradients[i] = highest if slope > highest else -highest if slope < -highest else slope
    elif way == BY_NORM:
        for index in range(len(segments)):
            _limit_norm(gradients[segments[index, 0] : segments[index, 1]], limit)
    elif way == GLOBALLY:
        _limit_norm(gradients, limit)


@compiled
def _limit_norm(vector, limit):
    norm = np.sqrt(float(_sum_of_squares(vector)))
    if not norm <= limit:  # as in `optimizers.base.blocks`, an overflown gradient becomes NaN
        factor = vector.dtype.type(limit / norm if np.isfinite(norm) else np.nan)
        for i in range(vector.size):
            vector[i] *= factor


@summing
def _sum_of_squares(vector):
    total = vector.dtype.type(0)
    for i in range(vector.size):
        total += vector[i] * vector[i]
    return total


@compiled
def _update(code, numbers, stretches, values, gradients, turn, first, second):
    for index in range(len(stretches)):
        step, decay = turn[RATE] * stretches[index, UPDATE], turn[SHARE] * stretches[index, DECAY]
        end = int(stretches[index, STOP])
        for start in range(int(stretches[index, START]), end, CACHED):
            part = slice(start, min(start + CACHED, end))
            weights, slopes, slots = values[part], gradients[part], (first[part], second[part])
            _update_part(code, numbers, weights, slopes, step, decay, slots)


@compiled
def _update_part(code, numbers, weights, slopes, step, decay, slots):
    sums, squares = slots
    if decay:
        optimizers.decay(weights, decay, None, slopes)
    if code == ADAM:
        optimizers.adam(weights, slopes, sums, squares, None, numbers[0], numbers[1], step, numbers[2], None, slopes)
    elif code == SGD and numbers[0] == 0:
        optimizers.sgd(weights, slopes, None, step, 0.0, False, None, slopes)
    elif code == SGD:
        optimizers.sgd(weights, slopes, sums, step, numbers[0], numbers[1] != 0, None, slopes)
    elif numbers[1] == 0:
        optimizers.rmsprop(weights, slopes, sums, None, None, numbers[0], step, 0.0, numbers[2], None, slopes)
    else:
        optimizers.rmsprop(weights, slopes, sums, None, squares, numbers[0], step, numbers[1], numbers[2], None, slopes)
