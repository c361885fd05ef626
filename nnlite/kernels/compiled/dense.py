"""Consecutive dense layers, compiled: the same steps as in `dense`, in the same memory.

Small nets take one call for all layers, which calls SciPy's matrix library directly; for large ones, ensembles, and
kernels with a factor, NumPy multiplies.
"""

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - what np.dot calls here; loaded now, so that its threads are known
from numba import njit, types
from numba.extending import overload

from nnlite.kernels.compiled.exponential import exponential, exponential_less_one
from nnlite.kernels.compiled.parts import products
from nnlite.kernels.compiled.parts.double_tanh import double_tanh
from nnlite.kernels.compiled.parts.tiles import dot
from nnlite.kernels.compiled.recurrent import tanh
from nnlite.kernels.reference import dense
from nnlite.kernels.reference.dense import (
    LINEAR,
    MISH,
    RELU,
    SELU,
    SIGMOID,
    DenseRoom,
)
from nnlite.kernels.reference.dense_activations import SELU_LOWEST, SELU_SCALE

__all__ = ["dense_backward", "dense_forward"]

compiled = njit(cache=True, nogil=True, error_model="numpy")
# From this many multiply-adds on the time is that of the products alone, which NumPy's own matrix library, usually
# newer than SciPy's, does a tenth faster (64 x 785 x 128, float32).
LARGE_PRODUCT = 2**20


def dense_forward(room: DenseRoom, inputs: np.ndarray | None) -> np.ndarray:
    if _numpy_multiplies(room):
        dense.dense_forward(room, inputs, _finish)
    else:
        if inputs is not None:
            enter(inputs, room.memory)
        run_forward(room.values, room.memory, room.plan, room.scales, room.all_bits, False)
    room.backward = dense_backward
    return room.passes[-1].kept


def dense_backward(room: DenseRoom, slopes: np.ndarray, wants_inputs: bool = False) -> np.ndarray | None:
    if _numpy_multiplies(room):
        return dense.dense_backward(room, slopes, wants_inputs, _begin)
    first, last = room.passes[0], room.passes[-1]
    last.slopes[...] = slopes
    run_backward(room.values, room.gradients, room.memory, room.plan, room.scales, room.all_bits, False, False)
    return np.dot(first.by_row, first.weights.T) if wants_inputs else None


def _numpy_multiplies(room):
    """Whether the products are left to NumPy; one alone may be with examples that are not copied."""
    alone = room.reader is not None and len(room.passes) == 1
    return bool(room.lead or room.copies or alone or room.largest_product >= LARGE_PRODUCT)


def _finish(stage):
    scale = stage.leaving.dtype.type(stage.scale)
    for leaving, derivative, kept, _, bits in _vectors(stage):
        _activate(leaving, derivative, stage.activation)
        if stage.bits is not None:
            _drop(leaving, derivative, kept, bits, stage.threshold, scale)


def _begin(stage):
    scale = stage.leaving.dtype.type(stage.scale)
    for leaving, derivative, _, slopes, bits in _vectors(stage):
        if stage.bits is not None and stage.derivative is None:
            _mask(slopes, bits, stage.threshold, scale)
        _pull_activation(slopes, leaving, derivative, stage.activation)


def _vectors(stage):
    """The arrays of a layer as vectors, for each member; an empty one in place of None."""
    if stage.vectors is None:
        arrays = stage.leaving, stage.derivative, stage.kept, stage.slopes, stage.bits
        arrays = [stage.leaving[..., :0, :] if array is None else array for array in arrays]
        members = zip(*arrays, strict=True) if stage.leaving.ndim > 2 else [arrays]
        stage.vectors = [[matrix.reshape(-1) for matrix in member] for member in members]
    return stage.vectors


@compiled
def enter(inputs: np.ndarray, memory: np.ndarray) -> None:
    """Copy examples, one column each, to where `run_forward` begins."""
    rows = len(inputs)
    for i in range(inputs.shape[1]):
        for row in range(rows):
            memory[i * rows + row] = inputs[row, i]


@compiled
def run_forward(
    values: np.ndarray, memory: np.ndarray, plan: np.ndarray, scales: np.ndarray, all_bits: np.ndarray, begun: bool
) -> None:
    """All layers of a `DenseRoom`, given by its arrays; where it has `begun`, the first product lies there already."""
    rows, bits = (plan[0, 7] - plan[0, 6]) // (plan[0, 0] + 1), 0
    for index in range(len(plan)):
        features, units, bias, activation, threshold, at, entering, leaving, kept, _, derived = plan[index]
        inner = features + bias
        kernel = values[at : at + inner * units].reshape(inner, units)
        below = memory[entering : entering + inner * rows].reshape(inner, rows)
        flat = memory[leaving : leaving + units * rows]
        if begun and index == 0:
            pass
        elif index == len(plan) - 1:
            dot(below.T, kernel, flat.reshape(rows, units))
        else:
            dot(kernel.T, below, flat.reshape(units, rows))
        known = memory[derived : derived + (flat.size if activation >= SELU else 0)]
        _activate(flat, known, activation)
        if threshold >= 0:
            own_bits = all_bits[bits : bits + flat.size]
            _drop(flat, known, memory[kept : kept + flat.size], own_bits, threshold, scales[index])
            bits += flat.size


@compiled
def run_backward(
    values: np.ndarray,
    gradients: np.ndarray,
    memory: np.ndarray,
    plan: np.ndarray,
    scales: np.ndarray,
    all_bits: np.ndarray,
    stops: bool,
    apart: bool,
) -> None:
    """The gradients of all layers of a `DenseRoom`, from the derivative that lies where its last layer has slopes.

    Where it `stops` before the last of its products, the gradients of the first layer are left to the caller; `apart`
    says whether large products may be made in pieces.
    """
    rows, bits, last = (plan[0, 7] - plan[0, 6]) // (plan[0, 0] + 1), all_bits.size, len(plan) - 1
    for index in range(last, -1, -1):
        features, units, bias, activation, threshold, at, entering, leaving, _, start, derived = plan[index]
        inner = features + bias
        flat = memory[start : start + units * rows]
        if threshold >= 0:
            bits -= flat.size
        if threshold >= 0 and activation < SELU:
            _mask(flat, all_bits[bits : bits + flat.size], threshold, scales[index])
        known = memory[derived : derived + (flat.size if activation >= SELU else 0)]
        _pull_activation(flat, memory[leaving : leaving + flat.size], known, activation)
        if stops and index == 0:
            return
        by_kernel = gradients[at : at + inner * units].reshape(inner, units)
        below = memory[entering : entering + inner * rows].reshape(inner, rows)
        if index == last:
            dot(below, flat.reshape(rows, units), by_kernel)
        elif products.turning_pays(inner, flat.size, apart) or products.small_turning_pays(inner, rows, units):
            products.multiply(below, products.turned(flat.reshape(units, rows)), by_kernel, apart)
        else:
            dot(below, flat.reshape(units, rows).T, by_kernel)
        if not index:
            return
        kernel = values[at : at + features * units].reshape(features, units)
        start = plan[index - 1, 9]
        before = memory[start : start + features * rows].reshape(features, rows)
        if index == last:
            dot(kernel, flat.reshape(rows, units).T, before)
        else:
            products.multiply(kernel, flat.reshape(units, rows), before, apart)


def _squash(array):
    """tanh of a vector, in place: Numba's own takes ten times as long and more."""


@overload(_squash)
def _typed_squash(array):
    if array.dtype == types.float32:
        return lambda array: tanh(array)
    return lambda array: double_tanh(array)


@compiled
def _activate(array, derivative, activation):
    zero, half = array.dtype.type(0), array.dtype.type(0.5)
    if activation == LINEAR:
        return
    if activation == RELU:
        for i in range(array.size):
            array[i] = max(array[i], zero)
    elif activation == SIGMOID:  # (1 + tanh(z / 2)) / 2
        array *= half
        _squash(array)
        array *= half
        array += half
    elif activation == SELU:
        _selu(array, derivative)
    elif activation == MISH:
        _mish(array, derivative)
    else:
        _squash(array)


@compiled
def _selu(array, derivative):
    """SELU in place, and its derivative."""
    zero = array.dtype.type(0)
    scale, lowest = array.dtype.type(SELU_SCALE), array.dtype.type(SELU_LOWEST)
    for i in range(array.size):
        derivative[i] = min(array[i], zero)
    exponential_less_one(derivative)
    for i in range(array.size):
        below = lowest * derivative[i]
        derivative[i] = scale if array[i] > zero else below + lowest
        array[i] = array[i] * scale if array[i] > zero else below


@compiled
def _mish(array, derivative):
    """Mish in place, and its derivative; u = exp(-|z|)."""
    zero, one, two = array.dtype.type(0), array.dtype.type(1), array.dtype.type(2)
    for i in range(array.size):
        derivative[i] = -abs(array[i])
    exponential(derivative)
    for i in range(array.size):
        u = derivative[i]
        above = one + two * u if array[i] > zero else u * (u + two)
        part = one / (above + (two * u * u if array[i] > zero else two))
        slope = two * two * u * (one + u) * (u if array[i] > zero else one)
        derivative[i] = above * part + array[i] * (slope * part * part)
        array[i] *= above * part


@compiled
def _pull_activation(slopes, outputs, derivative, activation):
    zero, one = slopes.dtype.type(0), slopes.dtype.type(1)
    if activation == LINEAR:
        return
    if activation == RELU:
        for i in range(slopes.size):
            slopes[i] = zero if outputs[i] <= zero else slopes[i]
    elif activation == SIGMOID:
        for i in range(slopes.size):
            slopes[i] *= outputs[i] * (one - outputs[i])
    elif activation >= SELU:
        for i in range(slopes.size):
            slopes[i] *= derivative[i]
    else:
        for i in range(slopes.size):
            slopes[i] *= one - outputs[i] * outputs[i]


@compiled
def _drop(array, derivative, out, bits, threshold, scale):
    """Dropout of what leaves a layer: of the array, which goes to `out`, or of it and its derivative where they are."""
    if derivative.size:
        _mask(array, bits, threshold, scale)
        _mask(derivative, bits, threshold, scale)
    else:
        zero, least = array.dtype.type(0), np.int32(threshold)
        for i in range(array.size):
            out[i] = array[i] * scale if np.int32(bits[i]) >= least else zero


@compiled
def _mask(array, bits, threshold, scale):
    """Dropout in place: with a second array that is the same there would be no vector instructions."""
    zero, least = array.dtype.type(0), np.int32(threshold)
    for i in range(array.size):
        array[i] = array[i] * scale if np.int32(bits[i]) >= least else zero
