"""A graph as drawn: the symbols that users pass to `Model`, and the uses of layers that produce them."""

import itertools
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nnlite.errors import ConfigError
from nnlite.layers import Input, Layer
from nnlite.layers.base.contract.keras_config import reading_shared
from nnlite.layers.base.contract.structure import arranged_as, checked_structure, leaves_of, of_kind
from nnlite.layers.base.shapes import shapes_in
from nnlite.layers.base.symbolic import Symbol, symbols_of
from nnlite.registry.bounds import Index
from nnlite.registry.field_types import read

__all__ = ["Drawing", "free_name", "listed", "redrawn"]

# The entries of a graph's config, with their types: a node is the number of a layer and those of the values it takes.
GRAPH: dict[str, Any] = {
    "inputs": list[Layer],
    "layers": list[Layer],
    "nodes": list[tuple[Any, ...]],
    "outputs": list[Index],
}

# What a node may state beside these: `training`, the number of the mask, how the layer's `call` names its data, as
# arguments, as keys of a dict or nested, and what it is given beside data.
SETTINGS: dict[str, Any] = {
    "training": bool,
    "mask": Index,
    "arguments": list[str],
    "keys": list[str],
    "form": Any,
    "options": dict[str, bool | int | float | str | None],
}


class Drawing:
    """The uses of layers between inputs and outputs, and the values between them.

    Values are numbered: the inputs first, then what each use gives.

    Args:
        inputs, outputs: symbols.

    Attributes:
        nodes: one symbol of each use that the outputs depend on, each after those it needs.
        form: how the outputs are nested, and whether they are in a list, see `ends_in_structure`.

    Raises:
        ConfigError: the outputs depend on an `Input` that is not among `inputs`.
    """

    def __init__(self, inputs: list[Symbol], outputs: list[Symbol]):
        self.inputs = inputs
        self.outputs = outputs
        self.nodes: list[Symbol] = []
        self.form: tuple[Any, bool] = (None, False)
        first, seen = {symbol.key for symbol in inputs}, set()
        # A list, as graphs may be deeper than Python's calls.
        waiting = [(symbol, False) for symbol in reversed(outputs)]
        while waiting:
            symbol, is_ready = waiting.pop()
            if is_ready:
                self.nodes.append(symbol)
            elif symbol.key not in first and id(symbol.use) not in seen:
                if isinstance(symbol.layer, Input):
                    raise ConfigError(f"the outputs depend on {symbol.layer.label}, which is not among the inputs")
                seen.add(id(symbol.use))
                waiting.append((symbol, True))
                sources = (*symbol.inputs, *([] if symbol.mask is None else [symbol.mask]))
                waiting += [(source, False) for source in reversed(sources)]

    def layers(self) -> list[Layer]:
        """The layers in use, each once."""
        return list({id(node.layer): node.layer for node in self.nodes}.values())

    def numbers(self) -> dict[tuple, int]:
        """The index of each value by its symbol's key."""
        numbers = {symbol.key: number for number, symbol in enumerate(self.inputs)}
        for node in self.nodes:
            for index in range(len(shapes_in(node.layer.output_shape))):
                numbers[(id(node.use), index)] = len(numbers)
        return numbers

    def uses(self) -> list[tuple[Layer, tuple[int, ...], bool | None, int | None, dict[str, Any] | None]]:
        """`(layer, indices of its input values, training, index of its mask, options)` of each use, in order."""
        numbers = self.numbers()
        return [
            (
                node.layer,
                tuple(numbers[symbol.key] for symbol in node.inputs),
                node.training,
                None if node.mask is None else numbers[node.mask.key],
                node.options,
            )
            for node in self.nodes
        ]

    def ends(self) -> tuple[int, ...]:
        """The indices of the outputs."""
        numbers = self.numbers()
        return tuple(numbers[symbol.key] for symbol in self.outputs)

    def last_use(self, symbol: Symbol, uses: list[tuple]) -> int | None:
        """The position, among `uses`, of the one that outputs `symbol`, if nothing else needs its layer."""
        value = self.numbers()[symbol.key]
        positions = [position for position, use in enumerate(uses) if use[0] is symbol.layer]
        alone = len(positions) == 1 and self.ends().count(value) == 1
        taken = any(value in use[1] or value == use[3] for use in uses)
        return positions[0] if alone and not taken else None


def listed(values: Any, what: str) -> list[Symbol]:
    """`values`, a symbol or dicts and lists of symbols, as one list; `what` is `"inputs"` or `"outputs"`.

    Raises:
        ConfigError: something else.
    """
    leaves = [symbols_of(item) for item in leaves_of(values)]
    symbols = [symbol for symbol in leaves if isinstance(symbol, Symbol)]
    if not symbols or len(symbols) < len(leaves):
        raise ConfigError(f"{what} must be an Input or what a layer gives when it is called on one, got {values!r}")
    return symbols


def redrawn(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """The inputs and outputs, in their structures, of a graph described by `Model.get_config`.

    Raises:
        ConfigError: an entry that is missing, of another type, or that refers to a missing layer or value.
    """
    missing = GRAPH.keys() - set(config)
    if missing:
        raise ConfigError(f"a Model needs {', '.join(sorted(missing))}: see its get_config")
    entries = {}
    with reading_shared():
        for name, hint in GRAPH.items():
            try:
                entries[name] = read(config[name], hint)
            except ConfigError as error:
                raise error.within("Model", name) from None
    values, layers = listed(entries["inputs"], "inputs"), entries["layers"]
    inputs = _nested(values, config, "input_structure")
    values = list(values)
    for index, node in enumerate(entries["nodes"]):
        position, numbers, settings = _read_node(node, index)
        _check_numbers([position], layers, ("nodes", index, 0))
        _check_numbers(numbers, values, ("nodes", index, 1))
        taken = [values[number] for number in numbers]
        if settings.get("mask") is not None:
            _check_numbers([settings["mask"]], values, ("nodes", index, 2))
            settings["mask"] = values[settings["mask"]]
        values += leaves_of(_called(layers[position], taken, settings, ("nodes", index, 2)))
    _check_numbers(entries["outputs"], values, ("outputs",))
    outputs = [values[number] for number in entries["outputs"]]
    return inputs, _nested(outputs, config, "structure")


def _called(layer: Layer, taken: list[Symbol], settings: dict[str, Any], path: tuple) -> Any:
    """Call a layer on symbols: as arguments of its `call`, as a dict, as a tuple, or on a single one."""
    arguments, keys, form, options = (settings.pop(name, None) for name in ("arguments", "keys", "form", "options"))
    if len(arguments or keys or taken) != len(taken):
        raise ConfigError(f"expected {len(taken)} names, got {arguments or keys}", ("Model", *path))
    several = layer.takes_several or len(taken) > 1  # a layer may learn it by being built
    data: Any = dict(zip(keys, taken, strict=True)) if keys else tuple(taken) if several else taken[0]
    data = data if form is None else arranged_as(checked_structure(form, len(taken)), taken)
    named = dict(zip(arguments, taken, strict=True)) if arguments else {}
    return layer(*([] if arguments else [data]), **named, **settings, **(options or {}))


def _nested(values: list[Symbol], config: Mapping[str, Any], name: str) -> Any:
    """`values` nested as the entry `name` of a config describes; in a list, or a single one, without such an entry."""
    if name not in config:
        return values if len(values) > 1 else values[0]
    return arranged_as(_in_own_order(checked_structure(config[name], len(values))), values)


def _in_own_order(structure: Any) -> Any:
    """A structure whose dicts keep the order that they have in a file."""
    if isinstance(structure, Mapping):
        return OrderedDict((key, _in_own_order(item)) for key, item in structure.items())
    if isinstance(structure, (list, tuple)):
        return of_kind(structure, list(map(_in_own_order, structure)))
    return structure


def _read_node(node: tuple[Any, ...], index: int) -> tuple[int, list[int], dict[str, Any]]:
    """The layer's number, those of its inputs, and what else it is called with, see `SETTINGS`."""
    try:
        position, numbers = read(node[:2], tuple[Index, list[Index]])
        settings = {
            name: read(value, SETTINGS.get(name, Any))
            for name, value in (read(node[2], dict[str, Any]) if len(node) > 2 else {}).items()
            if value is not None
        }
    except ConfigError as error:
        raise error.within("Model", "nodes", index) from None
    if len(node) > 3 or settings.keys() - SETTINGS.keys():
        raise ConfigError(f"a node has a layer, inputs, {', '.join(SETTINGS)}, got {node}", ("Model", "nodes", index))
    return position, numbers, settings


def _check_numbers(numbers: Sequence[int], numbered: Sequence[Any], path: tuple) -> None:
    """`ConfigError` unless there is at least one number and each belongs to one of `numbered`."""
    if not numbers or max(numbers) >= len(numbered):
        raise ConfigError(f"must be numbers below {len(numbered)}, got {list(numbers)}", ("Model", *path))


def free_name(layer: Layer, taken: Collection[str | None], least: dict[str, int] | None = None) -> str:
    """The name of an unnamed layer: the default one, or its stem with a number if that is taken.

    Args:
        layer: the layer.
        taken: names of others.
        least: for each stem the number that the search begins with, since those below are taken; kept up to date.
            This makes naming many layers in a row fast.
    """
    if layer._made_name is not None and layer._made_name not in taken:
        return layer._made_name
    stem, least = layer._name_stem, {} if least is None else least
    numbers = itertools.count(least.get(stem, 0))
    number = next(count for count in numbers if _numbered(stem, count) not in taken)
    least[stem] = number + 1
    return _numbered(stem, number)


def _numbered(stem: str, number: int) -> str:
    return f"{stem}_{number}" if number else stem
