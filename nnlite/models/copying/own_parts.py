"""Variables and files that user-defined layers save by themselves, as arrays of a model file."""

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
    """The arrays that classes of layers save by `save_own_variables` and `save_assets`; files as their bytes."""
    parts: dict[str, np.ndarray] = {}
    for prefix, layer in _prefixes(model):
        if type(layer).save_own_variables is not Layer.save_own_variables:
            store: dict[str, Any] = {}
            layer.save_own_variables(store)
            parts |= {f"{prefix}variables/{name}": np.array(value) for name, value in store.items()}
        if type(layer).save_assets is not Layer.save_assets:
            with tempfile.TemporaryDirectory() as folder:
                layer.save_assets(folder)
                files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
                for path in files:
                    name = path.relative_to(folder).as_posix()
                    parts[f"{prefix}assets/{name}"] = np.frombuffer(path.read_bytes(), np.uint8)
    return parts


def take_own_parts(model: Any, parts: Mapping[str, np.ndarray], source: object) -> None:
    """Let the layers load what `own_parts` gave, each by its `load_own_variables` and `load_assets`.

    Raises:
        ModelFileError: a file that would lie outside the folder of its layer.
    """
    for prefix, layer in _prefixes(model):
        store = _beginning(parts, f"{prefix}variables/")
        if type(layer).load_own_variables is not Layer.load_own_variables and store:
            layer.load_own_variables(store)
        files = _beginning(parts, f"{prefix}assets/")
        if type(layer).load_assets is not Layer.load_assets and files:
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    _write(Path(folder), name, content, source)
                layer.load_assets(folder)


def _write(folder: Path, name: str, content: np.ndarray, source: object) -> None:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or content.dtype != np.uint8:
        raise ModelFileError(f"{source}: the asset {name!r} is not in the folder of its layer, or not of bytes")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.tobytes())


def _prefixes(model: Any) -> Iterator[tuple[str, Any]]:
    """The layers inside, each once, with what the names of their arrays begin with."""
    inside = {id(layer): layer for layer in layers_within(model)}.values()
    yield from ((f"{OWN}{number}/", layer) for number, layer in enumerate(inside))


def _beginning(parts: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in parts.items() if name.startswith(start)}
