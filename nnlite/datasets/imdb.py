"""IMDB: 50,000 film reviews as word numbers, for or against, Maas et al. 2011."""

import os

import numpy as np

from nnlite.datasets.files import read_npz, shuffled
from nnlite.datasets.words import as_objects, known_words, marked, read_index, shorter

__all__ = ["get_word_index", "load_data"]

Part = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str | os.PathLike = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from `imdb.npz`: vectors of lists of word numbers, labels 0 and 1.

    Args:
        path: of the file; if there is none, its place among the files of Keras, `~/.keras/datasets`.
        num_words: numbers from this on become `oov_char`; the largest number when None, as in Keras.
        skip_top: numbers below this become `oov_char`.
        maxlen: texts of this length or longer are left out.
        seed: decides the order, as in Keras.
        start_char: marks the start of each text; None for no mark.
        oov_char: stands for unknown words; None leaves them out.
        index_from: is added to each word's rank.

    Raises:
        DataError: the file is missing, with where to get it, or damaged; or `maxlen` leaves nothing.
    """
    x_train, y_train, x_test, y_test = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    random = np.random.RandomState(seed)
    parts = []
    for x, y in ((x_train, y_train), (x_test, y_test)):
        texts, labels = shuffled(random, x, y)
        parts.append(shorter(marked(texts, start_char, index_from), labels, maxlen))
    (train, y_train), (test, y_test) = parts
    rows = known_words(train + test, num_words, skip_top, oov_char)
    return (as_objects(rows[: len(train)]), y_train), (as_objects(rows[len(train) :]), y_test)


def get_word_index(path: str | os.PathLike = "imdb_word_index.json") -> dict[str, int]:
    """Word -> rank by frequency, from 1 on; `load_data` adds `index_from` to it.

    Raises:
        DataError: the file is missing, with where to get it, or damaged.
    """
    return read_index(path)
