"""Arrays of an HDF5 file as the parameters of a model."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from nnlite.arrays.types import is_bfloat16
from nnlite.errors import ConfigError, ModelFileError
from nnlite.errors.caller import warn_user
from nnlite.foreign.containers.legacy import assign_legacy, legacy_weights
from nnlite.foreign.containers.own_files import own_variables
from nnlite.foreign.hdf5 import Datasets
from nnlite.foreign.keras_graphs import keras_order
from nnlite.foreign.keras_places import Order, parameter_places
from nnlite.saving import names_that_fit

__all__ = ["assign_datasets", "size_in_memory"]

# Keras keeps these among the weights too: the state of random layers, and that of the optimizer.
LEFT_OVER = frozenset(("seed_generator", "optimizer"))
LARGEST_NUMBER = 8  # bytes of a parameter's number, regardless of its size in the file


def size_in_memory(datasets: Mapping[str, Any]) -> int:
    """The maximum size in bytes of parameters with this many numbers."""
    return sum(LARGEST_NUMBER * one.size for one in datasets.values())


def assign_datasets(
    model: Any,
    datasets: Mapping[str, Any],
    label: object,
    order: Order = keras_order,
    skip_mismatch: bool = False,
    by_name: bool = False,
    may_hold_more: bool = False,
    kept: Collection[int] = (),
) -> None:
    """Copy the datasets of an HDF5 file into the parameters, after comparing all shapes.

    Args:
        model: built.
        datasets: by path.
        label: what errors name.
        order: the layers of a model as Keras orders them.
        skip_mismatch: whether what is missing or of another shape is left out, with a warning.
        by_name: whether layers are matched by name, which files of earlier Keras allow.
        may_hold_more: whether datasets of other layers are left out, with a warning.
        kept: ids of parameters that stay as they are, whatever the file holds for them; not in `.h5` files.

    Raises:
        ModelFileError: names or shapes that do not fit.
        ConfigError: `by_name`, of a file that does not name its layers.
    """
    arrays = legacy_weights(datasets) if isinstance(datasets, Datasets) else None
    if arrays is not None:
        assign_legacy(model, arrays, label, order, by_name, skip_mismatch)
        return
    if by_name:
        raise ConfigError(f"{label} matches weights by the order of layers; only '.h5' files have names", ("by_name",))
    needed = dict(parameter_places(model, order))
    shapes = {path: parameter.shape for path, parameter in needed.items()}
    present = _weights_in(datasets)
    loaders = []
    for group, layer in own_variables(model, order):
        inside = {name[len(group) :]: one[()] for name, one in present.items() if name.startswith(group)}
        loaders.append(partial(layer.load_own_variables, inside))
        needed = {name: one for name, one in needed.items() if name in present or not name.startswith(group)}
        present = {name: one for name, one in present.items() if name in needed or not name.startswith(group)}
    groups = {_group(name) for name, parameter in needed.items() if id(parameter) in kept}
    present = {name: one for name, one in present.items() if _group(name) not in groups}
    shapes = {name: shapes[name] for name in needed if _group(name) not in groups}
    if skip_mismatch:
        fits = names_that_fit(shapes, present, label)
        shapes, present = {name: shapes[name] for name in fits}, {name: present[name] for name in fits}
    if may_hold_more:
        present = _without_other_layers(shapes, present, label)
    _check_fit(shapes, present, label)
    values = {path: present[path][()] for path in shapes}
    for load in loaders:  # what does not fit has been refused: a model is not changed in part
        load()
    for path, value in values.items():
        needed[path].assign(value)


def _weights_in(datasets: Mapping[str, Any]) -> dict[str, Any]:
    """The datasets but for the state of random layers and that of the optimizer."""
    weights = [name for name in datasets if LEFT_OVER.isdisjoint(name.split("/"))]
    return {name: datasets[name] for name in weights}


def _group(name: str) -> str:
    return name.rpartition("/")[0]


def _without_other_layers(needed: Mapping[str, Any], present: Mapping[str, Any], label: object) -> dict[str, Any]:
    """The datasets but for those in groups from which nothing is needed, which a warning names."""
    groups = set(map(_group, needed))
    if others := sorted(name for name in present if _group(name) not in groups):
        warn_user(f"{label}: left out, since the model has no such layers: {', '.join(others)}")
    return {name: one for name, one in present.items() if _group(name) in groups}


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
        "other types": [
            f"{path} is {one.dtype}"
            for path, one in present.items()
            if one.dtype.kind not in "fiu" and not is_bfloat16(one.dtype)
        ],
    }
    texts = [f"{title}: {', '.join(names)}" for title, names in problems.items() if names]
    if texts:
        raise ModelFileError(f"{label} does not fit the model; {'; '.join(texts)}")
