"""Fashion-MNIST: 70,000 pictures of clothes, Xiao et al. 2017."""

import os
from pathlib import Path

import numpy as np

from nnlite.data.array_files import read_idx
from nnlite.datasets.files import FOLDER_OF_KERAS, located

__all__ = ["load_data"]

Part = tuple[np.ndarray, np.ndarray]


def load_data(path: str | os.PathLike = "fashion-mnist") -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from four IDX files, uint8 in 0 ... 255, labels 0 ... 9.

    Args:
        path: of the folder that holds `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz` and the two `t10k-`
            files; if there is none, its place among the files of Keras, `~/.keras/datasets`. MNIST in its own
            format is read too.

    Shape: x `(60000, 28, 28)` and `(10000, 28, 28)`, y `(60000,)` and `(10000,)`.

    Raises:
        DataError: a file is missing, with where to get it, or damaged.
    """
    folder = located(path, FOLDER_OF_KERAS)
    parts = [(_read(folder, f"{part}-images-idx3"), _read(folder, f"{part}-labels-idx1")) for part in ("train", "t10k")]
    return parts[0], parts[1]


def _read(folder: Path, name: str) -> np.ndarray:
    return read_idx(str(located(folder / f"{name}-ubyte.gz", f"{FOLDER_OF_KERAS}{name}-ubyte.gz")))
