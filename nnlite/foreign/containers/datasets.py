"""Arrays of an HDF5 file as the parameters of a model."""

from collections.abc import Mapping
from typing import Any

from nnlite.arrays.types import is_bfloat16
from nnlite.errors import ConfigError, ModelFileError
from nnlite.errors.caller import warn_user
from nnlite.foreign.containers.legacy import assign_legacy, legacy_weights
from nnlite.foreign.containers.own_files import own_variables
from nnlite.foreign.hdf5 import Datasets
from nnlite.foreign.keras_graphs import keras_order
from nnlite.foreign.keras_places import Order, counted_groups, file_shapes, parameter_places
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
    counts = {f"{group}/2" for group in counted_groups(model, order)}
    others = file_shapes(model, order)
    shapes = {path: others.get(id(parameter), parameter.shape) for path, parameter in needed.items()}
    weights = [name for name in datasets if name not in counts and LEFT_OVER.isdisjoint(name.split("/"))]
    present = {name: datasets[name] for name in weights}
    for group, layer in own_variables(model, order):
        inside = {name[len(group) :]: one[()] for name, one in present.items() if name.startswith(group)}
        layer.load_own_variables(inside)
        needed = {name: one for name, one in needed.items() if name in present or not name.startswith(group)}
        present = {name: one for name, one in present.items() if name in needed or not name.startswith(group)}
    shapes = {name: shape for name, shape in shapes.items() if name in needed}
    if skip_mismatch:
        fits = names_that_fit(shapes, present, label)
        needed, shapes = {name: needed[name] for name in fits}, {name: shapes[name] for name in fits}
        present = {name: present[name] for name in fits}
    if may_hold_more:
        present = _without_other_layers(needed, present, label)
    _check_fit(shapes, present, label)
    arrays = {path: present[path][()] for path in needed}
    for path, parameter in needed.items():
        parameter.assign(arrays[path].reshape(parameter.shape))


def _without_other_layers(needed: Mapping[str, Any], present: Mapping[str, Any], label: object) -> dict[str, Any]:
    """The datasets but for those in groups from which nothing is needed, which a warning names."""
    groups = {name.rpartition("/")[0] for name in needed}
    kept = {name: one for name, one in present.items() if name.rpartition("/")[0] in groups}
    if others := sorted(present.keys() - kept.keys()):
        warn_user(f"{label}: left out, since the model has no such layers: {', '.join(others)}")
    return kept


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
