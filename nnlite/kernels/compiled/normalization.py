"""Standardized numbers with scale and center, compiled: each is read two or three times on either way."""

import numpy as np
from numba import njit

from nnlite.kernels.compiled.recurrent import add, inlined, readable
from nnlite.kernels.reference import normalization as reference

__all__ = ["normalize", "normalize_columns", "normalize_columns_pull", "normalize_pull"]

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


@inlined
def _add_squares(row, mean, total):
    for j in range(total.size):
        total[j] += (row[j] - mean[j]) * (row[j] - mean[j])


@inlined
def _standardize(row, mean, inverse, z):
    for j in range(z.size):
        z[j] = (row[j] - mean[j]) * inverse[j]


@inlined
def _scale_and_center(z, gamma, beta, out):
    for j in range(out.size):
        out[j] = z[j] * gamma[j] + beta[j]


@inlined
def _add_products(row, z, sums, products):
    for j in range(sums.size):
        sums[j] += row[j]
        products[j] += row[j] * z[j]


@inlined
def _pull_row(row, z, slopes, mean, along, out):
    for j in range(out.size):
        out[j] = row[j] * slopes[j] - mean[j] - z[j] * along[j]


@compiled
def _add_group_means(sums, share, groups, out):
    """Add to each feature the mean of its group."""
    width = sums.size // groups
    for start in range(0, sums.size, width):
        mean = _sum(sums[start : start + width]) * share
        for j in range(start, start + width):
            out[j] += mean


@compiled
def _normalize_columns(rows, gamma, beta, epsilon, groups, outputs, standardized, inverse, mean, variance):
    kind, (stack, count, features) = rows.dtype.type, rows.shape
    share = kind(1) / kind(count * (features // groups))
    for n in range(stack):
        for moment in range(2):
            total, means = np.zeros_like(mean[n]), mean[n] if moment == 0 else variance[n]
            for start in range(0, count, ROWS):
                part = np.zeros_like(total)
                for i in range(start, min(start + ROWS, count)):
                    if moment == 0:
                        add(rows[n, i], part)
                    else:
                        _add_squares(rows[n, i], mean[n], part)
                add(part, total)
            _add_group_means(total, share, groups, means)
        for j in range(features):
            inverse[n, j] = kind(1) / np.sqrt(variance[n, j] + epsilon)
        for i in range(count):
            _standardize(rows[n, i], mean[n], inverse[n], standardized[n, i])
            if gamma is not None and beta is not None:
                _scale_and_center(standardized[n, i], gamma, beta, outputs[n, i])


@compiled
def _pull_columns(cotangent, standardized, inverse, gamma, groups, by_rows, by_gamma, by_beta):
    kind, (stack, count, features) = cotangent.dtype.type, cotangent.shape
    share = kind(1) / kind(count * (features // groups))
    for n in range(stack):
        sums, products = np.zeros_like(gamma), np.zeros_like(gamma)
        for start in range(0, count, ROWS):
            part, product = np.zeros_like(gamma), np.zeros_like(gamma)
            for i in range(start, min(start + ROWS, count)):
                _add_products(cotangent[n, i], standardized[n, i], part, product)
            add(part, sums)
            add(product, products)
        add(sums, by_beta)
        add(products, by_gamma)
        mean, along = np.zeros_like(gamma), np.zeros_like(gamma)
        _add_group_means(sums * gamma, share, groups, mean)
        _add_group_means(products * gamma, share, groups, along)
        slopes, mean, along = gamma * inverse[n], mean * inverse[n], along * inverse[n]
        for i in range(count):
            _pull_row(cotangent[n, i], standardized[n, i], slopes, mean, along, by_rows[n, i])


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


def normalize_columns(
    rows: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float, groups: int
) -> tuple[np.ndarray, ...]:
    if not _takes(rows, gamma, beta):
        return reference.normalize_columns(rows, gamma, beta, epsilon, groups)
    features, standardized = rows.shape[2], np.empty_like(rows)
    outputs = standardized
    if gamma is not None or beta is not None:
        outputs = np.empty_like(rows)
        gamma = np.ones(features, rows.dtype) if gamma is None else gamma
        beta = np.zeros(features, rows.dtype) if beta is None else beta
    moments = np.zeros((3, len(rows), features), rows.dtype)
    _normalize_columns(rows, gamma, beta, rows.dtype.type(epsilon), groups, outputs, standardized, *moments)
    return outputs, standardized, *moments


def normalize_columns_pull(
    cotangent: np.ndarray,
    standardized: np.ndarray,
    inverse_deviation: np.ndarray,
    gamma: np.ndarray | None,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not _takes(cotangent, standardized, inverse_deviation, gamma):
        return reference.normalize_columns_pull(cotangent, standardized, inverse_deviation, gamma, groups)
    features, dtype = standardized.shape[2], standardized.dtype
    by_gamma, by_beta, by_rows = np.zeros(features, dtype), np.zeros(features, dtype), np.empty_like(standardized)
    gamma = np.ones(features, dtype) if gamma is None else gamma
    _pull_columns(cotangent, standardized, inverse_deviation, gamma, groups, by_rows, by_gamma, by_beta)
    return by_rows, by_gamma, by_beta


def _takes(rows, *others):
    """Whether these are contiguous real numbers of one type."""
    alike = all(array is None or (array.dtype == rows.dtype and array.flags.c_contiguous) for array in others)
    return rows.size and readable(rows) and alike
