"""Standardized rows with scale and center, forwards and backwards, in blocks that stay in the cache, in NumPy."""

import numpy as np

__all__ = ["normalize", "normalize_pull"]

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
    dtype = np.result_type(rows, *(own for own in (gamma, beta) if own is not None))
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
        if gamma is not None:
            np.multiply(z, gamma, out=out)
        if beta is not None:
            np.add(z if gamma is None else out, beta, out=out)
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


def row_blocks(rows: np.ndarray) -> list[slice]:
    """Slices of rows of some thousand numbers."""
    step = max(1, BLOCK // max(1, rows.shape[1]))
    return [slice(start, start + step) for start in range(0, len(rows), step)]
