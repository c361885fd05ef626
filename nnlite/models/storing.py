"""`save`, `save_weights`, `load_weights` and `load_torch` of models; the file name or content determines the format."""

from collections.abc import Collection, Iterable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from nnlite import saving
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.foreign import (
    is_foreign_file,
    is_list_of_shards,
    load_keras_weights,
    load_named_arrays,
    save_keras_weights,
    save_shards,
    stated_format,
)
from nnlite.layers import Layer
from nnlite.models.copying.memory import memory_for_keras, take_memory_with_weights
from nnlite.models.copying.own_parts import weight_arrays
from nnlite.models.files import assign_weights, model_state, save_as_keras

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["export", "load_torch", "load_weights", "save", "save_model", "save_weights"]


def save(
    model: "BaseModel",
    filepath: str | PathLike,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    **options: Any,
) -> None:
    """Write one file: layers, weights, encoder, target, `compile` arguments, optimizer's state.

    A name that ends in `.keras`, or in `.h5` as in earlier Keras, makes a file that Keras 3 loads too (extra `keras`),
    if Keras has all of the layers; one in `.safetensors` or `.nnlite`, a file of nnlite.

    Args:
        filepath: of the file.
        overwrite: whether a file of that name is replaced.
        zipped: False for a folder with the parts of a `.keras` file in it.
        include_optimizer: whether the arguments of `compile` and the optimizer's state are written.
        options: `save_format` of earlier Keras, which changes nothing, as the name says the format.

    Raises:
        WrongTypeError: any other argument.
        ConfigError: a name with another ending, or by which Keras would expect weights alone; `zipped=False` for a
            name in `.keras`, or `zipped=True` for another one.
        ModelFileError: a layer that Keras does not have, under a name in `.keras`; or `filepath` cannot be a file.
        MissingLibraryError: h5py is not installed, which `.keras` needs.
    """
    _refuse(options.keys() - {"save_format"}, "save")
    if not isinstance(filepath, (str, PathLike)):
        raise WrongTypeError(f"save needs the path of a file, such as 'model.keras', got {filepath!r}")
    if zipped is not None and zipped != fspath(filepath).lower().endswith(".keras"):
        ends = "ends in .keras" if zipped else "is that of a folder, and does not end in .keras"
        raise ConfigError(f"{filepath}: with zipped={zipped} the name {ends}", ("zipped",))
    if zipped is False or stated_format(filepath, whole=True):
        save_as_keras(model, filepath, overwrite, include_optimizer, zipped is not False)
    else:
        model._need_built()
        saving.write(filepath, *model_state(model, include_optimizer), overwrite=overwrite)


def _need_model(model: Any, method: str) -> None:
    """`WrongTypeError` for an object that is not a model."""
    if not isinstance(model, Layer) or not model._builds_itself:
        raise WrongTypeError(f"{method} needs a model, got {type(model).__name__}")


def _refuse(unknown: Collection[str], method: str) -> None:
    """`WrongTypeError` for arguments that a method does not have."""
    if unknown:
        raise WrongTypeError(f"{method} has no argument {', '.join(sorted(unknown))}")


def export(
    model: "BaseModel", filepath: str | PathLike, format: str | None = None, verbose: bool | None = None
) -> list[str]:
    """Write the model in a format that runs without nnlite, together with its encoder and target.

    Args:
        filepath: `.onnx`, `.py` for a Python file that needs NumPy alone, or `.h` for C; see `docs/export.md`.
        format: `onnx`, `python` or `c`, whatever the ending; None for what the ending says.
        verbose: whether a line says what was written.

    Returns:
        The paths that were written. Raises `ConfigError` for another ending or format, and for what has no such form.
    """
    from nnlite.models.exporting import export_model

    written = export_model(model, filepath, format=format)
    if verbose:
        print(f"Saved {', '.join(written)}")
    return written


def save_model(
    model: "BaseModel", filepath: str | PathLike, overwrite: bool = True, zipped: bool | None = None, **options: Any
) -> None:
    """`model.save(filepath, overwrite, zipped=zipped, **options)`, under Keras's name.

    Raises:
        ConfigError: an option that `save` does not have, or an object that is not a model.
    """
    _need_model(model, "save_model")
    model.save(filepath, overwrite, zipped=zipped, **options)


def save_weights(
    model: "BaseModel", filepath: str | PathLike, overwrite: bool = True, max_shard_size: float | None = None
) -> None:
    """Write only the weights; `load_weights` of a model with the same layers reads them.

    A name that ends in `.weights.h5` makes a file that such a model reads in Keras 3 too (extra `keras`), with the
    optimizer's memory, as in Keras.

    Args:
        filepath: of the file.
        overwrite: whether a file of that name is replaced.
        max_shard_size: in GiB, the size of files into which the weights are divided; a file in `.weights.json`, which
            `filepath` names by this ending or by `.weights.h5`, lists them.

    Raises:
        ConfigError: a name by which Keras would expect a whole model, a format of its earlier versions, or one with
            another ending; an array that is larger than a shard may be.
    """
    _need_model(model, "save_weights")
    model._need_built()
    if max_shard_size is not None or is_list_of_shards(filepath):
        save_shards(model, filepath, overwrite, max_shard_size)
    elif stated_format(filepath, whole=False):
        save_keras_weights(model, filepath, overwrite, memory_for_keras(model.trainer) if model.compiled else {})
    else:
        saving.write(filepath, {"content": "weights"}, weight_arrays(model), overwrite=overwrite)


def load_weights(
    model: "BaseModel",
    filepath: str | PathLike,
    skip_mismatch: bool = False,
    by_name: bool = False,
    objects_to_skip: Iterable[Layer] | None = None,
    **unknown: Any,
) -> None:
    """Read weights from a file of `save_weights` or `save`, or from a file of Keras, of any version.

    Args:
        model: one that is built.
        filepath: of the file, or of the list of shards, in `.weights.json`.
        skip_mismatch: leave out weights that are missing or of another shape, with a warning, rather than refuse the
            file.
        by_name: match layers by name, and leave the others as they are; for `.h5` files of earlier Keras.
        objects_to_skip: layers whose weights stay as they are; those in a `.weights.h5` or `.keras` file may have
            other shapes.

    A file of Keras may hold more layers than the model, such as a head that this one lacks; a warning names them. From
    it a compiled model takes the optimizer's memory too, with its steps and its learning rate. A warning says where it
    does not fit: to another optimizer, or before the first step to one that keeps slots, which it has from then on.

    Raises:
        WrongTypeError: any other argument.
        ModelFileError: missing or damaged file, or names or shapes that are not this model's.
        ConfigError: `by_name` for another file than a `.h5` file.
    """
    _need_model(model, "load_weights")
    _refuse(unknown, "load_weights")
    kept = [(weight, weight.numpy()) for layer in objects_to_skip or () for weight in layer.weights]
    if is_foreign_file(filepath) or is_list_of_shards(filepath):
        model._need_built()
        ids = {id(weight) for weight, _ in kept}
        memory = load_keras_weights(model, filepath, skip_mismatch=skip_mismatch, by_name=by_name, kept=ids)
        take_memory_with_weights(model, memory, filepath)
    else:
        _, arrays = saving.read(filepath)
        if by_name:
            raise ConfigError(f"{filepath}: only '.h5' files name their layers", ("by_name",))
        model._need_built()
        assign_weights(model, arrays, filepath, skip_mismatch=skip_mismatch)
    for weight, value in kept:
        weight.assign(value)


def load_torch(model: "BaseModel", filepath: str | PathLike, mapping: Mapping[str, str] | None = None) -> None:
    """Copy the weights of a PyTorch module, or arrays by name, into the model, converting their layout.

    In PyTorch: `safetensors.torch.save_file(module.state_dict(), "weights.safetensors")`. Kernels are transposed, gates
    put in order, the two biases of LSTM and GRU joined, running statistics taken along, and rows of a `Dense` after a
    `Flatten` reordered, as PyTorch counts channels first. Set a `BatchNormalization`'s epsilon to 1e-5 and its momentum
    to 0.9, which are PyTorch's. Files of pickles, such as `.pt`, are not read, as they run code.

    Args:
        filepath: a `.safetensors` or `.npz` file.
        mapping: prefix of a module's arrays in the file -> name of the layer, such as `{"encoder.0": "dense"}`; where
            it is None, modules and layers with weights are matched in order.

    Raises:
        ModelFileError: no such file, or arrays that are missing, left over or of another shape, all of them listed.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((3,)), Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "linear.npz")
    ...     np.savez(path, **{"0.weight": np.ones((2, 3)), "0.bias": np.zeros(2)})
    ...     model.load_torch(path)
    >>> model.predict([[1.0, 2.0, 3.0]], verbose=0).tolist()
    [[6.0, 6.0]]
    """
    model._need_built()
    load_named_arrays(model, filepath, mapping)
