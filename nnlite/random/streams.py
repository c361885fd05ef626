"""Random streams without global state: what is drawn depends only on (seed, purpose, indices)."""

import itertools
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

__all__ = [
    "RandomSource",
    "child_of",
    "fresh_seed",
    "kept_seeds",
    "seed_fresh_seeds",
    "seeds_are_kept",
    "stream",
    "truncated_standard_normal",
]

_KEPT: ContextVar[bool] = ContextVar("seeds", default=False)
_seeds: Iterator[int] | None = None  # those that `seed_fresh_seeds` decides; None: entropy


@contextmanager
def kept_seeds() -> Iterator[None]:
    """A context in which no `SeedGenerator` advances, for runs whose values do not count."""
    token = _KEPT.set(True)
    try:
        yield
    finally:
        _KEPT.reset(token)


def seeds_are_kept() -> bool:
    """Whether `kept_seeds` is in force."""
    return _KEPT.get()


def fresh_seed() -> int:
    """A seed in [0, 2**31): from the operating system's entropy, unless `seed_fresh_seeds` has been called."""
    if _seeds is not None:
        return next(_seeds)
    entropy: Any = np.random.SeedSequence().entropy  # an integer, as none is passed in
    return int(entropy) & 0x7FFF_FFFF


def seed_fresh_seeds(seed: int) -> None:
    """Derive all later results of `fresh_seed()` from `seed`; see `nnlite.utils.set_random_seed`."""
    global _seeds
    _seeds = (int(stream(seed, "fresh seeds", step=step).integers(2**31)) for step in itertools.count())


def stream(seed: int, purpose: str, index: int = 0, step: int = 0) -> np.random.Generator:
    """The generator for one purpose, position and step, so that any step can be reproduced separately.

    Philox is counter-based: `seed` and `purpose` are its key, `index` and `step` the two high words of its
    256-bit counter; two streams would meet only after 2**128 draws.

    Args:
        seed: an integer >= 0.
        purpose: what the numbers are for, for example `"dropout"`.
        index: which of several users, for example the number of the layer.
        step: which use, for example the number of the training step.

    Reference: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".

    >>> first, again = (stream(0, "shuffle", step=3).permutation(100) for _ in range(2))
    >>> (first == again).all(), (first == stream(0, "shuffle", step=4).permutation(100)).all()
    (np.True_, np.False_)
    """
    key: Any = _Words(seed, zlib.crc32(purpose.encode()))  # as `key=` it would take twice as long
    return np.random.Generator(np.random.Philox(key, counter=[0, 0, index, step]))


class _Words(ISeedSequence):
    """The initial state of a bit generator, as given."""

    def __init__(self, *words) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        return np.array(self.words[:n_words], dtype)


class RandomSource:
    """A layer's source of random numbers in one training step: the streams of (seed, position in the model, step).

    Args:
        seed: the model's seed.
        step: number of the training step.
        place: position in the model; `child` leads into a container.
    """

    def __init__(self, seed: int, step: int = 0, place: int = 0) -> None:
        self.seed = seed
        self.step = step
        self.place = place

    def child(self, index: int) -> "RandomSource":
        """The source of the layer at `index` of the container that has this one."""
        place = self.place * 1024 + index + 1
        if place >= 2**63 or index >= 1023:  # too deep or too wide to be spelled out
            place = int(np.random.SeedSequence((self.place, index)).generate_state(1, np.uint64)[0]) >> 1
        return RandomSource(self.seed, self.step, place)

    def seeded(self, seed: int | None) -> "RandomSource":
        """The source of this step for a layer with its own seed; this one if it has none."""
        return self if seed is None else RandomSource(seed, self.step)

    def generator(self, purpose: str) -> np.random.Generator:
        """The generator for one purpose; the same one at every call."""
        return stream(self.seed, purpose, self.place, self.step)

    def bits(self, purpose: str, count: int) -> np.ndarray:
        """The given number of 16-bit random numbers, uint16, for one purpose; the same ones at every call.

        They come from SFC64, which takes half the time of Philox. Its three words of state are the seed, the place,
        and purpose and step; it stirs them in twelve rounds before the first number, which parts neighbors.
        """
        words: Any = _Words(self.seed, self.place, zlib.crc32(purpose.encode()) << 32 ^ self.step)
        raw = np.random.SFC64(words).random_raw(-(-count // 4))
        return raw.view(np.uint16)[:count]


def child_of(source: RandomSource | None, index: int) -> RandomSource | None:
    """`source.child(index)`; None for no source."""
    return None if source is None else source.child(index)


def truncated_standard_normal(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Standard normal numbers, with those outside [-2, 2] redrawn."""
    values = generator.standard_normal(math.prod(shape))
    outside = np.flatnonzero(np.abs(values) > 2.0)
    while outside.size:
        values[outside] = generator.standard_normal(outside.size)
        outside = outside[np.abs(values[outside]) > 2.0]
    return values.reshape(shape)
