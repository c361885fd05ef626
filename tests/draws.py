"""Random numbers for tests."""

from collections.abc import Callable

import numpy as np


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Standard normal numbers, the same ones for the same shape and seed."""
    return np.random.default_rng((seed, *shape)).normal(size=shape)


def stream(source: int | np.random.Generator) -> Callable[..., np.ndarray]:
    """A `normal(*shape)` that gives the next numbers of one stream at every call."""
    generator = np.random.default_rng(source)
    return lambda *shape: generator.normal(size=shape)
