"""`KerasFileEditor`: the weights of a file of Keras, renamed, removed, added and compared."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.foreign import hdf5
from nnlite.foreign.archives import read_archive
from nnlite.foreign.keras_files import is_keras_file, weight_arrays, weights_of
from nnlite.saving import write_atomically

__all__ = ["KerasFileEditor"]

VARIABLES = "vars"
Tree = dict[str, Any]  # name of an object -> its tree, or name of a weight -> array


class KerasFileEditor:
    """The weights of a `.keras` or `.weights.h5` file as nested dicts, to be changed and saved as weights.

    Args:
        filepath: of the file.

    Attributes:
        weights_dict: name of a layer's folder -> number of a weight -> array; layers inside are dicts within.
        config, metadata: what a `.keras` file says of the model; None for weights alone.

    Raises:
        ConfigError: another extension.
        ModelFileError: a missing or damaged file.

    >>> import os, tempfile
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.weights.h5")
    ...     Sequential([Input((3,)), Dense(2)]).save_weights(path)
    ...     editor = KerasFileEditor(path)
    >>> editor.rename_object("dense", new_name="first")
    >>> editor.weights_dict["layers"]["first"]["0"].shape
    (3, 2)
    """

    def __init__(self, filepath: str | os.PathLike) -> None:
        if not os.fspath(filepath).endswith((".keras", ".weights.h5")):
            raise ConfigError(f"{filepath}: the name of a file of Keras ends in .keras or .weights.h5")
        self.filepath = filepath
        self.config: dict[str, Any] | None = None
        self.metadata: dict[str, Any] | None = None
        if is_keras_file(filepath):
            archive = read_archive(filepath)
            self.config, self.metadata = archive.config, archive.metadata
        self.weights_dict: Tree = {}
        with weights_of(filepath) as datasets:
            for path, dataset in datasets.items():
                *folders, name = [part for part in path.split("/") if part != VARIABLES]
                tree = self.weights_dict
                for folder in folders:
                    tree = tree.setdefault(folder, {})
                tree[name] = dataset[()]

    def summary(self) -> None:
        """Print the tree of the weights with their shapes and types."""
        print("Weights structure")
        print("\n".join(_lines(self.weights_dict, 1)))

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Whether the weights are those of a model of this structure, whatever their values.

        Returns:
            `status`, "success" or "error", `error_count` and `match_count`; differences are printed.
        """
        needed = {path: array.shape for path, array in weight_arrays(reference_model).items()}
        needed = {path.replace(f"{VARIABLES}/", ""): shape for path, shape in needed.items()}
        present = {path: array.shape for path, array in _flat(self.weights_dict)}
        alike = {path for path, shape in needed.items() if present.get(path) == shape}
        differing = sorted((needed.keys() | present.keys()) - alike)
        lines = [f"{path}: the model has {needed.get(path)}, the file {present.get(path)}" for path in differing]
        print("\n".join(lines) or "the file fits the model")
        status = "error" if differing else "success"
        return {"status": status, "error_count": len(differing), "match_count": len(alike)}

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Rename a layer: its name in the tree, or its whole path if the name occurs more than once."""
        if "/" in new_name:
            raise ConfigError(f"the new name is a single name, not a path, got {new_name!r}", ("new_name",))
        parent, name = self._holder(object_name)
        items = [(new_name if key == name else key, item) for key, item in parent.items()]
        parent.clear()
        parent.update(items)

    def delete_object(self, object_name: str) -> None:
        """Remove a layer and all layers inside it."""
        parent, name = self._holder(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Add a layer at a path whose folder exists, with arrays by the names of the weights."""
        *folders, name = object_path.strip("/").split("/")
        tree = self.weights_dict
        for folder in folders:
            if not isinstance(tree.get(folder), dict):
                raise ConfigError(f"there is no {folder!r} on the path {object_path!r}", ("object_path",))
            tree = tree[folder]
        tree[name] = _arrays(weights)

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Add arrays to a layer, or replace them, by the names of the weights."""
        parent, name = self._holder(object_name)
        parent[name].update(_arrays(weights))

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove a weight of a layer."""
        parent, name = self._holder(object_name)
        if weight_name not in parent[name]:
            raise ConfigError(f"{object_name!r} has no weight {weight_name!r}, only {', '.join(parent[name])}")
        del parent[name][weight_name]

    def save(self, filepath: str | os.PathLike) -> None:
        """Write the weights as a `.weights.h5` file."""
        if not os.fspath(filepath).endswith(".weights.h5"):
            raise ConfigError(f"{filepath}: weights are written under a name in .weights.h5", ("filepath",))
        arrays = {f"{folder}/{VARIABLES}/{name}".strip("/"): array for folder, name, array in _walk(self.weights_dict)}
        write_atomically(filepath, hdf5.encode(arrays, {}))

    resave_weights = save

    def _holder(self, name: str) -> tuple[Tree, str]:
        """The dict that holds the layer of this name or path, and its key there."""
        parts = name.strip("/").split("/")
        matches = [
            (parent, path[-1])
            for path, parent in _objects(self.weights_dict, ())
            if (list(path) == parts if len(parts) > 1 else path[-1] == name)
        ]
        if len(matches) != 1:
            count = f"occurs {len(matches)} times: give the whole path" if matches else "does not occur: see summary()"
            raise ConfigError(f"the object {name!r} {count}", ("object_name",))
        return matches[0]


def _arrays(weights: Any) -> dict[str, np.ndarray]:
    if not isinstance(weights, Mapping):
        raise ConfigError(f"weights are a dict of arrays by name, got {type(weights).__name__}", ("weights",))
    return {str(name): np.asarray(array) for name, array in weights.items()}


def _objects(tree: Tree, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Tree]]:
    for name, item in tree.items():
        if isinstance(item, dict):
            yield (*path, name), tree
            yield from _objects(item, (*path, name))


def _walk(tree: Tree, folder: str = "") -> Iterator[tuple[str, str, np.ndarray]]:
    for name, item in tree.items():
        if isinstance(item, dict):
            yield from _walk(item, f"{folder}/{name}")
        else:
            yield folder, name, item


def _flat(tree: Tree) -> Iterator[tuple[str, np.ndarray]]:
    return ((f"{folder}/{name}".strip("/"), array) for folder, name, array in _walk(tree))


def _lines(tree: Tree, depth: int) -> Iterator[str]:
    for name, item in tree.items():
        if isinstance(item, dict):
            yield f"{'  ' * depth}{name}"
            yield from _lines(item, depth + 1)
        else:
            yield f"{'  ' * depth}{name}: shape={item.shape}, dtype={item.dtype}"
