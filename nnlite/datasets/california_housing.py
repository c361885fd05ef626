"""California housing: 20,640 districts of the census of 1990, Pace and Barry 1997."""

import os
from typing import Literal

import numpy as np

from nnlite.datasets.files import read_npz, shuffled, split_rows
from nnlite.errors import ConfigError

__all__ = ["load_data"]

Part = tuple[np.ndarray, ...]
ROWS_OF_SMALL = 600


def load_data(
    version: Literal["large", "small"] = "large",
    path: str | os.PathLike = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from `california_housing.npz`: eight columns, prices in dollars.

    Args:
        version: `"large"`, all 20,640 rows, or `"small"`, the first 600.
        path: of the file; if there is none, its place among the files of Keras, `~/.keras/datasets`.
        test_split: share of the rows that are for the test.
        seed: decides which, as in Keras.

    Raises:
        ConfigError: another version.
        DataError: the file is missing, with where to get it, or damaged; or `test_split` is not in [0, 1).
    """
    if version not in ("large", "small"):
        raise ConfigError(f'version must be "large" or "small", got {version!r}')
    rows = slice(None) if version == "large" else slice(ROWS_OF_SMALL)
    x, y = (array[rows] for array in read_npz(path, ("x", "y")))
    return split_rows(test_split, *shuffled(np.random.RandomState(seed), x, y))
