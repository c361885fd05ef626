"""Data sets in IDX files, the format of MNIST."""

import dataclasses

import numpy as np

from nnlite.data.array_files import read_array_file, read_idx
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.arrays import checked_numbers, dataset_of
from nnlite.data.sources.base import Dataset, DataSource, find_file

__all__ = ["Idx", "read_idx"]


class Idx(DataSource):
    """Two files in the IDX format of MNIST, plain or gzipped; values are unchanged (0 to 255).

    Args:
        inputs: the file of the images, of shape (rows, height, width).
        target: the file of the labels, of shape (rows,).

    >>> import pathlib, tempfile
    >>> images, labels = (pathlib.Path(tempfile.mkdtemp(), name) for name in ("images", "labels"))
    >>> _ = images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 128, 0]))
    >>> _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))  # type, axes, lengths, values
    >>> Idx(str(images), str(labels)).load("auto").inputs.tolist()
    [[[0, 255]], [[128, 0]]]
    """

    inputs: str
    target: str
    _files = ("inputs", "target")

    def located(self, folder: str) -> "Idx":
        inputs, target = find_file(self.inputs, folder), find_file(self.target, folder)
        return dataclasses.replace(self, inputs=inputs, target=target)

    def load(self, target_kind: TargetKind) -> Dataset:
        inputs = checked_numbers(read_idx(self.inputs), self.inputs)
        return dataset_of(inputs, read_idx(self.target), target_kind, self.target)

    def read_inputs(self, path: str) -> np.ndarray:
        """Images from an IDX file, or from NumPy's `.npy` or `.npz`."""
        array = read_array_file(path)
        return checked_numbers(read_idx(path) if array is None else array, path)
