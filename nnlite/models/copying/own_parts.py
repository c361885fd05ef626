"""Weights, and the variables, files and configs that users' layers save, in arrays or the header of a model file."""

import inspect
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError, TrainingWarning
from nnlite.foreign import files_of, give_files, overrides
from nnlite.layers.base.call import inner_layers, layers_within
from nnlite.layers.base.variables.holders import layers_beside
from nnlite.parameters import each_once
from nnlite.registry.functions import form_of_function
from nnlite.registry.modules import keras_form

__all__ = [
    "OWN",
    "beside_weights",
    "build_as_told",
    "compile_as_saved",
    "compiled_by_itself",
    "free_layers",
    "freed_layers",
    "own_configs",
    "own_parts",
    "renumbered",
    "take_own_parts",
    "weight_arrays",
]

OF_VARIABLES = re.compile("own/[0-9]+/variables/")
OWN = "own/"  # what the names of these arrays begin with


def own_configs(model: Any) -> dict[str, Any]:
    """The entries of a header that the model and its layers write by `get_build_config` and `get_compile_config`.

    User-defined classes are asked, which read them again by `build_from_config` and `compile_from_config`, and layers
    that are attributes of one that writes `call`, stand beside a graph or a chain, or are part of a chain that is not
    built, which need not build them.
    """
    attributes = {id(inner) for layer in (model, *layers_within(model)) for inner in _may_stay_unbuilt(layer)}
    told = {
        prefix: _stored(layer.get_build_config())
        for prefix, layer in _prefixes(model)
        if overrides(layer, "build_from_config") or (id(layer) in attributes and layer.parameters)
    }
    entries: dict[str, Any] = {"builds": told} if told else {}
    if model.compiled and not type(model).compile_from_config.__module__.startswith("nnlite."):
        entries["compile_config"] = _stored(model.get_compile_config())
    return entries


def _may_stay_unbuilt(layer: Any) -> Iterable[Any]:
    """The layers inside that `layer` does not build with itself."""
    if layer._traced or not layer.built:
        return inner_layers(layer)
    return layers_beside(layer) if layer._builds_itself else ()


def _stored(config: Any) -> Any:
    """A config made by a user-defined class, as plain values."""
    return json.loads(json.dumps(keras_form(config), default=form_of_function))


def build_as_told(model: Any, input_shape: Any, builds: Mapping[str, Any]) -> None:
    """Build a model for data of `input_shape`, unless None, and the layers that `builds` of `own_configs` has.

    User-defined layers build themselves first; those that no `call` has used, such as one for a term of the loss, last.
    """
    for prefix, layer in _prefixes(model):
        if prefix in builds and overrides(layer, "build_from_config"):
            layer.build_from_config(builds[prefix])
    if input_shape is not None:
        model._ensure_built(input_shape)
    for prefix, layer in _prefixes(model):
        if prefix in builds and not layer.built:
            layer.build_from_config(builds[prefix])


def compiled_by_itself(model: Any, arguments: dict[str, Any], source: object) -> bool:
    """Whether the model is compiled as it was; a warning where a `compile` of its class takes something else."""
    try:
        inspect.signature(model.compile).bind(**arguments)
    except TypeError as error:
        if type(model).compile.__module__.startswith("nnlite."):
            raise ModelFileError(f"{source}: the arguments of compile do not fit: {error}") from None
        warnings.warn(f"{source}: compile the model by its own compile(): {error}", TrainingWarning, stacklevel=4)
        return False
    compile_as_saved(model, arguments)
    return True


def compile_as_saved(model: Any, arguments: dict[str, Any]) -> None:
    """`compile` as the model was: what its loss says about its last layer was said before it was saved."""
    with model.trainer.last_layer.postponed():
        model.compile(**arguments)


def freed_layers(model: Any) -> dict[str, list[bool]]:
    """The entry of a header with `trainable` of every layer, where one with weights is trained inside a frozen one."""
    every = [layer for _, layer in _prefixes(model)]
    freed = any(inner.trainable_weights for layer in every if not layer.trainable for inner in layers_within(layer))
    return {"trainable": [layer.trainable for layer in every]} if freed else {}


def free_layers(model: Any, flags: Iterable[bool] | None) -> None:
    """Set `trainable` of every layer as `freed_layers` found it, those inside after the one around them.

    Without `flags` all inside a frozen layer is frozen, also what its constructor makes.
    """
    every = [layer for _, layer in _prefixes(model)]
    for layer, flag in zip(every, [layer.trainable for layer in every] if flags is None else flags, strict=True):
        if flags is not None or not flag:
            layer.trainable = flag


def weight_arrays(model: Any) -> dict[str, np.ndarray]:
    """The arrays of all parameters by their names in a file."""
    every = each_once([model.parameters, model.weights])  # the latter with those of layers beside a graph
    return {f"weights/{number}.{one.name}": one.value for number, one in enumerate(every)}


def renumbered(needed: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file under the names of `weight_arrays`, also those of 0.1.

    There a `Normalization` had no count behind its moments, and these had lengths of 1 for axes without moments.
    """
    kinds = [name.partition(".")[2] for name in needed]
    counts = [name for name, *last in zip(needed, kinds, ["", *kinds], strict=False) if last == ["count", "variance"]]
    plain = [name for name in needed if name not in counts]
    before = [f"weights/{number}.{name.partition('.')[2]}" for number, name in enumerate(plain)]
    if not counts or set(before) != set(arrays):
        return arrays
    moved = {name: arrays[old] for name, old in zip(plain, before, strict=True)}
    alike = [name for name in moved if name.endswith((".mean", ".variance")) and moved[name].size == needed[name].size]
    moved |= {name: moved[name].reshape(needed[name].shape) for name in alike}
    return moved | {name: np.zeros_like(needed[name]) for name in counts}


def own_parts(model: Any) -> dict[str, np.ndarray]:
    """The arrays that the model and its layers save by `save_own_variables` and `save_assets`.

    They are named `own/<number of the layer>/variables/<name>` and `own/<number>/assets/<path>`, files as their bytes.
    """
    parts: dict[str, np.ndarray] = {}
    for prefix, layer in _prefixes(model):
        if overrides(layer, "save_own_variables"):
            store: dict[str, Any] = {}
            layer.save_own_variables(store)
            parts |= {f"{prefix}variables/{name}": np.array(value) for name, value in store.items()}
        if overrides(layer, "save_assets"):
            files = files_of(layer)
            parts |= {f"{prefix}assets/{name}": np.frombuffer(content, np.uint8) for name, content in files.items()}
    return parts


def take_own_parts(model: Any, parts: Mapping[str, np.ndarray], source: object) -> None:
    """Let the model and its layers restore what `own_parts` returned, by `load_own_variables` and `load_assets`.

    Files are written into a temporary folder for each layer, only where its class defines `load_assets`.

    Args:
        parts: arrays of a model file; those of other names are left alone.
        source: the file, for errors.

    Raises:
        ModelFileError: a file that would lie outside the folder of its layer, an array of no layer that saves such.
    """
    left = {name for name in parts if name.startswith(OWN)}
    for prefix, layer in _prefixes(model):
        variables, assets = _beginning(parts, f"{prefix}variables/"), _beginning(parts, f"{prefix}assets/")
        if overrides(layer, "save_own_variables", "load_own_variables"):
            left -= {f"{prefix}variables/{name}" for name in variables}
        if overrides(layer, "save_assets", "load_assets"):
            left -= {f"{prefix}assets/{name}" for name in assets}
        if variables and overrides(layer, "load_own_variables"):
            layer.load_own_variables(variables)
        if assets and overrides(layer, "load_assets"):
            give_files(layer, {name: _bytes(name, content, source) for name, content in assets.items()}, source)
    if left:
        raise ModelFileError(f"{source} does not fit the model; left over: {', '.join(sorted(left))}")


def _bytes(name: str, content: np.ndarray, source: object) -> bytes:
    if content.dtype != np.uint8:
        raise ModelFileError(f"{source}: the asset {name!r} must be of bytes, got {content.dtype}")
    return content.tobytes()


def beside_weights(arrays: Mapping[str, np.ndarray], filepath: str | PathLike) -> dict[str, np.ndarray]:
    """The arrays of a model that are kept beside Keras's parts of a file.

    All but the weights; what layers save by `save_own_variables` is among Keras's parts, but for `.h5` files.
    """
    legacy = fspath(filepath).lower().endswith((".h5", ".hdf5"))
    return {
        name: array
        for name, array in arrays.items()
        if not name.startswith("weights/") and (legacy or not OF_VARIABLES.match(name))
    }


def _prefixes(model: Any) -> Iterator[tuple[str, Any]]:
    """The model and the layers inside, each once, with what the names of their arrays begin with."""
    layers = {id(layer): layer for layer in (model, *layers_within(model))}.values()
    yield from ((f"{OWN}{number}/", layer) for number, layer in enumerate(layers))


def _beginning(parts: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in parts.items() if name.startswith(start)}
