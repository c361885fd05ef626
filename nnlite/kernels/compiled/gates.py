"""A bias and ReLU in place, and the gate of a cotangent where ReLU was active, compiled: one pass."""

import numpy as np

from nnlite.kernels.compiled.recurrent import compiled, inlined, readable
from nnlite.kernels.reference import elementwise as reference

__all__ = ["bias_relu", "gated", "gated_sum"]

ROWS = 256  # whose sums are added to the total at a time: sums of thousands would lose digits


@compiled
def _bias_relu(rows, bias, above):
    zero = rows.dtype.type(0)
    for i in range(len(rows)):
        row, gates = rows[i], above[i]
        if bias is not None:
            for j in range(row.size):
                row[j] += bias[j]
        for j in range(row.size):
            gates[j] = row[j] > zero
        for j in range(row.size):
            row[j] = zero if row[j] < zero else row[j]


@compiled
def _gated(cotangent, slopes, out):
    zero = out.dtype.type(0)
    for i in range(out.size):
        out[i] = cotangent[i] if slopes[i] else zero


@inlined
def _add_gated(cotangent, slopes, zero, total):
    for j in range(total.size):
        total[j] += cotangent[j] if slopes[j] else zero


@compiled
def _gated_sum(cotangent, slopes, out):
    part, zero = np.zeros_like(out), out.dtype.type(0)
    out[:] = 0
    for i in range(len(cotangent)):
        _add_gated(cotangent[i], slopes[i], zero, part)
        if i % ROWS == ROWS - 1 or i == len(cotangent) - 1:
            for j in range(out.size):
                out[j] += part[j]
            part[:] = 0


def bias_relu(rows: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    if not _plain(rows):
        return reference.bias_relu(rows, bias)
    above = np.empty(rows.shape, bool)
    _bias_relu(rows.reshape(-1, rows.shape[-1]), bias, above.reshape(-1, rows.shape[-1]))
    return above


def gated(cotangent: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    if not _takes(cotangent, slopes):
        return reference.gated(cotangent, slopes)
    out = np.empty_like(cotangent)
    _gated(cotangent.reshape(-1), slopes.reshape(-1), out.reshape(-1))
    return out


def gated_sum(cotangent: np.ndarray, slopes: np.ndarray, out: np.ndarray) -> None:
    if not (_takes(cotangent, slopes) and out.dtype == cotangent.dtype and out.flags.c_contiguous):
        return reference.gated_sum(cotangent, slopes, out)
    return _gated_sum(cotangent.reshape(-1, out.size), slopes.reshape(-1, out.size), out.reshape(-1))


def _takes(cotangent, slopes):
    gates = slopes.dtype == bool and slopes.shape == cotangent.shape and slopes.flags.c_contiguous
    return gates and _plain(cotangent)


def _plain(rows):
    return rows.size and readable(rows)
