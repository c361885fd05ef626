"""Models as `.keras` files, and weights as `.weights.h5` files, written and read as Keras 3 does."""

import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnlite.errors import ConfigError, ModelFileError
from nnlite.foreign import hdf5
from nnlite.foreign.archives import kept_beside, read_archive, write_archive
from nnlite.foreign.keras_graphs import is_model, keras_order
from nnlite.foreign.keras_models import Orders, model_config, read_model
from nnlite.foreign.keras_optimizers import optimizer_arrays
from nnlite.foreign.keras_places import Order, file_shapes, groups_of, parameter_places
from nnlite.foreign.keras_specs import signatures
from nnlite.initializers.blank import values_follow
from nnlite.parameters import Parameter
from nnlite.saving import check_count, names_that_fit, reading_saved, safetensors, write_atomically

__all__ = [
    "KerasModel",
    "assign_datasets",
    "encode_extra",
    "is_foreign_file",
    "is_keras_file",
    "kept_beside",
    "load_keras",
    "load_keras_weights",
    "read_extra",
    "save_keras",
    "save_keras_weights",
    "size_in_memory",
    "stated_format",
    "trained_in_order",
    "weights_of",
]

ENDINGS = (".keras", ".weights.h5", ".h5", ".hdf5")
ZIP = b"PK\x03\x04"
# Keras keeps these among the weights too: the state of random layers, and that of the optimizer.
LEFT_OVER = ("seed_generator", "optimizer")
LARGEST_NUMBER = 8  # bytes of a parameter's number, regardless of its size in the file


def stated_format(path: str | os.PathLike, whole: bool) -> bool:
    """Whether a file's name selects one of Keras's formats.

    Args:
        path: where a file is to be written.
        whole: a model, rather than weights alone.

    Raises:
        ConfigError: the name says that the file is of the other kind, or of a format of earlier Keras.
    """
    name = os.fspath(path).lower()
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), "")
    wanted = ".keras" if whole else ".weights.h5"
    if ending not in ("", wanted):
        method, kind = ("save", "a model") if whole else ("save_weights", "weights alone")
        raise ConfigError(
            f"{path}: {method} writes {kind}, and Keras expects {wanted} at the end of such a name; any other ending, "
            "such as .safetensors, makes a file of nnlite"
        )
    return ending == wanted


def is_keras_file(path: str | os.PathLike) -> bool:
    """Whether a file is a zip archive, as `.keras` files are, or a damaged one with that extension."""
    return _start(path).startswith(ZIP) and (os.fspath(path).endswith(".keras") or zipfile.is_zipfile(path))


def is_foreign_file(path: str | os.PathLike) -> bool:
    """Whether a file is a `.keras` file, or starts like an HDF5 file."""
    return is_keras_file(path) or _start(path) == hdf5.SIGNATURE


def _start(path: str | os.PathLike) -> bytes:
    if not os.path.isfile(path):  # a pipe without a writer would block
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(len(hdf5.SIGNATURE))
    except OSError:
        return b""  # who reads the file says what is wrong


def encode_extra(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Model data that Keras files do not provide for."""
    return bytes(safetensors.encode(arrays, {"nnlite": json.dumps(header, allow_nan=False)}))


def read_extra(content: bytes, path: object) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inverse of `encode_extra`; `ModelFileError` for anything else."""
    with reading_saved(f"{path}: what nnlite kept beside the model"):
        metadata, arrays = safetensors.decode(content)
        header = json.loads(metadata["nnlite"])
        if not isinstance(header, dict):
            raise ModelFileError(f"expected an object, got {type(header).__name__}")
        return header, arrays


def save_keras(
    model: Any,
    path: str | os.PathLike,
    extra: bytes = b"",
    overwrite: bool = True,
    compiled: dict[str, Any] | None = None,
    memory: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a `.keras` file that Keras 3 loads.

    Args:
        model: a built `Sequential` or `Model` of layers that Keras has.
        path: its folder must exist.
        extra: bytes that nnlite reads and Keras passes over.
        overwrite: whether a file of that name is replaced.
        compiled: the arguments of `compile` in Keras's JSON.
        memory: the variables of the optimizer by path.

    Raises:
        ModelFileError: a layer or an argument that Keras does not have; the message names it.
        MissingLibraryError: h5py is not installed.
    """
    _check_target(path, overwrite)
    config = model_config(model)
    config |= {"build_config": {"input_shape": model.input_shape}, "compile_config": compiled}
    metadata = {"keras_version": signatures()["version"], "date_saved": ""}
    write_archive(path, config, metadata, _encoded(model, memory), extra)


def save_keras_weights(model: Any, path: str | os.PathLike, overwrite: bool = True) -> None:
    """Write a `.weights.h5` file, which `load_weights` of the same model in Keras reads; errors as `save_keras`."""
    _check_target(path, overwrite)
    write_atomically(path, _encoded(model))


def _check_target(path: str | os.PathLike, overwrite: bool) -> None:
    if Path(path).exists() and not overwrite:
        raise ModelFileError(f"{path}: exists already")
    if Path(path).is_dir() or not Path(path).parent.is_dir():
        raise ModelFileError(f"{path}: must name a file in a folder that exists")


def trained_in_order(model: Any, trained: set[int]) -> list[Parameter]:
    """The parameters whose `id` is in `trained`, in Keras's order."""
    return [parameter for _, parameter in parameter_places(model, keras_order) if id(parameter) in trained]


def _encoded(model: Any, memory: Mapping[str, np.ndarray] | None = None) -> bytes:
    shapes = file_shapes(model, keras_order)
    arrays = {
        path: parameter.value.reshape(shapes.get(id(parameter), parameter.shape))
        for path, parameter in parameter_places(model, keras_order)
    }
    counts = {f"{group}/2": np.array(0, np.int32) for group in _adapted(model, keras_order)}
    return hdf5.encode({**arrays, **counts, **(memory or {})}, dict(groups_of(model, keras_order)))


def _adapted(model: Any, order: Order) -> list[str]:
    """The groups of normalizations, where Keras counts batches in a third variable."""
    places: dict[str, list[Parameter]] = {}
    for path, parameter in parameter_places(model, order):
        places.setdefault(path.rpartition("/")[0], []).append(parameter)
    return [group for group, statistics in places.items() if [one.name for one in statistics] == ["mean", "variance"]]


class KerasModel(NamedTuple):
    """The contents of a `.keras` file.

    Attributes:
        model: with its weights.
        compiled: the arguments of `compile` as Keras has them; empty where there are none.
        optimizer: the variables of the optimizer.
        parameters: those of the model, in the order of Keras.
    """

    model: Any
    compiled: dict[str, Any]
    optimizer: list[np.ndarray]
    parameters: list[Parameter]


def load_keras(path: str | os.PathLike) -> KerasModel:
    """The model of a `.keras` file, and its `compile` arguments.

    Raises:
        ModelFileError: no `.keras` file, a damaged one, or one of a layer or an argument that nnlite does not have.
        MissingLibraryError: h5py is not installed.
    """
    archive = read_archive(path)
    orders: Orders = {}

    def order(one: Any) -> Any:
        return orders.get(id(one)) or one.layers

    with hdf5.opened(archive.weights, path) as datasets:
        with reading_saved(path), values_follow(size_in_memory(datasets)):
            check_count(archive.config, len(datasets), path)
            model: Any = read_model(archive.config, orders)
            _build(model, archive.config, path)
        assign_datasets(model, datasets, path, order)
        kept = optimizer_arrays(datasets)
    parameters = [parameter for _, parameter in parameter_places(model, order)]
    return KerasModel(model, archive.config.get("compile_config") or {}, kept, parameters)


def _build(model: Any, config: dict[str, Any], path: object) -> None:
    """Give the model its weights, for the shape that the file says, if it has none yet."""
    if not is_model(model):
        raise ModelFileError(f"{path} holds a {type(model).__name__}, which is a layer, not a model")
    shape = (config.get("build_config") or {}).get("input_shape")
    if not model.built and shape:
        model._ensure_built(tuple(shape))
    if not model.built and any(not layer.adapted for layer in model.layers):
        raise ModelFileError(f"{path}: a layer waits for data: what Keras keeps of it in assets is not read")
    if not model.built:
        raise ModelFileError(f"{path}: the model has no shape of its inputs, and so no weights")


def load_keras_weights(model: Any, path: str | os.PathLike, skip_mismatch: bool = False) -> None:
    """Copy the weights of a `.weights.h5` or `.keras` file into a model of the same layers.

    Args:
        model: built.
        path: of the file.
        skip_mismatch: whether those that are missing or of another shape are left out, with a warning that names them.

    Raises:
        ModelFileError: no such file, a damaged one, or names and shapes that are not the model's, all listed.
        MissingLibraryError: h5py is not installed.
    """
    with weights_of(path) as datasets:
        assign_datasets(model, datasets, path, keras_order, skip_mismatch)


def weights_of(path: str | os.PathLike) -> AbstractContextManager[dict[str, Any]]:
    """A context with the data sets in a `.weights.h5` or `.keras` file, as from `hdf5.opened`."""
    return hdf5.opened(read_archive(path).weights if is_keras_file(path) else path, path)


def size_in_memory(datasets: Mapping[str, Any]) -> int:
    """The maximum size in bytes of parameters with this many numbers."""
    return sum(LARGEST_NUMBER * one.size for one in datasets.values())


def assign_datasets(
    model: Any,
    datasets: Mapping[str, Any],
    label: object,
    order: Order = keras_order,
    skip_mismatch: bool = False,
) -> None:
    """Copy the datasets of an HDF5 file into the parameters, after comparing all shapes."""
    needed = dict(parameter_places(model, order))
    counts = {f"{group}/2" for group in _adapted(model, order)}
    others = file_shapes(model, order)
    shapes = {path: others.get(id(parameter), parameter.shape) for path, parameter in needed.items()}
    present = {
        name: one
        for name, one in datasets.items()
        if name not in counts and not any(part in LEFT_OVER for part in name.split("/"))
    }
    if skip_mismatch:
        fits = names_that_fit(shapes, present, label)
        needed, shapes = {name: needed[name] for name in fits}, {name: shapes[name] for name in fits}
        present = {name: present[name] for name in fits}
    _check_fit(shapes, present, label)
    arrays = {path: present[path][()] for path in needed}
    for path, parameter in needed.items():
        parameter.assign(arrays[path].reshape(parameter.shape))


def _check_fit(needed: Mapping[str, Any], present: Mapping[str, Any], label: object) -> None:
    """`ModelFileError` that lists what is missing, what is left over and which shapes and types do not fit."""
    problems = {
        "missing": sorted(needed.keys() - present.keys()),
        "left over": sorted(present.keys() - needed.keys()),
        "other shapes": [
            f"{path} is {present[path].shape}, needed {shape}"
            for path, shape in needed.items()
            if path in present and present[path].shape != shape
        ],
        "other types": [f"{path} is {one.dtype}" for path, one in present.items() if one.dtype.kind not in "fiu"],
    }
    texts = [f"{title}: {', '.join(names)}" for title, names in problems.items() if names]
    if texts:
        raise ModelFileError(f"{label} does not fit the model; {'; '.join(texts)}")
