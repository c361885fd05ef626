"""A bias and ReLU in place, and what lets a cotangent through where ReLU did, in NumPy."""

import numpy as np

__all__ = ["bias_relu", "gated", "gated_sum"]

BLOCK = 2**16  # numbers that are worked on at a time, while they are in the cache


def bias_relu(rows: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Overwrite rows `(..., features)` by max(rows + bias, 0); returns where that is above 0.

    Args:
        rows: real numbers, contiguous.
        bias: `(features,)` of the same type, or None.
    """
    above = np.empty(rows.shape, bool)
    flat, gates = (own.reshape(-1, rows.shape[-1]) for own in (rows, above))
    step = max(1, BLOCK // max(1, rows.shape[-1]))
    zeros = np.zeros((min(step, len(flat)), rows.shape[-1]), rows.dtype)  # with a number maxima are not vectorized
    for start in range(0, len(flat), step):
        block = flat[start : start + step]
        if bias is not None:
            np.add(block, bias, out=block)
        np.greater(block, zeros[: len(block)], out=gates[start : start + step])
        np.maximum(block, zeros[: len(block)], out=block)
    return above


def gated(cotangent: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """The product of both, of which `slopes` may be booleans."""
    return np.multiply(cotangent, slopes)


def gated_sum(cotangent: np.ndarray, slopes: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of `cotangent * slopes` over all axes but the last, some examples at a time."""
    step = max(1, BLOCK * len(cotangent) // max(1, cotangent.size))
    out[...] = 0
    for start in range(0, len(cotangent), step):
        product = np.multiply(cotangent[start : start + step], slopes[start : start + step])
        lines = np.add.reduce(product, axis=0)  # long rows first
        out += np.add.reduce(lines, axis=tuple(range(lines.ndim - 1)))
