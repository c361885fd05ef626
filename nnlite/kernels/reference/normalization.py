"""Standardized numbers with scale and center, forwards and backwards, in blocks that stay in the cache, in NumPy.

Moments are those of each row (layer normalization), or of each column or group of columns (batch, group normalization).
"""

import numpy as np

__all__ = ["normalize", "normalize_columns", "normalize_columns_pull", "normalize_pull"]

BLOCK = 2**16  # numbers that are worked on at a time


def normalize(
    rows: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """gamma * (rows - mean) / sqrt(variance + epsilon) + beta, with the moments of each row.

    Args:
        rows: `(rows, features)`.
        gamma, beta: `(features,)`, or None for 1 and 0.
        epsilon: added to the variance.

    Returns:
        outputs: `(rows, features)`.
        standardized: the same before scale and center; `outputs` itself where there are none.
        inverse_deviation: 1 / sqrt(variance + epsilon), `(rows, 1)`.
    """
    dtype = np.result_type(rows, *(array for array in (gamma, beta) if array is not None))
    standardized, inverse_deviation = np.empty(rows.shape, rows.dtype), np.empty((len(rows), 1), rows.dtype)
    plain = gamma is None and beta is None
    outputs = standardized if plain else np.empty(rows.shape, dtype)
    shares = np.full(rows.shape[1], 1 / max(1, rows.shape[1]), rows.dtype)
    for block in row_blocks(rows):
        z, out = standardized[block], outputs[block]
        np.subtract(rows[block], (rows[block] @ shares)[:, None], out=z)
        variance = np.einsum("ij,ij->i", z, z) * shares[0]
        inverse_deviation[block, 0] = 1 / np.sqrt(variance + epsilon)
        z *= inverse_deviation[block]
        scale_and_center(z, gamma, beta, out)
    return outputs, standardized, inverse_deviation


def normalize_pull(
    cotangent: np.ndarray, standardized: np.ndarray, inverse_deviation: np.ndarray, gamma: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cotangents of the rows, of gamma and of beta, whether or not these are there.

    With z the standardized rows and g the cotangent times gamma, that of the rows is
    `(g - mean(g) - z * mean(g * z)) / deviation`.
    """
    dtype, features = np.result_type(cotangent, standardized), standardized.shape[1]
    by_rows, (by_gamma, by_beta) = np.empty(standardized.shape, dtype), np.zeros((2, features), dtype)
    weights = (np.ones(features, dtype) if gamma is None else gamma) / max(1, features)
    for block in row_blocks(standardized):
        g, z, inverse, out = cotangent[block], standardized[block], inverse_deviation[block], by_rows[block]
        product, ones = g * z, np.ones(len(g), dtype)
        by_gamma += ones @ product
        by_beta += ones @ g
        mean, along = (g @ weights)[:, None], (product @ weights)[:, None]
        np.multiply(z, along, out=product)
        np.subtract(g if gamma is None else np.multiply(g, gamma, out=out), mean, out=out)
        out -= product
        out *= inverse
    return by_rows, by_gamma, by_beta


def normalize_columns(
    rows: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float, groups: int
) -> tuple[np.ndarray, ...]:
    """gamma * (rows - mean) / sqrt(variance + epsilon) + beta, moments of each group of features over all rows.

    Args:
        rows: `(stack, rows, features)`; each of the stack has moments of its own.
        gamma, beta: `(features,)`, or None for 1 and 0.
        epsilon: added to the variance.
        groups: number of groups of neighboring features; as many as features where each has its own moments.

    Returns:
        outputs: `(stack, rows, features)`.
        standardized: the same before scale and center; `outputs` itself where there are none.
        inverse_deviation, mean, variance: `(stack, features)`.
    """
    standardized, plain = np.empty_like(rows), gamma is None and beta is None
    dtype = np.result_type(rows, *(part for part in (gamma, beta) if part is not None))
    outputs = standardized if plain else np.empty(rows.shape, dtype)
    moments = np.zeros((3, len(rows), rows.shape[2]), rows.dtype)
    for x, z, out, (inverse, mean, variance) in zip(rows, standardized, outputs, moments.swapaxes(0, 1), strict=True):
        blocks = row_blocks(x)
        for block in blocks:
            mean += np.ones(len(x[block]), x.dtype) @ x[block]
        mean[...] = group_means(mean, len(x), groups)
        for block in blocks:
            np.subtract(x[block], mean, out=z[block])
            variance += np.einsum("rf,rf->f", z[block], z[block])
        variance[...] = group_means(variance, len(x), groups)
        inverse[...] = 1 / np.sqrt(variance + epsilon)
        for block in blocks:
            z[block] *= inverse
            scale_and_center(z[block], gamma, beta, out[block])
    return outputs, standardized, *moments


def normalize_columns_pull(
    cotangent: np.ndarray,
    standardized: np.ndarray,
    inverse_deviation: np.ndarray,
    gamma: np.ndarray | None,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cotangents of the rows, of gamma and of beta, as `normalize_pull`, means taken over rows and groups.

    Args:
        cotangent, standardized: `(stack, rows, features)`.
        inverse_deviation: `(stack, features)`.
        gamma, groups: as in `normalize_columns`.
    """
    dtype, (_, count, features) = np.result_type(cotangent, standardized), standardized.shape
    by_rows, (by_gamma, by_beta) = np.empty(standardized.shape, dtype), np.zeros((2, features), dtype)
    weights = np.ones(features, dtype) if gamma is None else gamma
    for g, z, inverse, out in zip(cotangent, standardized, inverse_deviation, by_rows, strict=True):
        blocks, (sums, products) = row_blocks(z), np.zeros((2, features), dtype)
        for block in blocks:
            sums += np.ones(len(z[block]), dtype) @ g[block]
            products += np.einsum("rf,rf->f", g[block], z[block])
        by_beta += sums
        by_gamma += products
        mean, along = (group_means(total * weights, count, groups) * inverse for total in (sums, products))
        for block in blocks:
            np.multiply(g[block], weights * inverse, out=out[block])
            out[block] -= mean
            out[block] -= z[block] * along
    return by_rows, by_gamma, by_beta


def group_means(sums: np.ndarray, count: int, groups: int) -> np.ndarray:
    """For each feature the mean over its group and `count` rows, from the sums over rows, `(..., features)`."""
    if groups == sums.shape[-1]:
        return sums * (1 / max(1, count))
    apart = sums.reshape(*sums.shape[:-1], groups, -1)
    share = 1 / max(1, count * apart.shape[-1])
    return np.broadcast_to(apart.sum(axis=-1, keepdims=True) * share, apart.shape).reshape(sums.shape)


def scale_and_center(
    standardized: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, out: np.ndarray
) -> None:
    """out = gamma * standardized + beta, either may be missing; nothing is done if both are."""
    if gamma is not None:
        np.multiply(standardized, gamma, out=out)
    if beta is not None:
        np.add(standardized if gamma is None else out, beta, out=out)


def row_blocks(rows: np.ndarray) -> list[slice]:
    """Slices of rows of some thousand numbers."""
    step = max(1, BLOCK // max(1, rows.shape[1]))
    return [slice(start, start + step) for start in range(0, len(rows), step)]
