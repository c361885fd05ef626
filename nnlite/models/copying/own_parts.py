"""Variables, files and configs that user-defined layers save themselves, in arrays or the header of a model file."""

import inspect
import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError, TrainingWarning
from nnlite.layers.base.call import layers_within
from nnlite.registry.functions import form_of_function
from nnlite.registry.modules import keras_form

__all__ = [
    "OWN",
    "build_as_told",
    "compile_as_saved",
    "compiled_by_itself",
    "own_configs",
    "own_parts",
    "take_own_parts",
]

OWN = "own/"  # what the names of these arrays begin with


def own_configs(model: Any) -> dict[str, Any]:
    """The entries of a header that the model and its layers write by `get_build_config` and `get_compile_config`.

    Those of their own classes are asked, which read them again by `build_from_config` and `compile_from_config`.
    """
    told = {
        prefix: _stored(layer.get_build_config())
        for prefix, layer in _prefixes(model)
        if _overrides(layer, "build_from_config")
    }
    entries: dict[str, Any] = {"builds": told} if told else {}
    if model.compiled and not type(model).compile_from_config.__module__.startswith("nnlite."):
        entries["compile_config"] = _stored(model.get_compile_config())
    return entries


def _stored(config: Any) -> Any:
    """A config made by a user-defined class, as plain values."""
    return json.loads(json.dumps(keras_form(config), default=form_of_function))


def build_as_told(model: Any, builds: Mapping[str, Any] | None) -> None:
    """Let layers build themselves as the entry `builds` of `own_configs` says."""
    for prefix, layer in _prefixes(model):
        if builds and prefix in builds and _overrides(layer, "build_from_config"):
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


def own_parts(model: Any) -> dict[str, np.ndarray]:
    """The arrays that the model and its layers save by `save_own_variables` and `save_assets`.

    They are named `own/<number of the layer>/variables/<name>` and `own/<number>/assets/<path>`, files as their bytes.
    """
    parts: dict[str, np.ndarray] = {}
    for prefix, layer in _prefixes(model):
        if _overrides(layer, "save_own_variables"):
            store: dict[str, Any] = {}
            layer.save_own_variables(store)
            parts |= {f"{prefix}variables/{name}": np.array(value) for name, value in store.items()}
        if _overrides(layer, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                layer.save_assets(folder)
                for path in sorted(Path(folder).rglob("*")):
                    if path.is_file():
                        name = f"{prefix}assets/{path.relative_to(folder).as_posix()}"
                        parts[name] = np.frombuffer(path.read_bytes(), np.uint8)
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
        if _overrides(layer, "save_own_variables", "load_own_variables"):
            left -= {f"{prefix}variables/{name}" for name in variables}
        if _overrides(layer, "save_assets", "load_assets"):
            left -= {f"{prefix}assets/{name}" for name in assets}
        if variables and _overrides(layer, "load_own_variables"):
            layer.load_own_variables(variables)
        if assets and _overrides(layer, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                for name, content in assets.items():
                    _write(Path(folder).resolve(), name, content, source)
                layer.load_assets(folder)
    if left:
        raise ModelFileError(f"{source} does not fit the model; left over: {', '.join(sorted(left))}")


def _write(folder: Path, name: str, content: np.ndarray, source: object) -> None:
    path = (folder / name).resolve()
    if folder not in path.parents:
        raise ModelFileError(f"{source}: the asset {name!r} would lie outside the folder of its layer")
    if content.dtype != np.uint8:
        raise ModelFileError(f"{source}: the asset {name!r} must be of bytes, got {content.dtype}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.tobytes())


def _overrides(layer: Any, *methods: str) -> bool:
    """Whether a user's class of layers overrides one of these methods; the package's own save only their weights."""
    return any(not getattr(type(layer), method).__module__.startswith("nnlite.") for method in methods)


def _prefixes(model: Any) -> Iterator[tuple[str, Any]]:
    """The model and the layers inside, each once, with what the names of their arrays begin with."""
    layers = {id(layer): layer for layer in (model, *layers_within(model))}.values()
    yield from ((f"{OWN}{number}/", layer) for number, layer in enumerate(layers))


def _beginning(parts: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in parts.items() if name.startswith(start)}
