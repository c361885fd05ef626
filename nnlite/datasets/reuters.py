"""Reuters: 11,228 news wires as word numbers, of 46 topics, Lewis 1997."""

import os

import numpy as np

from nnlite.datasets.files import read_npz, shuffled, split_rows
from nnlite.datasets.words import as_objects, known_words, marked, read_index, shorter

__all__ = ["get_label_names", "get_word_index", "load_data"]

Part = tuple[np.ndarray, ...]
TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str | os.PathLike = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from `reuters.npz`: vectors of lists of word numbers, labels 0 ... 45.

    Args:
        path: of the file; if there is none, its place among the files of Keras, `~/.keras/datasets`.
        test_split: share of the texts that are for the test.
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: as for `nnlite.datasets.imdb.load_data`.

    Raises:
        DataError: the file is missing, with where to get it, or damaged; `maxlen` leaves nothing; or
            `test_split` is not in [0, 1).
    """
    x, y = shuffled(np.random.RandomState(seed), *read_npz(path, ("x", "y")))
    rows, labels = shorter(marked(x, start_char, index_from), y, maxlen)
    texts = as_objects(known_words(rows, num_words, skip_top, oov_char))
    return split_rows(test_split, texts, labels)


def get_word_index(path: str | os.PathLike = "reuters_word_index.json") -> dict[str, int]:
    """Word -> rank by frequency, from 1 on; `load_data` adds `index_from` to it.

    Raises:
        DataError: the file is missing, with where to get it, or damaged.
    """
    return read_index(path)


def get_label_names() -> tuple[str, ...]:
    """The topics, in the order of the labels."""
    return tuple(TOPICS.split())
