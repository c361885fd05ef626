"""CIFAR-10: 60,000 small color photographs of 10 classes, Krizhevsky 2009."""

import os

from nnlite.datasets.cifar import Part, read_batches
from nnlite.datasets.files import located

__all__ = ["load_data"]

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz (unpacked)"


def load_data(path: str | os.PathLike = "cifar-10-batches-py") -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from the Python version, uint8 in 0 ... 255, labels 0 ... 9.

    Args:
        path: of the folder that holds `data_batch_1` ... `data_batch_5` and `test_batch`; if there is none, its
            place among the files of Keras, `~/.keras/datasets`. The files are pickles; only arrays are read from them.

    Shape: x `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, or channels first, as `nnlite.config.image_data_format()`
    says; y `(50000, 1)` and `(10000, 1)`.

    Raises:
        DataError: a file is missing, with where to get it, or damaged.
    """
    folder = located(path, ORIGIN)
    train = read_batches(folder, [f"data_batch_{number}" for number in range(1, 6)], "labels")
    return train, read_batches(folder, ["test_batch"], "labels")
