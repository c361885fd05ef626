"""Weights by name from a file: the mapping of modules to layers, with all mismatches in one error."""

import os
import re
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnlite.errors import ModelFileError, did_you_mean
from nnlite.foreign.keras_graphs import is_graph, uses_of
from nnlite.foreign.torch_layouts import converted
from nnlite.layers import Layer
from nnlite.saving import reading_saved, safetensors

__all__ = ["load_named_arrays"]

PICKLED = (
    "is a pickle, which runs code when it is read: in PyTorch, "
    "safetensors.torch.save_file(module.state_dict(), 'weights.safetensors')"
)
LEVEL = re.compile(r"(weight|bias)_(ih|hh)_l(\d+)(_reverse)?$")


class Module(NamedTuple):
    """The arrays of one layer in a file.

    Attributes:
        name: the part of their names that they share, with the level of a recurrent layer: `lstm.l0`.
        arrays: by the rest of their names.
    """

    name: str
    arrays: dict[str, np.ndarray]


def load_named_arrays(model: Any, path: str | os.PathLike, mapping: Mapping[str, str] | None = None) -> None:
    """Copy the arrays of a file into a built model's parameters; see `load_torch` of models.

    Raises:
        ModelFileError: no such file, or arrays that do not fit, all of them listed; no weight has been changed then.
    """
    modules = _modules(_read(path))
    layers = [layer for layer in _leaves(model) if layer.parameters]
    flattened = _flattened(model)
    fits = {
        (id(layer), module.name): arrays
        for layer in layers
        for module in modules
        if (arrays := converted(layer, module.arrays, flattened.get(id(layer)))) is not None
    }
    pairs = _named(layers, modules, mapping, path) if mapping is not None else _matched(layers, modules, fits, path)
    problems = []
    for layer, module in pairs:
        problems += _problems(layer, module, fits.get((id(layer), module.name)))
    if problems:
        raise ModelFileError(f"{path} does not fit the model; {'; '.join(problems)}")
    for layer, module in pairs:
        for number, array in fits[id(layer), module.name].items():
            layer.parameters[number].assign(array)


def _read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    with reading_saved(path):
        with open(path, "rb") as file:
            content = file.read()
        if content.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                if any(name.endswith(".pkl") for name in archive.namelist()):
                    raise ModelFileError(f"{path} {PICKLED}")
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        if content.startswith(b"\x80"):
            raise ModelFileError(f"{path} {PICKLED}")
        return dict(safetensors.decode(content)[1])


def _modules(arrays: dict[str, np.ndarray]) -> list[Module]:
    """The arrays by module, those with smaller numbers in their names first."""
    modules: dict[str, dict[str, np.ndarray]] = {}
    attentions = {name.removesuffix("in_proj_weight") for name in arrays if name.endswith("in_proj_weight")}
    for name, array in arrays.items():
        prefix, _, last = name.replace("/", ".").rpartition(".")
        if level := LEVEL.fullmatch(last):
            prefix, last = f"{prefix}.l{level[3]}".lstrip("."), f"{level[1]}_{level[2]}{level[4] or ''}"
        elif prefix.endswith("out_proj") and name[: -len(f"out_proj.{last}")] in attentions:
            prefix, last = prefix[: -len("out_proj")].rstrip("."), f"out_proj.{last}"
        modules.setdefault(prefix, {})[last] = array
    return sorted((Module(*item) for item in modules.items()), key=lambda module: _numbers(module.name))


def _numbers(name: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", name)], name


def _stem(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _leaves(model: Any) -> list[Layer]:
    """The layers that PyTorch would have modules for."""
    if model._builds_itself:
        return [leaf for layer in model._layers_inside() for leaf in _leaves(layer)]
    return [vars(model)["layer"]] if type(model).__name__ == "TimeDistributed" else [model]


def _flattened(model: Any) -> dict[int, tuple[int, ...]]:
    """`id` of a `Dense` after a `Flatten` -> the shape that was flattened, where PyTorch has channels first."""
    shapes: dict[int, tuple[int, ...]] = {}
    chains = [_chain(use) for use in uses_of(model)[1]] if is_graph(model) else [model._layers_inside()]
    for chain in chains:
        shape, convolved = None, False
        for layer in chain:
            kind = type(layer).__name__
            if layer._builds_itself:
                shapes |= _flattened(layer)
            convolved = convolved or kind.startswith(("Conv", "DepthwiseConv")) or "Pooling1D" in kind
            if kind == "Flatten" and (len(layer.input_shape) > 3 or convolved):
                shape = tuple(layer.input_shape[1:])
            elif kind == "Dense":
                shapes |= {id(layer): shape} if shape is not None else {}
                shape = None
    return shapes


def _chain(use: Any) -> list[Layer]:
    """The chain that leads to a use of a layer, by way of the first value that each takes."""
    layers = [use.layer]
    while use.taken:
        use = use.taken[0][0]
        layers.insert(0, use.layer)
    return layers


def _named(layers: list[Layer], modules: list[Module], mapping: Mapping[str, str], path: object) -> list[Any]:
    """Pairs as the mapping says; `ModelFileError` for names that do not exist, and for what it leaves out."""
    by_layer, by_module = ({str(one.name): one for one in group} for group in (layers, modules))
    problems = [
        f"there is no module {name!r}; {did_you_mean(name, by_module)}" for name in mapping if name not in by_module
    ]
    problems += [
        f"there is no layer {name!r} with weights; {did_you_mean(name, by_layer)}"
        for name in mapping.values()
        if name not in by_layer
    ]
    missing = [name for name in by_layer if name not in mapping.values()]
    extra = [name for name in by_module if name not in mapping]
    problems += [f"missing: modules for {', '.join(missing)}"] if missing else []
    problems += [f"left over: {', '.join(extra)}"] if extra else []
    if problems:
        raise ModelFileError(f"{path} does not fit the model; {'; '.join(problems)}")
    return [(by_layer[layer], by_module[module]) for module, layer in mapping.items()]


def _matched(layers: list[Layer], modules: list[Module], fits: dict, path: object) -> list[Any]:
    """Pairs by name and, where names differ, by shape; modules that are told apart by their numbers keep that order."""
    by_name = {module.name: module for module in modules}
    pairs = [(layer, by_name[str(layer.name)]) for layer in layers if str(layer.name) in by_name]
    taken = {id(layer) for layer, _ in pairs}, {module.name for _, module in pairs}
    groups: dict[tuple[str, ...], list[Layer]] = {}
    for layer in (layer for layer in layers if id(layer) not in taken[0]):
        names = tuple(one.name for one in modules if one.name not in taken[1] and _fits(layer, one, fits))
        groups.setdefault(names, []).append(layer)
    problems = []
    for names, group in groups.items():
        wanted = ", ".join(str(layer.name) for layer in group)
        if len(names) == len(group) and len({_stem(name) for name in names}) == 1:
            pairs += [(layer, by_name[name]) for layer, name in zip(group, names, strict=True)]
        elif not names:
            shapes = [", ".join(f"{one.name} {one.shape}" for one in layer.parameters) for layer in group]
            problems += [f"missing: {layer.name} ({shape})" for layer, shape in zip(group, shapes, strict=True)]
        else:
            problems.append(f"{wanted} may be {', '.join(names)}: say which by mapping={{module: layer}}")
            taken[1].update(names)
    left = {module.name for module in modules} - taken[1] - {module.name for _, module in pairs}
    problems += [
        f"left over: {name} ({', '.join(f'{key} {array.shape}' for key, array in by_name[name].arrays.items())})"
        for name in sorted(left)
    ]
    if problems:
        raise ModelFileError(f"{path} does not fit the model; {'; '.join(problems)}")
    return pairs


def _fits(layer: Layer, module: Module, fits: dict) -> bool:
    return (id(layer), module.name) in fits and not _problems(layer, module, fits[id(layer), module.name])


def _problems(layer: Layer, module: Module, arrays: dict[int, np.ndarray] | None) -> list[str]:
    if arrays is None:
        needed = ", ".join(f"{one.name} {one.shape}" for one in layer.parameters)
        return [f"{module.name} has {', '.join(module.arrays)}, which are not those of {layer.name} ({needed})"]
    return [
        f"{module.name} gives {parameter.name} of {layer.name} as {arrays[number].shape}, needed {parameter.shape}"
        for number, parameter in enumerate(layer.parameters)
        if arrays[number].shape != parameter.shape
    ]
