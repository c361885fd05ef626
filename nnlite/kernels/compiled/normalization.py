"""Standardized rows with scale and center, compiled: each row is read twice on either way, while it is in the cache."""

import numpy as np
from numba import njit

from nnlite.kernels.compiled.recurrent import add
from nnlite.kernels.reference import normalization as reference

__all__ = ["normalize", "normalize_pull"]

# Sums in any order, so that several numbers are added at once.
compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
ROWS = 64  # whose sums are added to the total at a time: sums of thousands would lose digits


@compiled
def _sum(row):
    total = row.dtype.type(0)
    for i in range(row.size):
        total += row[i]
    return total


@compiled
def _dot(row, other):
    total = row.dtype.type(0)
    for i in range(row.size):
        total += row[i] * other[i]
    return total


@compiled
def _normalize(rows, gamma, beta, epsilon, outputs, standardized, inverse_deviation):
    kind = rows.dtype.type
    share = kind(1) / kind(rows.shape[1])
    for i in range(len(rows)):
        row, z, out = rows[i], standardized[i], outputs[i]
        mean = _sum(row) * share
        for j in range(row.size):
            z[j] = row[j] - mean
        inverse = kind(1) / np.sqrt(_dot(z, z) * share + epsilon)
        inverse_deviation[i, 0] = inverse
        for j in range(row.size):
            z[j] *= inverse
        if gamma is not None:
            for j in range(row.size):
                out[j] = z[j] * gamma[j]
        if beta is not None:
            scaled = z if gamma is None else out
            for j in range(row.size):
                out[j] = scaled[j] + beta[j]


@compiled
def _pull(cotangent, standardized, inverse_deviation, weights, by_rows, by_gamma, by_beta):
    """`weights` are those of gamma divided by the number of features."""
    features = standardized.shape[1]
    sums, products = np.zeros_like(by_beta), np.zeros_like(by_gamma)
    count = standardized.dtype.type(features)
    for i in range(len(standardized)):
        g, z, out, inverse = cotangent[i], standardized[i], by_rows[i], inverse_deviation[i, 0]
        for j in range(features):
            sums[j] += g[j]
            products[j] += g[j] * z[j]
            out[j] = g[j] * weights[j]
        mean, along = _sum(out), _dot(out, z)
        for j in range(features):
            out[j] = (out[j] * count - mean - z[j] * along) * inverse
        if i % ROWS == ROWS - 1 or i == len(standardized) - 1:
            add(sums, by_beta)
            add(products, by_gamma)
            sums[:], products[:] = 0, 0


def normalize(
    rows: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not _takes(rows, gamma, beta):
        return reference.normalize(rows, gamma, beta, epsilon)
    standardized, inverse_deviation = np.empty_like(rows), np.empty((len(rows), 1), rows.dtype)
    outputs = standardized if gamma is None and beta is None else np.empty_like(rows)
    _normalize(rows, gamma, beta, rows.dtype.type(epsilon), outputs, standardized, inverse_deviation)
    return outputs, standardized, inverse_deviation


def normalize_pull(
    cotangent: np.ndarray, standardized: np.ndarray, inverse_deviation: np.ndarray, gamma: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not _takes(cotangent, standardized, gamma):
        return reference.normalize_pull(cotangent, standardized, inverse_deviation, gamma)
    features, dtype = standardized.shape[1], standardized.dtype
    by_gamma, by_beta, by_rows = np.zeros(features, dtype), np.zeros(features, dtype), np.empty_like(standardized)
    weights = (np.ones(features, dtype) if gamma is None else gamma) / dtype.type(features)
    _pull(cotangent, standardized, inverse_deviation, weights, by_rows, by_gamma, by_beta)
    return by_rows, by_gamma, by_beta


def _takes(rows, *others):
    """Whether these are contiguous real numbers of one type."""
    arrays = [rows, *(own for own in others if own is not None)]
    plain = rows.size and rows.dtype.kind == "f" and rows.dtype.itemsize >= 4
    return plain and all(own.dtype == rows.dtype and own.flags.c_contiguous for own in arrays)
