"""Arrays from NumPy's `.npz` and `.npy` files."""

import dataclasses

import numpy as np

from nnlite.data.array_files import read_array_file, read_npy, read_npz
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.arrays import checked_numbers, dataset_of
from nnlite.data.sources.base import Dataset, DataSource, find_file

__all__ = ["Npy", "Npz", "read_npz"]


class Npz(DataSource):
    """Two arrays in a NumPy `.npz` file; neither may hold Python objects.

    Args:
        path: the file.
        inputs: name of the array of shape (rows, features, ...).
        target: name of the array of shape (rows,) or (rows, columns).

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "t.npz")
    >>> np.savez(path, inputs=np.ones((4, 2)), target=np.arange(4))
    >>> Npz(path).load("auto").inputs.shape
    (4, 2)
    """

    path: str
    inputs: str = "inputs"
    target: str = "target"

    def located(self, folder: str) -> "Npz":
        return dataclasses.replace(self, path=find_file(self.path, folder))

    def load(self, target_kind: TargetKind) -> Dataset:
        inputs = checked_numbers(read_npz(self.path, self.inputs), f"{self.path}: {self.inputs!r}")
        target = read_npz(self.path, self.target)
        return dataset_of(inputs, target, target_kind, f"{self.path}: {self.target!r}")

    def read_inputs(self, path: str) -> np.ndarray:
        """The array of inputs in an `.npz` file, or the one in an `.npy` or IDX file."""
        array = read_array_file(path, self.inputs)
        array = read_npz(path, self.inputs) if array is None else array
        return checked_numbers(array, f"{path}: {self.inputs!r}")


class Npy(DataSource):
    """Two arrays in NumPy `.npy` files; neither may hold Python objects.

    Args:
        inputs: the file of the inputs, of shape (rows, features, ...).
        target: the file of the target, of shape (rows,) or (rows, columns).

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "x.npy")
    >>> np.save(path, np.ones((4, 2)))
    >>> Npy(path, path).load("auto").inputs.shape
    (4, 2)
    """

    inputs: str
    target: str

    def located(self, folder: str) -> "Npy":
        inputs, target = find_file(self.inputs, folder), find_file(self.target, folder)
        return dataclasses.replace(self, inputs=inputs, target=target)

    def load(self, target_kind: TargetKind) -> Dataset:
        inputs = checked_numbers(read_npy(self.inputs), self.inputs)
        return dataset_of(inputs, read_npy(self.target), target_kind, self.target)

    def read_inputs(self, path: str) -> np.ndarray:
        """The array in an `.npy` or IDX file, or the only one in an `.npz` file."""
        array = read_array_file(path)
        return checked_numbers(read_npy(path) if array is None else array, path)
