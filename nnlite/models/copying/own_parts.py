"""Variables and files that user-defined layers save themselves, as arrays of a model file."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.layers import Layer
from nnlite.layers.base.call import layers_within

__all__ = ["OWN", "own_parts", "take_own_parts"]

OWN = "own/"  # what the names of these arrays begin with


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
    """Whether the class of a layer overrides one of these methods."""
    return any(getattr(type(layer), method) is not getattr(Layer, method) for method in methods)


def _prefixes(model: Any) -> Iterator[tuple[str, Any]]:
    """The model and the layers inside, each once, with what the names of their arrays begin with."""
    layers = {id(layer): layer for layer in (model, *layers_within(model))}.values()
    yield from ((f"{OWN}{number}/", layer) for number, layer in enumerate(layers))


def _beginning(parts: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in parts.items() if name.startswith(start)}
