"""Parts of user-defined classes in files: variables of `save_own_variables`, and files of `save_assets`."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.foreign.keras_places import Order, layer_folders
from nnlite.optimizers.base.optimizer import Optimizer

__all__ = ["assets_of", "files_of", "give_files", "overrides", "own_variables", "take_assets", "with_own_variables"]

LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization")


def overrides(layer: Any, *methods: str) -> bool:
    """Whether a user's class of layers overrides one of these methods; the package's own save only their weights."""
    return any(not getattr(type(layer), method).__module__.startswith("nnlite.") for method in methods)


def files_of(layer: Any) -> dict[str, bytes]:
    """The files that `save_assets` writes, by their paths."""
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def give_files(layer: Any, files: Mapping[str, bytes], source: object) -> None:
    """Let `load_assets` read files, which are written into a temporary folder.

    Raises:
        ModelFileError: a path outside that folder.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, content in files.items():
            path = (root / name).resolve()
            if root not in path.parents:
                raise ModelFileError(f"{source}: the asset {name!r} would lie outside the folder of its layer")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        layer.load_assets(folder)


def assets_of(model: Any, order: Order) -> dict[str, bytes]:
    """The files of all layers by their paths in an archive of Keras."""
    writers = [(folder, layer) for folder, layer in layer_folders(model, order) if overrides(layer, "save_assets")]
    return {f"assets/{folder}{name}": one for folder, layer in writers for name, one in files_of(layer).items()}


def take_assets(model: Any, order: Order, assets: Mapping[str, bytes], source: object) -> None:
    """Give each layer its files in an archive: user-defined classes, and layers whose vocabulary is one of them."""
    for folder, layer in layer_folders(model, order):
        start = f"assets/{folder}"
        files = {name.removeprefix(start): one for name, one in assets.items() if name.startswith(start)}
        vocabulary = [one for name, one in files.items() if name.rpartition("/")[2] == "vocabulary.txt"]
        if files and overrides(layer, "load_assets"):
            give_files(layer, files, source)
        elif vocabulary and type(layer).__name__ in LOOKUPS and not layer.adapted:
            cast(Any, layer).set_vocabulary(
                [cast(Any, layer).token_type(line) for line in vocabulary[0].decode().split("\n")]
            )


def own_variables(model: Any, order: Order) -> Iterator[tuple[str, Any]]:
    """The group of variables of each layer that saves or loads them by itself, and the layer.

    So does an optimizer that is an attribute of the model, beside the one of `compile`.
    """
    for folder, layer in layer_folders(model, order):
        if overrides(layer, "save_own_variables", "load_own_variables"):
            yield f"{folder}vars/", layer
    for name, value in vars(model).items():
        if isinstance(value, Optimizer):
            yield f"{name}/vars/", value


def with_own_variables(model: Any, order: Order, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file, with what layers save by themselves in place of their parameters."""
    merged = dict(arrays)
    for group, layer in own_variables(model, order):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        merged = {path: array for path, array in merged.items() if not path.startswith(group)}
        merged |= {f"{group}{name}": np.array(value) for name, value in store.items()}
    return merged
