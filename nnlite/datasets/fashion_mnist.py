"""Fashion-MNIST: 70,000 pictures of clothes, Xiao et al. 2017."""

import gzip
import math
import os
from pathlib import Path

import numpy as np

from nnlite.datasets.files import FOLDER_OF_KERAS, located
from nnlite.errors import DataError

__all__ = ["load_data"]

Part = tuple[np.ndarray, np.ndarray]


def load_data(path: str | os.PathLike = "fashion-mnist") -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from four IDX files, uint8 in 0 ... 255, labels 0 ... 9.

    Args:
        path: of the folder that holds `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz` and the two `t10k-`
            files; where there is none, its place among the files of Keras, `~/.keras/datasets`. MNIST in its own
            format is read too.

    Shape: x `(60000, 28, 28)` and `(10000, 28, 28)`, y `(60000,)` and `(10000,)`.

    Raises:
        DataError: a file is missing, with where to get it, or damaged.
    """
    folder = located(path, FOLDER_OF_KERAS)
    parts = [(_read(folder, f"{part}-images-idx3"), _read(folder, f"{part}-labels-idx1")) for part in ("train", "t10k")]
    return parts[0], parts[1]


def _read(folder: Path, name: str) -> np.ndarray:
    """The array of an IDX file of bytes: two zeros, the type, the number of axes, their lengths, the numbers."""
    file = located(folder / f"{name}-ubyte.gz", f"{FOLDER_OF_KERAS}{name}-ubyte.gz")
    try:
        content = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    lengths = np.frombuffer(content[4 : 4 + 4 * axes], ">u4").tolist()
    if not axes or len(content) != 4 + 4 * axes + math.prod(lengths):
        raise DataError(f"{file} is no IDX file of bytes, or is cut off")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(lengths).copy()
