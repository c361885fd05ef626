"""Nested dicts and lists: of outputs, as opposed to a single array or a plain list, and among attributes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from nnlite.errors import ConfigError, did_you_mean
from nnlite.tree import is_nested

__all__ = [
    "arranged_as",
    "by_key",
    "checked_structure",
    "form_of",
    "in_order",
    "kept",
    "leaves_in",
    "leaves_of",
    "of_kind",
    "replaced",
    "structure_of",
    "weights_in_order",
]

PLAIN = frozenset((str, int, float, bool, type(None), np.ndarray))  # what holds neither layers nor parameters
CONTAINERS = list, tuple, dict
Kind = TypeVar("Kind")


def leaves_of(value: Any) -> list[Any]:
    """Leaves of nested dicts, lists and tuples, in order.

    >>> leaves_of({"a": 1, "b": [2, {"c": 3}]})
    [1, 2, 3]
    """
    if isinstance(value, Mapping):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves_of(item)] if isinstance(value, (list, tuple)) else [value]


def of_kind(value: Any, items: list[Any]) -> Any:
    """`items` in a list, or in a tuple where `value` is one, also a named one, whose class takes its items singly."""
    return items if isinstance(value, list) else tuple(items)


def by_key(value: Any) -> Any:
    """Nested lists and dicts with plain dicts in the order of their keys; an `OrderedDict` keeps its own.

    >>> by_key([{"b": 1, "a": {"d": 2, "c": 3}}])
    [{'a': {'c': 3, 'd': 2}, 'b': 1}]
    """
    if isinstance(value, (list, tuple)):
        return of_kind(value, list(map(by_key, value)))
    if not isinstance(value, dict):
        return value
    return {key: by_key(value[key]) for key in (value if isinstance(value, OrderedDict) else sorted(value))}


def structure_of(value: Any) -> Any:
    """The dicts and lists of a value with each leaf replaced by its number; None for one leaf, or a plain list.

    >>> structure_of({"a": "x", "b": ["y", "z"]}), structure_of(["x", "y"]), structure_of("x")
    ({'a': 0, 'b': [1, 2]}, None, None)
    """
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (Mapping, list, tuple)) for item in value):
        return None
    return form_of(value) if isinstance(value, (Mapping, list, tuple)) else None


def form_of(value: Any) -> Any:
    """The dicts, lists and tuples of a value with each leaf replaced by its number.

    >>> form_of(("x", {"a": "y"})), form_of("x")
    ((0, {'a': 1}), 0)
    """
    return _numbered(value, iter(range(len(leaves_of(value)))))


def _numbered(value: Any, numbers: Iterator[int]) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _numbered(item, numbers) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return of_kind(value, [_numbered(item, numbers) for item in value])
    return next(numbers)


def arranged_as(structure: Any, leaves: Sequence[Any]) -> Any:
    """The inverse of `leaves_of` and `structure_of`: each number is replaced by its leaf.

    >>> arranged_as({"a": 0, "b": [1]}, ["x", "y"])
    {'a': 'x', 'b': ['y']}
    """
    if isinstance(structure, Mapping):
        kind: Any = type(structure)
        return kind((key, arranged_as(item, leaves)) for key, item in structure.items())
    if isinstance(structure, (list, tuple)):
        return of_kind(structure, [arranged_as(item, leaves) for item in structure])
    return leaves[structure]


def leaves_in(structure: Any, value: Any) -> list[Any]:
    """The leaves of `value`, nested like `structure`, in its order; None for keys that a dict omits.

    Raises:
        ConfigError: a key that `structure` does not have, or another number of items.

    >>> leaves_in({"a": 0, "b": [1, 2]}, {"b": ["y", "z"]})
    [None, 'y', 'z']
    """
    if isinstance(structure, Mapping):
        content = {} if value is None else value
        unknown = [key for key in content if key not in structure] if isinstance(content, Mapping) else [value]
        if unknown:
            raise ConfigError(f"there is no output {unknown[0]!r}; {did_you_mean(str(unknown[0]), structure)}")
        return [leaf for key, inner in structure.items() for leaf in leaves_in(inner, content.get(key))]
    if isinstance(structure, (list, tuple)):
        items = [None] * len(structure) if value is None else value
        if not isinstance(items, (list, tuple)) or len(items) != len(structure):
            raise ConfigError(f"expected a list of {len(structure)} outputs, got {value!r}")
        return [leaf for inner, item in zip(structure, items, strict=True) for leaf in leaves_in(inner, item)]
    return [value]


def in_order(structure: Any, value: Any) -> Any:
    """`value`, nested like a model's outputs, in the form that its loss takes: one, or a tuple."""
    nested = isinstance(value, (Mapping, list)) or (isinstance(value, tuple) and any(map(is_nested, value)))
    if structure is None or not nested:
        return value
    leaves = leaves_in(structure, value)
    return tuple(leaves) if len(leaves) > 1 else leaves[0]


def checked_structure(structure: Any, count: int) -> Any:
    """A structure read from a file; `ConfigError` unless its leaves are the numbers below `count` in order."""
    if leaves_of(structure) != list(range(count)):
        raise ConfigError(f"expected dicts and lists of the numbers below {count}, got {structure!r}", ("structure",))
    return structure


def kept(layer: Any, kind: type[Kind]) -> list[Kind]:
    """The instances of `kind` among the attributes of a layer, including lists, tuples and dicts, each once."""
    instances: dict[int, Kind] = {}

    def visit(values: Iterable[Any]) -> None:
        for value in values:
            if type(value) in PLAIN:
                continue
            if isinstance(value, CONTAINERS):
                visit(value.values() if isinstance(value, dict) else value)
            elif isinstance(value, kind):
                instances[id(value)] = value

    visit(vars(layer).values())
    return list(instances.values())


def weights_in_order(layer: Any, inside: Sequence[Any]) -> list[Any]:
    """The parameters of a layer in Keras's order: its own, trainable ones first, then those of nested layers.

    Before the layer is built, its own list does not have those of layers that were built by themselves.
    """
    first = sorted(layer.parameters, key=lambda parameter: parameter.is_state)
    if not inside:
        return first
    ids = {id(parameter) for parameter in layer.parameters}
    listed = layer._build_done
    nested = {id(weight): weight for inner in inside for weight in inner.weights if id(weight) in ids or not listed}
    return [parameter for parameter in first if id(parameter) not in nested] + list(nested.values())


def replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    """`value` with `replace` applied to it, or to each item of a list, tuple or dict."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        items, kind = [replaced(item, replace) for item in value], type(value)
        return kind(*items) if "_fields" in vars(kind) else kind(items)  # a named tuple, or another
    if isinstance(value, dict):
        return {key: replaced(item, replace) for key, item in value.items()}
    return replace(value)
