"""Arrays from `.npz` files."""

import dataclasses
import zipfile
import zlib

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.arrays import checked_numbers, dataset_of
from nnlite.data.sources.base import Dataset, DataSource, find_file
from nnlite.errors import DataError, did_you_mean

__all__ = ["Npz", "read_npz"]


class Npz(DataSource):
    """Two arrays in a NumPy `.npz` file; neither may hold Python objects.

    Args:
        path: the file.
        inputs: name of the array of shape (rows, features, ...).
        target: name of the array of shape (rows,) or (rows, columns).
    """

    path: str
    inputs: str = "inputs"
    target: str = "target"

    def located(self, folder: str) -> "Npz":
        return dataclasses.replace(self, path=find_file(self.path, folder))

    def load(self, target_kind: TargetKind) -> Dataset:
        target = read_npz(self.path, self.target)
        return dataset_of(self.read_inputs(self.path), target, target_kind, f"{self.path}: {self.target!r}")

    def read_inputs(self, path: str) -> np.ndarray:
        return checked_numbers(read_npz(path, self.inputs), f"{path}: {self.inputs!r}")


def read_npz(path: str, name: str) -> np.ndarray:
    """The array called `name` in an `.npz` file; `DataError` if the file or the array cannot be used."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if name not in arrays.files:
                raise DataError(f"{path}: no array {name!r}; {did_you_mean(name, arrays.files)}")
            return arrays[name]
    except DataError:
        raise
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not an .npz file of plain arrays ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
