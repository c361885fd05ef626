"""Finding and reading the files of data sets. Pickles are read without running any code in them."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.errors import DataError
from nnlite.errors.boundary import reading
from nnlite.utils.downloads import keras_home

__all__ = ["Unpickler", "located", "read_npz", "shuffled", "split_rows"]

FOLDER_OF_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def located(path: str | os.PathLike, origin: str) -> Path:
    """The file or folder at `path`: as given, or among those that Keras has downloaded.

    Raises:
        DataError: it is in neither place; says where to get it and where to put it.
    """
    home = keras_home() / "datasets"
    for candidate in (Path(path), home / path):
        if candidate.exists():
            return candidate
    raise DataError(
        f"{path} is neither here nor in {home}: download it from {origin}, put it there, or say where it is by path="
    )


def read_npz(path: str | os.PathLike, names: tuple[str, ...]) -> list[np.ndarray]:
    """Arrays of an NPZ file that Keras made, by their names; lists of numbers in them are read by `Unpickler`.

    Raises:
        DataError: the file is missing, is none, or lacks one of the arrays.
    """
    file = located(path, FOLDER_OF_KERAS + Path(path).name)
    with reading(file, "cannot be read as an NPZ file"), zipfile.ZipFile(file) as archive:
        present = archive.namelist()
        if missing := [name for name in names if f"{name}.npy" not in present]:
            raise DataError(f"{file} lacks an array: {', '.join(missing)}; needed: {', '.join(names)}")
        return [_read_array(archive.read(f"{name}.npy")) for name in names]


def _read_array(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    dtype = read_header(stream)[2]
    if dtype.hasobject:
        return np.asarray(Unpickler(stream).load())
    return np.load(io.BytesIO(content), allow_pickle=False)


class Unpickler(pickle.Unpickler):
    """Reads pickles of arrays, lists, numbers and strings, and refuses everything else: no code in the file runs."""

    ALLOWED = {
        ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
        ("numpy", "dtype"): np.dtype,
        ("numpy", "ndarray"): np.ndarray,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        if global_name == "_reconstruct" and module_name.startswith(("numpy.core.", "numpy._core.")):
            return lambda kind, shape, dtype: np.ndarray(shape, dtype)
        if (module_name, global_name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module_name}.{global_name}, which no data set contains")
        return self.ALLOWED[module_name, global_name]


def shuffled(random: np.random.RandomState, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The arrays with their rows in Keras's random order, the same for each array."""
    order = random.permutation(len(arrays[0]))
    return tuple(array[order] for array in arrays)


def split_rows(test_split: float, *arrays: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Two parts of each array; the second has the share `test_split` of the rows.

    Raises:
        DataError: `test_split` is not in [0, 1).
    """
    if not 0 <= test_split < 1:
        raise DataError(f"test_split must be in [0, 1), got {test_split!r}")
    edge = int(len(arrays[0]) * (1 - test_split))
    return tuple(array[:edge] for array in arrays), tuple(array[edge:] for array in arrays)
