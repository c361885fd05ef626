"""Encoders of text without a vocabulary: a hash determines the column in which a word or a level counts."""

import functools
import re
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from nnlite.data.encoders.columns import ColumnEncoder, ColumnSource
from nnlite.data.frames.frame import Kind
from nnlite.registry.bounds import Count, Range

__all__ = ["HashedLevels", "HashedText"]

WORD = re.compile(r"\b\w\w+\b")
MASK = 0xFFFFFFFF


class Hashed(ColumnEncoder, abstract=True):
    """Base of the encoders that hash text into a fixed number of columns.

    Args:
        name: the column.
        width: number of columns; texts may share one, with either sign: the more columns, the fewer do.
    """

    width: Count

    @property
    def reads(self) -> Kind:
        return "category"

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}#{index}" for index in range(self.width)]

    def texts(self, source: ColumnSource) -> list[str]:
        """The cells as text, `""` for a gap."""
        return [cell or "" for cell in self.read(source).values]


def size_of(columns: Sequence[ColumnEncoder]) -> int:
    """The number of encoded columns, over all encoders; no names are made."""
    return sum(column.width if isinstance(column, Hashed) else len(column.outputs) for column in columns)


class HashedLevels(Hashed):
    """A category of many levels as 1 or -1 in the column given by the level's hash; all 0 for a missing value.

    Levels that the training part did not hold have a column too. The same as scikit-learn's `FeatureHasher` of one
    string per row, which takes the 32-bit MurmurHash3.

    Args:
        name: the column.
        width: number of columns.

    Reference: Weinberger et al. 2009, arXiv:0902.2206.

    >>> from nnlite.data import read_frame
    >>> HashedLevels("zip", width=4).encode(read_frame({"zip": ["8001", "3012", None]})).tolist()
    [[0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """

    def encode(self, source: ColumnSource) -> np.ndarray:
        return hashed_levels(self.texts(source), self.width)


class HashedText(Hashed):
    """Text as a bag of its words and word pairs, counted in the columns given by their hashes, scaled to norm 1.

    Words are two characters or longer, in lower case. Each counts 1 or -1, by its hash; a row is divided by its
    Euclidean length, and all 0 for a text without words. The same as scikit-learn's `HashingVectorizer`.

    Args:
        name: the column.
        width: number of columns.
        ngrams: the maximum number of adjacent words that count together.

    Reference: Weinberger et al. 2009, arXiv:0902.2206.

    >>> from nnlite.data import read_frame
    >>> encoded = HashedText("note", width=64).encode(read_frame({"note": ["a quiet room", "Quiet room!", None]}))
    >>> encoded.shape, encoded[0].tolist() == encoded[1].tolist(), encoded[2].any().item()
    ((3, 64), True, False)
    """

    ngrams: Annotated[int, Range(1, 5)] = 2

    def encode(self, source: ColumnSource) -> np.ndarray:
        return hashed_text(self.texts(source), self.width, self.ngrams)


def hashed_levels(texts: Sequence[str], width: int) -> np.ndarray:
    """1 or -1 in the column given by the hash of each string; zeros for an empty one. Shape: (strings, width)."""
    encoded = np.zeros((len(texts), width))
    for row, text in enumerate(texts):
        if text:
            column, sign = place_and_sign(text, width)
            encoded[row, column] = sign
    return encoded


def hashed_text(texts: Sequence[str], width: int, ngrams: int) -> np.ndarray:
    """Counts of the words of each text and of n-grams, scaled to norm 1. Shape: (texts, width)."""
    encoded = np.zeros((len(texts), width))
    for row, text in enumerate(texts):
        words = WORD.findall(text.lower())
        for size in range(1, ngrams + 1):
            for start in range(len(words) - size + 1):
                column, sign = place_and_sign(" ".join(words[start : start + size]), width)
                encoded[row, column] += sign
    lengths = np.sqrt((encoded**2).sum(axis=1, keepdims=True))
    return encoded / np.where(lengths > 0, lengths, 1)


@functools.lru_cache(maxsize=100_000)
def place_and_sign(text: str, width: int) -> tuple[int, float]:
    """The column of a string and its sign, as in `FeatureHasher`."""
    number = murmurhash3(text.encode())
    signed = number - (1 << 32) if number >> 31 else number
    return abs(signed) % width, 1.0 if signed >= 0 else -1.0


def murmurhash3(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32 (Austin Appleby, public domain): a number from 0 to 2 ** 32 - 1."""
    number, blocks = seed, len(data) // 4 * 4
    for start in range(0, blocks, 4):
        number ^= scrambled(int.from_bytes(data[start : start + 4], "little"))
        number = ((number << 13 | number >> 19) * 5 + 0xE6546B64) & MASK
    if len(data) > blocks:
        number ^= scrambled(int.from_bytes(data[blocks:], "little"))
    number ^= len(data)
    number = (number ^ number >> 16) * 0x85EBCA6B & MASK
    number = (number ^ number >> 13) * 0xC2B2AE35 & MASK
    return number ^ number >> 16


def scrambled(block: int) -> int:
    """Four bytes as MurmurHash3 mixes them."""
    block = block * 0xCC9E2D51 & MASK
    return (block << 15 | block >> 17) * 0x1B873593 & MASK
