"""Downsampling of points beyond what a chart can show."""

import numpy as np

__all__ = ["MOST_POINTS", "evenly", "sampled", "thinned"]

MOST_POINTS = 500
STRETCHES = 150


def thinned(line: np.ndarray) -> np.ndarray:
    """A line of more than 300 points reduced to the minimum and maximum of 150 stretches, and both ends.

    Args:
        line: `(points, 2)`; a stretch with a value that is not finite keeps its first such point, so that gaps stay.

    Shape: `(fewer points, 2)`.
    """
    if len(line) <= 2 * STRETCHES:
        return line
    indices = {0, len(line) - 1}
    for stretch in np.array_split(np.arange(len(line)), STRETCHES):
        y = line[stretch, 1]
        is_finite = np.isfinite(y)
        if is_finite.any():
            indices |= {int(stretch[np.nanargmin(np.where(is_finite, y, np.nan))])}
            indices |= {int(stretch[np.nanargmax(np.where(is_finite, y, np.nan))])}
        if not is_finite.all():
            indices.add(int(stretch[np.argmin(is_finite)]))
    return line[sorted(indices)]


def evenly(count: int, most: int) -> np.ndarray:
    """Ascending indices of at most `most` of `count` points, about equally spaced, including both ends."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))


def sampled(count: int, most: int = MOST_POINTS, seed: int = 0) -> np.ndarray:
    """Ascending indices of at most `most` of `count` points, drawn at random."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
