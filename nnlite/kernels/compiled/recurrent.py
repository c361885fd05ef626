"""The steps of an LSTM compiled by Numba, for float32: one call for all of them, matrix products included.

Loops stand apart and walk through single rows: so LLVM makes vector instructions of them.
"""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import get_cython_function_address, intrinsic

from nnlite.kernels.reference import recurrent as reference

__all__ = ["lstm_gradients", "lstm_pull", "lstm_run"]

# Contracting a * b + c changes no more than the last bit, and nothing about numbers that are not finite.
compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
inlined = njit(error_model="numpy", fastmath={"contract"}, inline="always")

SGEMM = get_cython_function_address("scipy.linalg.cython_blas", "sgemm")
# OpenBLAS multiplies without copies into its own order below a million multiply-adds; above NumPy's loop is as quick.
SMALL_PRODUCT = 2**20
ZERO, HALF, ONE, TWO = (np.float32(number) for number in (0, 0.5, 1, 2))
LARGE = np.float32(9.02)  # from here on tanh rounds to 1
HALVES_OF_LOG_2 = np.float32(2 / math.log(2))
HIGH, LOW = np.float32(0.693359375 / 2), np.float32((math.log(2) - 0.693359375) / 2)  # together log(2) / 2
TO_WHOLE = np.float32(1.5 * 2**23)  # added, it leaves no room for digits after the point
EXPONENT, BIAS = np.int32(23), np.int32(127)
# expm1(r) = r + r^2 * (A + B r + C r^2 + D r^3 + E r^4), |r| <= log(2) / 2, with the smallest largest relative error
A, B, C, D, E = (np.float32(number) for number in (0.5, 0.16666543, 0.0416672, 0.008366548, 0.0013882515))


@inlined
def _tanh(x):
    """e / (e + 2) with e = expm1(2 * |x|) = 2^n * expm1(r) + 2^n - 1, r = 2 * |x| - n * log(2); to 3 ulp."""
    size = abs(x)
    size = LARGE if size > LARGE else size
    shifted = np.float32(size * HALVES_OF_LOG_2 + TO_WHOLE)
    n = shifted - TO_WHOLE
    r = ((size - n * HIGH) - n * LOW) * TWO
    power = np.int32((shifted.view(np.int32) + BIAS) << EXPONENT).view(np.float32)
    e = power * (r + r * r * (A + r * (B + r * (C + r * (D + r * E))))) + (power - ONE)
    return math.copysign(e / (e + TWO), x)


@compiled
def tanh(values: np.ndarray) -> np.ndarray:
    """The hyperbolic tangent of a vector, in place: with a second array there would be no vector instructions."""
    for i in range(values.size):
        values[i] = _tanh(values[i])


@inlined
def _activated(z, scale, shift, out):
    for j in range(out.size):
        out[j] = _tanh(z[j]) * scale + shift


@inlined
def _next(i, f, g, cell, out):
    for j in range(out.size):
        out[j] = f[j] * cell[j] + i[j] * g[j]


@inlined
def _times(left, right, out):
    for j in range(out.size):
        out[j] = left[j] * right[j]


@inlined
def add(values: np.ndarray, out: np.ndarray) -> None:
    """Add a row to another."""
    for j in range(out.size):
        out[j] += values[j]


@compiled
def _run(joined, weights, cells, gates, squashed, mask):
    units = cells.shape[2]
    z = np.empty((gates.shape[2], 4 * units), np.float32)
    for step in range(len(gates)):
        o, i, f, g = gates[step, 0], gates[step, 1], gates[step, 2], gates[step, 3]
        old, new, squash, after = cells[step], cells[step + 1], squashed[step], joined[step + 1]
        np.dot(joined[step], weights, z)
        for row in range(len(z)):
            _activated(z[row, :units], HALF, HALF, o[row])
            _activated(z[row, units : 2 * units], HALF, HALF, i[row])
            _activated(z[row, 2 * units : 3 * units], HALF, HALF, f[row])
            _activated(z[row, 3 * units :], ONE, ZERO, g[row])
            _next(i[row], f[row], g[row], old[row], new[row])
        squash[:] = new
        tanh(squash.reshape(-1))
        for row in range(len(z)):
            _times(o[row], squash[row], after[row, :units])
            if mask is not None and mask[step, row, 0] == 0:
                new[row] = old[row]
                after[row, :units] = joined[step, row, :units]


@inlined
def _slopes_of_output(o, hidden, squash, by_hidden, by_cell, by_o):
    for j in range(o.size):
        by_o[j] = by_hidden[j] * hidden[j] * (ONE - o[j])
        by_cell[j] += by_hidden[j] * (o[j] - hidden[j] * squash[j])


@inlined
def _slopes_of_cell(i, f, g, cell, by_cell, by_i, by_f, by_g):
    for j in range(i.size):
        slope, entering, kept, candidate = by_cell[j], i[j], f[j], g[j]
        by_i[j] = slope * candidate * entering * (ONE - entering)
        by_f[j] = slope * cell[j] * kept * (ONE - kept)
        by_g[j] = slope * entering * (ONE - candidate * candidate)
        by_cell[j] = slope * kept


@intrinsic
def sgemm(typing, address, letters, sizes, factors, left, right, out):
    """The matrix product of BLAS at `address`: letters TRANSA, TRANSB; sizes M, N, K, LDA, LDB, LDC; alpha, beta."""
    kinds = [types.uint8, types.int32, *[types.float32] * 4]

    def call(context, builder, signature, arguments):
        function, letters, sizes, factors, left, right, out = arguments
        pointer = ir.IntType(8).as_pointer()
        places = [(letters, 0), (letters, 1), (sizes, 0), (sizes, 1), (sizes, 2), (factors, 0), (left, 0), (sizes, 3)]
        places += [(right, 0), (sizes, 4), (factors, 1), (out, 0), (sizes, 5)]
        pointers = [builder.gep(base, [ir.Constant(ir.IntType(32), offset)]) for base, offset in places]
        kind = ir.FunctionType(ir.VoidType(), [pointer] * len(places)).as_pointer()
        builder.call(builder.inttoptr(function, kind), [builder.bitcast(start, pointer) for start in pointers])
        return context.get_dummy_value()

    return types.void(types.intp, *(types.CPointer(kind) for kind in kinds)), call


@compiled
def _add_product(address, left, right, total):
    """total += left.T @ right: in column order, in which BLAS reads them, the transposes of all three."""
    rows, inner, columns = total.shape[0], len(left), total.shape[1]
    letters, factors = np.array([ord("N"), ord("T")], np.uint8), np.ones(2, np.float32)
    sizes = np.array([columns, rows, inner, columns, rows, columns], np.int32)
    sgemm(address, letters.ctypes, sizes.ctypes, factors.ctypes, right.ctypes, left.ctypes, total.ctypes)


@compiled
def _pull(joined, cells, gates, squashed, back, mask, outputs, by_hidden, by_cell, deltas, total, address):
    """Outputs are `(batch, steps, units)` here.

    Where `total` is given, it gets the products of deltas and `joined`, and `deltas` holds but a few steps at a time.
    """
    units, kept = cells.shape[2], np.empty_like(by_hidden)
    for step in range(len(gates) - 1, -1, -1):
        delta = deltas[step % len(deltas)]
        for row in range(len(by_hidden)):
            if outputs is not None:
                add(outputs[row, step], by_hidden[row])
            if mask is not None and mask[step, row, 0] == 0:
                kept[row] = by_hidden[row]
                delta[row] = 0
                continue
            slopes = delta[row]
            o, i, f, g = gates[step, 0, row], gates[step, 1, row], gates[step, 2, row], gates[step, 3, row]
            by_i, by_f, by_g, by_o = (
                slopes[:units],
                slopes[units : 2 * units],
                slopes[2 * units : 3 * units],
                slopes[3 * units :],
            )
            hidden = joined[step + 1, row, :units]
            _slopes_of_output(o, hidden, squashed[step, row], by_hidden[row], by_cell[row], by_o)
            _slopes_of_cell(i, f, g, cells[step, row], by_cell[row], by_i, by_f, by_g)
        np.dot(delta, back, by_hidden)
        if total is not None and step % len(deltas) == 0:
            stop = min(step + len(deltas), len(gates))
            left, right = joined[step:stop].reshape(-1, len(total)), deltas[: stop - step].reshape(-1, 4 * units)
            _add_product(address, left, right, total)
        for row in range(len(by_hidden)):
            if mask is not None and mask[step, row, 0] == 0:
                by_hidden[row] = kept[row]


def lstm_run(
    rows: np.ndarray,
    hidden: np.ndarray,
    cell: np.ndarray,
    kernel: np.ndarray,
    recurrent: np.ndarray,
    bias: np.ndarray | None,
    mask: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    size = hidden.size * 4 * (len(recurrent) + len(kernel))
    if size > SMALL_PRODUCT or not _plain(rows, hidden, cell, kernel, recurrent, bias, mask):
        return reference.lstm_run(rows, hidden, cell, kernel, recurrent, bias, mask)
    joined, cells, squashed = reference.lstm_room(rows, hidden, cell, kernel, recurrent, bias)
    apart = reference.gates_apart(reference.joint_weights(kernel, recurrent, bias), 4, reference.OUTPUT_FIRST, 3)
    weights = _aligned((joined.shape[-1], kernel.shape[-1]))
    weights.reshape(len(weights), 4, -1)[...] = apart.swapaxes(0, 1)
    gates = np.empty((len(rows), 4, *cell.shape), np.float32)
    _run(joined, weights, cells, gates, squashed, mask)
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
    arguments = joined, cells, gates, squashed, recurrent, mask, outputs, by_hidden, by_cell
    if not _takes(*arguments):
        return reference.lstm_pull(*arguments)
    deltas = np.empty((len(gates), len(by_hidden), 4 * len(recurrent)), np.float32)
    _pulled(*arguments, deltas, None)
    return deltas, by_hidden, by_cell


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
    arguments = joined, cells, gates, squashed, recurrent, mask, outputs, by_hidden, by_cell
    if not _takes(*arguments):
        return reference.lstm_gradients(*arguments)
    (batch, columns), width = joined.shape[1:], 4 * len(recurrent)
    together = SMALL_PRODUCT // (1 + batch * columns * width)
    if not together:
        deltas, *states = lstm_pull(*arguments)
        return joined[:-1].reshape(-1, columns).T @ deltas.reshape(-1, width), *states
    total, deltas = np.zeros((columns, width), np.float32), np.empty((together, batch, width), np.float32)
    _pulled(*arguments, deltas[: len(gates)], total)
    return total, by_hidden, by_cell


def _takes(joined, cells, gates, squashed, recurrent, mask, outputs, by_hidden, by_cell):
    """Whether the compiled loop can take these: no seed axes."""
    arrays = joined, cells, gates, squashed, by_hidden, by_cell
    contiguous = all(array.flags.c_contiguous for array in arrays)
    return contiguous and by_hidden.ndim == 2 and _plain(joined, recurrent, mask, outputs, by_hidden, by_cell)


def _pulled(joined, cells, gates, squashed, recurrent, mask, outputs, by_hidden, by_cell, deltas, total):
    outputs = None if outputs is None else np.ascontiguousarray(outputs.swapaxes(0, 1))
    back = np.ascontiguousarray(recurrent.T)
    _pull(joined, cells, gates, squashed, back, mask, outputs, by_hidden, by_cell, deltas, total, SGEMM)


def readable(array: np.ndarray) -> bool:
    """Whether loops can read an array: float32 or float64 in C order, bytes in the processor's order."""
    return array.dtype.char in "fd" and array.dtype.isnative and array.flags.c_contiguous


def _plain(*arrays):
    """Whether all that is given is float32."""
    return all(array is None or array.dtype == np.float32 for array in arrays)


def _aligned(shape):
    """Room that begins where a cache line does: a product with such a factor takes a fifth less time."""
    size = math.prod(shape)
    room = np.empty(size + 15, np.float32)
    return room[-room.ctypes.data % 64 // 4 :][:size].reshape(shape)
