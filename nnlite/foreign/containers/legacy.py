"""Whole models in HDF5, the `.h5` files of earlier Keras, which Keras 3 reads and writes too."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.errors.boundary import reading
from nnlite.errors.caller import warn_user
from nnlite.foreign import hdf5
from nnlite.foreign.keras_places import CLASS_NAMES, Order, parameter_places
from nnlite.parameters import Parameter

__all__ = ["assign_legacy", "legacy_bytes", "legacy_config", "legacy_extra", "legacy_optimizer", "legacy_weights"]

MODEL, OPTIMIZER, TOP, EXTRA = "model_weights", "optimizer_weights", "top_level_model_weights", "nnlite"

# Name of a layer -> its variables in Keras's order.
Groups = dict[str, list[Parameter]]


def _groups(model: Any, order: Order) -> Groups:
    """The variables of each layer, and those of the model itself."""
    layers = list(order(model))
    groups: Groups = {str(layer.name): list(_ordered(layer, order)) for layer in layers}
    inside = {id(parameter) for layer in layers for parameter in layer.parameters}
    return groups | {TOP: [parameter for parameter in model.parameters if id(parameter) not in inside]}


def _ordered(layer: Any, order: Order) -> list[Parameter]:
    """Variables that are trained come first."""
    listed = [parameter for _, parameter in parameter_places(layer, order, merged=False)]
    trained = {id(parameter) for parameter in layer.trainable_weights}
    return sorted(listed, key=lambda parameter: id(parameter) not in trained)


def legacy_bytes(
    model: Any, config: dict[str, Any], order: Order, memory: Mapping[str, np.ndarray] | None, extra: bytes
) -> bytes:
    """The bytes of a `.h5` file.

    Args:
        model: built.
        config: what Keras's JSON says of it, with `compile_config`.
        order: the layers of a model as Keras orders them.
        memory: the variables of the optimizer, in their order.
        extra: what nnlite keeps beside Keras's data.
    """
    attributes: dict[str, dict[str, Any]] = {"": _described(config), MODEL: {}}
    arrays: dict[str, np.ndarray] = {EXTRA: np.frombuffer(extra, np.uint8)} if extra else {}
    groups = _groups(model, order)
    for name, variables in groups.items():
        values = {}
        for number, one in enumerate(variables):
            path = one.path or f"{name}/{one.name}"
            values[path if path not in values else f"{path}_{number}"] = one.value
        arrays |= {f"{MODEL}/{name}/{path}": value for path, value in values.items()}
        attributes[f"{MODEL}/{name}"] = {"weight_names": list(values)}
    attributes[MODEL] = {"layer_names": [name for name in groups if name != TOP]} | _versions(config)
    if memory:
        names = [path.rpartition("/")[2] for path in memory]
        arrays |= {f"{OPTIMIZER}/{name}": value for name, value in zip(names, memory.values(), strict=True)}
        attributes[OPTIMIZER] = {"weight_names": names}
    return hdf5.encode(arrays, {}, attributes)


def _versions(config: Mapping[str, Any]) -> dict[str, str]:
    return {"backend": "numpy", "keras_version": str(config["keras_version"])}


def _described(config: dict[str, Any]) -> dict[str, Any]:
    """The attributes that describe the model, and how it was compiled."""
    attributes = {"model_config": json.dumps(_plain(config)), **_versions(config)}
    compiled = config.get("compile_config")
    if compiled:
        told = {name: value for name, value in compiled.items() if name != "optimizer"}
        told["optimizer_config"] = {name: compiled["optimizer"][name] for name in ("class_name", "config")}
        attributes["training_config"] = json.dumps(told)
    return attributes


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a layer without its module, as earlier versions wrote it; so those of the layers of a model."""
    kept = {key: document[key] for key in ("class_name", "config", "name", "inbound_nodes") if key in document}
    kept["class_name"] = CLASS_NAMES.get(kept["class_name"], kept["class_name"])
    if document.get("class_name") in ("Sequential", "Functional"):
        kept["config"] = {**kept["config"], "layers": [_plain(layer) for layer in kept["config"]["layers"]]}
    return kept


def legacy_config(path: str | os.PathLike) -> dict[str, Any] | None:
    """The model as Keras's JSON describes it, with `compile_config`; None of a file that holds weights alone."""
    with hdf5.opened(path, path) as file, reading(path, "its description is not JSON", kind=ModelFileError):
        described = file.attribute("", "model_config")
        if described is None:
            return None
        config = json.loads(described)
        if not isinstance(config, dict):
            raise ModelFileError(f"{path}: model_config must describe a model, got {type(config).__name__}")
        training = file.attribute("", "training_config")
        compiled = {} if training is None else dict(json.loads(training))
        if compiled:
            compiled["optimizer"] = compiled.pop("optimizer_config", None)
        return {**config, "compile_config": compiled}


def legacy_extra(path: str | os.PathLike) -> bytes | None:
    """nnlite's own data in such a file; None in a file that Keras wrote."""
    with hdf5.opened(path, path) as file:
        return file[EXTRA][()].tobytes() if EXTRA in file else None


def legacy_weights(file: hdf5.Datasets) -> dict[str, list[np.ndarray]] | None:
    """Name of a layer -> its arrays in order; None of a file that names no layers.

    Raises:
        ModelFileError: names without arrays.
    """
    root = MODEL if file.attribute(MODEL, "layer_names") is not None else ""
    names = file.attribute(root, "layer_names")
    if names is None:
        return None
    listed = [*names, *([TOP] if file.attribute(f"{root}/{TOP}".strip("/"), "weight_names") else [])]
    return {name: list(_arrays(file, f"{root}/{name}".strip("/"))) for name in listed}


def legacy_optimizer(file: hdf5.Datasets) -> list[np.ndarray]:
    """The variables of the optimizer in their order; none if the file has no such group."""
    return list(_arrays(file, OPTIMIZER))


def _arrays(file: hdf5.Datasets, group: str) -> Iterator[np.ndarray]:
    for name in file.attribute(group, "weight_names") or ():
        if f"{group}/{name}" not in file:
            raise ModelFileError(f"{group} names {name!r}, which is not in the file")
        yield file[f"{group}/{name}"][()]


def assign_legacy(
    model: Any, arrays: dict[str, list[np.ndarray]], label: object, order: Order, by_name: bool, skip_mismatch: bool
) -> None:
    """Copy arrays into the layers of a model, in the order of its layers with weights, or by their names.

    Args:
        model: built.
        arrays: of each layer in the file.
        label: what errors name.
        order: the layers of a model as Keras orders them.
        by_name: whether layers are matched by name, and those with names that the file lacks stay as they are.
        skip_mismatch: whether layers whose arrays do not fit stay as they are, with a warning.

    Raises:
        ModelFileError: another number of layers with weights, or arrays of other numbers or shapes.
    """
    needed = {name: variables for name, variables in _groups(model, order).items() if variables}
    present = {name: group for name, group in arrays.items() if group}
    if by_name:
        pairs = [(name, variables, present[name]) for name, variables in needed.items() if name in present]
    elif len(needed) != len(present):
        raise ModelFileError(f"{label} holds weights of {len(present)} layers; the model has {len(needed)}")
    else:
        pairs = [(*one, group) for one, group in zip(needed.items(), present.values(), strict=True)]
    problems = {name: _difference(variables, group) for name, variables, group in pairs}
    unfit = [f"{name}: {problem}" for name, problem in problems.items() if problem]
    if unfit and not skip_mismatch:
        raise ModelFileError(f"{label} does not fit the model; {'; '.join(unfit)}")
    if unfit:
        warn_user(f"{label}: layers that do not fit stay as they are; {'; '.join(unfit)}")
    for name, variables, group in pairs:
        for one, array in zip(variables, group, strict=False) if not problems[name] else ():
            one.assign(array)


def _difference(variables: Sequence[Parameter], group: Sequence[np.ndarray]) -> str | None:
    """The reason why arrays are not those of a layer; None if they are."""
    if len(variables) != len(group):
        return f"needs {len(variables)} arrays, got {len(group)}"
    wanted = [one.shape for one in variables]
    shapes_in_file = [array.shape for array in group]
    return None if shapes_in_file == wanted else f"needs the shapes {wanted}, got {shapes_in_file}"
