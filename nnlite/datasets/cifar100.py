"""CIFAR-100: 60,000 small color photographs of 100 classes, Krizhevsky 2009."""

import os

from nnlite.datasets.cifar import Part, read_batches
from nnlite.datasets.files import located
from nnlite.errors import ConfigError

__all__ = ["load_data"]

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz (unpacked)"


def load_data(label_mode: str = "fine", path: str | os.PathLike = "cifar-100-python") -> tuple[Part, Part]:
    """`(x_train, y_train), (x_test, y_test)` from the Python version, uint8 in 0 ... 255.

    Args:
        label_mode: `"fine"`, 100 classes, or `"coarse"`, 20.
        path: of the folder that holds `train` and `test`; if there is none, its place among the files of Keras,
            `~/.keras/datasets`. The files are pickles; only arrays are read from them.

    Shape: as `nnlite.datasets.cifar10.load_data`.

    Raises:
        ConfigError: another `label_mode`.
        DataError: a file is missing, with where to get it, or damaged.
    """
    if label_mode not in ("fine", "coarse"):
        raise ConfigError(f'label_mode must be "fine" or "coarse", got {label_mode!r}')
    folder = located(path, ORIGIN)
    return read_batches(folder, ["train"], f"{label_mode}_labels"), read_batches(
        folder, ["test"], f"{label_mode}_labels"
    )
