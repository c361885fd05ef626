"""Common parts of the text data sets: words as indices by frequency, and the index of words."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlite.datasets.files import FOLDER_OF_KERAS, located
from nnlite.errors import DataError
from nnlite.saving import read_json

__all__ = ["as_objects", "known_words", "marked", "read_index", "shorter"]


def marked(x: Iterable[Any], start_char: int | None, index_from: int) -> list[list[int]]:
    """Word indices shifted by `index_from`, after a start mark."""
    start = [] if start_char is None else [start_char]
    return [start + [int(word) + (index_from or 0) for word in row] for row in x]


def shorter(rows: list[list[int]], labels: np.ndarray, maxlen: int | None) -> tuple[list[list[int]], np.ndarray]:
    """The rows that are shorter than `maxlen`, with their labels; all for None.

    Raises:
        DataError: there is none.
    """
    if not maxlen:
        return rows, labels
    numbers = [number for number, row in enumerate(rows) if len(row) < maxlen]
    if not numbers:
        raise DataError(f"no text is shorter than maxlen={maxlen}: give a larger one")
    return [rows[number] for number in numbers], labels[numbers]


def known_words(rows: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Rows in which words outside `skip_top` ... `num_words` - 1 are replaced by `oov_char`, or dropped if None.

    As in Keras, `num_words` is the largest number when None, so that this word itself counts as unknown.
    """
    limit = num_words or max(max(row) for row in rows)
    if oov_char is None:
        return [[word for word in row if skip_top <= word < limit] for row in rows]
    return [[word if skip_top <= word < limit else oov_char for word in row] for row in rows]


def as_objects(rows: list[list[int]]) -> np.ndarray:
    """A vector of lists."""
    vector = np.empty(len(rows), object)
    vector[:] = rows
    return vector


def read_index(path: str | os.PathLike) -> dict[str, int]:
    """Word -> rank, from a JSON file.

    Raises:
        DataError: the file is missing, with where to get it, or damaged.
    """
    file = located(path, FOLDER_OF_KERAS + os.path.basename(path))
    return read_json(file)
