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
from nnlite.foreign.archives import (
    EXTRA,
    Archive,
    is_folder_of_keras,
    kept_beside as extra_of_archive,
    parts_of,
    read_archive,
    write_archive,
    write_folder,
)
from nnlite.foreign.containers.datasets import assign_datasets, size_in_memory
from nnlite.foreign.containers.legacy import legacy_bytes, legacy_config, legacy_extra, legacy_optimizer
from nnlite.foreign.containers.own_files import assets_of, take_assets, with_own_variables
from nnlite.foreign.containers.shards import is_list_of_shards, list_beside, opened_shards, write_shards
from nnlite.foreign.keras_graphs import keras_order
from nnlite.foreign.keras_models import Orders, model_config, read_model
from nnlite.foreign.keras_optimizers import optimizer_arrays
from nnlite.foreign.keras_places import groups_of, parameter_places
from nnlite.foreign.keras_specs import signatures
from nnlite.initializers.blank import values_follow
from nnlite.parameters import Parameter
from nnlite.saving import check_count, encode_json, reading_saved, safetensors, write_atomically

__all__ = [
    "KerasModel",
    "assign_datasets",
    "encode_extra",
    "is_foreign_file",
    "is_keras_file",
    "is_list_of_shards",
    "kept_beside",
    "load_keras",
    "load_keras_weights",
    "read_extra",
    "save_keras",
    "save_keras_weights",
    "save_shards",
    "size_in_memory",
    "stated_format",
    "trained_in_order",
    "weights_of",
]

ENDINGS = (".keras", ".weights.h5", ".h5", ".hdf5")
OWN_ENDINGS = (".safetensors", ".nnlite")
ZIP = b"PK\x03\x04"


def stated_format(path: str | os.PathLike, whole: bool) -> str:
    """The ending that selects one of Keras's formats, such as `".keras"`; `""` for a file of nnlite.

    Args:
        path: where a file is to be written.
        whole: a model, rather than weights alone.

    Raises:
        ConfigError: the name says that the file is of the other kind, or of no kind at all.
    """
    name = os.fspath(path).lower()
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), "")
    wanted = (".keras", ".h5", ".hdf5") if whole else (".weights.h5",)
    if ending not in wanted and (ending or not name.endswith(OWN_ENDINGS)):
        method, kind = ("save", "a model") if whole else ("save_weights", "weights alone")
        raise ConfigError(
            f"{path}: {method} writes {kind}, and Keras expects {wanted[0]} at the end of such a name; "
            f"{' or '.join(OWN_ENDINGS)} makes a file of nnlite"
        )
    return ending


def is_keras_file(path: str | os.PathLike) -> bool:
    """Whether a file is a zip archive, as `.keras` files are, a damaged one with that extension, or such a folder."""
    zipped = _start(path).startswith(ZIP) and (os.fspath(path).endswith(".keras") or zipfile.is_zipfile(path))
    return zipped or is_folder_of_keras(path)


def _is_hdf5(path: str | os.PathLike) -> bool:
    return _start(path) == hdf5.SIGNATURE


def is_foreign_file(path: str | os.PathLike) -> bool:
    """Whether a file is a `.keras` file, or starts like an HDF5 file."""
    return is_keras_file(path) or _is_hdf5(path)


def kept_beside(path: str | os.PathLike) -> bytes | None:
    """nnlite's own data in a file of Keras's formats; None in a file that Keras wrote."""
    return legacy_extra(path) if _is_hdf5(path) else extra_of_archive(path)


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
    return bytes(safetensors.encode(arrays, {"nnlite": encode_json(header)}))


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
    zipped: bool = True,
) -> None:
    """Write a `.keras` file or a `.h5` file that Keras 3 loads.

    Args:
        model: a built `Sequential` or `Model` of layers that Keras has.
        path: its folder must exist.
        extra: bytes that nnlite reads and Keras passes over.
        overwrite: whether a file of that name is replaced.
        compiled: the arguments of `compile` in Keras's JSON.
        memory: the variables of the optimizer by path.
        zipped: whether to write one file; else a folder.

    Raises:
        ModelFileError: a layer or an argument that Keras does not have; the message names it.
        MissingLibraryError: h5py is not installed.
    """
    _check_target(path, overwrite, may_be_folder=not zipped)
    config = model_config(model)
    config |= {"build_config": model.get_build_config(), "compile_config": compiled}
    metadata = {"keras_version": signatures()["version"], "date_saved": ""}
    if zipped and stated_format(path, whole=True) in (".h5", ".hdf5"):
        write_atomically(path, legacy_bytes(model, {**config, **metadata}, keras_order, memory, extra))
    else:
        write = write_archive if zipped else write_folder
        further = assets_of(model, keras_order) | ({EXTRA: extra} if extra else {})
        write(path, parts_of(config, metadata, _encoded(model, memory), further))


def save_keras_weights(
    model: Any, path: str | os.PathLike, overwrite: bool = True, memory: Mapping[str, np.ndarray] | None = None
) -> None:
    """Write a `.weights.h5` file, which `load_weights` of the same model in Keras reads; see `save_keras`."""
    _check_target(path, overwrite)
    write_atomically(path, _encoded(model, memory))


def save_shards(model: Any, path: str | os.PathLike, overwrite: bool, max_shard_size: float | None) -> None:
    """Write the weights of a model into several `.weights.h5` files, see `write_shards`."""
    path = list_beside(path)
    _check_target(path, overwrite)
    write_shards(path, weight_arrays(model), dict(groups_of(model, keras_order)), max_shard_size)


def _check_target(path: str | os.PathLike, overwrite: bool, may_be_folder: bool = False) -> None:
    if Path(path).exists() and not overwrite:
        raise ModelFileError(f"{path}: exists already")
    if (Path(path).is_dir() and not may_be_folder) or not Path(path).parent.is_dir():
        raise ModelFileError(f"{path}: must name a file in a folder that exists")


def trained_in_order(model: Any, trained: set[int]) -> list[Parameter]:
    """The parameters whose `id` is in `trained`, in Keras's order."""
    return [parameter for _, parameter in parameter_places(model, keras_order) if id(parameter) in trained]


def weight_arrays(model: Any) -> dict[str, np.ndarray]:
    """The arrays of a `.weights.h5` file by path."""
    arrays = {
        path: parameter.value.astype(parameter.dtype, copy=False)
        for path, parameter in parameter_places(model, keras_order)
    }
    return with_own_variables(model, keras_order, arrays)


def _encoded(model: Any, memory: Mapping[str, np.ndarray] | None = None) -> bytes:
    return hdf5.encode({**weight_arrays(model), **(memory or {})}, dict(groups_of(model, keras_order)))


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
    archive = _legacy_parts(path) if _is_hdf5(path) else read_archive(path)
    orders: Orders = {}

    def order(one: Any) -> Any:
        return orders.get(id(one)) or one.layers

    with hdf5.opened(archive.weights, path) as datasets:
        with reading_saved(path), values_follow(size_in_memory(datasets)):
            check_count(archive.config, len(datasets), path)
            model: Any = read_model(archive.config, orders)
            take_assets(model, order, archive.assets, path)
            _build(model, archive.config, path)
        assign_datasets(model, datasets, path, order)
        kept = optimizer_arrays(datasets) or legacy_optimizer(datasets)
    parameters = [parameter for _, parameter in parameter_places(model, order)]
    return KerasModel(model, archive.config.get("compile_config") or {}, kept, parameters)


def _legacy_parts(path: str | os.PathLike) -> Archive:
    config = legacy_config(path)
    if config is None:
        raise ModelFileError(f"{path} holds weights alone: build the model and call load_weights")
    return Archive(config, path, {}, {})


def _build(model: Any, config: dict[str, Any], path: object) -> None:
    """Give the model its weights, for the shape that the file says, if it has none yet."""
    if not model._builds_itself:
        raise ModelFileError(f"{path} holds a {type(model).__name__}, which is a layer, not a model")
    shape = (config.get("build_config") or {}).get("input_shape")
    if not model.built and shape:
        with reading_saved(path):
            model.build_from_config(config["build_config"])
    if not model.built and not shape and all(layer.adapted for layer in model.layers):
        return  # it was saved before it was built
    if not model.built and any(not layer.adapted for layer in model.layers):
        raise ModelFileError(f"{path}: a layer waits for data: what Keras keeps of it in assets is not read")
    if not model.built:
        raise ModelFileError(f"{path}: the model has no shape of its inputs, and so no weights")


def load_keras_weights(model: Any, path: str | os.PathLike, **options: Any) -> list[np.ndarray]:
    """Copy the weights of a `.weights.h5`, `.keras` or `.h5` file into a model of the same layers.

    Returns:
        The variables of the optimizer in the file; none if it has no such group.

    Args:
        model: built.
        path: of the file.
        options: `skip_mismatch`, `by_name` and `kept` of `assign_datasets`.

    Raises:
        ModelFileError: no such file, a damaged one, or names and shapes that are not the model's, all listed.
        MissingLibraryError: h5py is not installed.
    """
    with weights_of(path) as datasets:
        memory = optimizer_arrays(datasets)  # first: of a file that cannot be read, the model takes nothing
        assign_datasets(model, datasets, path, keras_order, may_hold_more=True, **options)
        return memory


def weights_of(path: str | os.PathLike) -> AbstractContextManager[dict[str, Any]]:
    """A context with the data sets in a `.weights.h5`, `.h5` or `.keras` file, or in shards, as from `hdf5.opened`."""
    if is_list_of_shards(path):
        return opened_shards(path)
    return hdf5.opened(read_archive(path).weights if is_keras_file(path) else path, path)
