"""MNIST: 70,000 handwritten digits, LeCun et al. 1998."""

import os

import numpy as np

from nnlite.datasets.files import read_npz

__all__ = ["load_data"]

Part = tuple[np.ndarray, np.ndarray]


def load_data(path: str | os.PathLike = "mnist.npz") -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from `mnist.npz`, uint8 in 0 ... 255, labels 0 ... 9.

    Args:
        path: of the file; if there is none, its place among the files of Keras, `~/.keras/datasets`.

    Shape: x `(60000, 28, 28)` and `(10000, 28, 28)`, y `(60000,)` and `(10000,)`.

    Raises:
        DataError: the file is missing, with where to get it, or damaged.
    """
    x_train, y_train, x_test, y_test = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)
