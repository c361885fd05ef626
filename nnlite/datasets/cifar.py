"""Common parts of CIFAR-10 and CIFAR-100: pickled dictionaries of rows, one number per pixel and channel."""

from pathlib import Path

import numpy as np

from nnlite.config import image_data_format
from nnlite.datasets.files import Unpickler
from nnlite.errors.boundary import reading

__all__ = ["Part", "read_batches"]

Part = tuple[np.ndarray, np.ndarray]


def read_batches(folder: Path, names: list[str], label_key: str) -> Part:
    """Images and labels of the files with these names, concatenated."""
    batches = [_read(folder / name, label_key) for name in names]
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return (x if image_data_format() == "channels_first" else x.transpose(0, 2, 3, 1)), y.reshape(-1, 1)


def _read(file: Path, label_key: str) -> Part:
    with reading(file, "cannot be read as a batch of CIFAR"), open(file, "rb") as stream:
        batch = Unpickler(stream, encoding="bytes").load()
        named = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        pixels = np.asarray(named["data"], np.uint8).reshape(-1, 3, 32, 32)
        return pixels, np.asarray(named[label_key], np.uint8)
