"""Nested lists, tuples and dicts of values, with the functions of `keras.tree`: flatten, map, compare.

Keys of dicts come in sorted order, those of an `OrderedDict` in their own; None is a value like others.
"""

import contextlib
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nnlite.errors import ConfigError, WrongTypeError

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """Returned by a function of `traverse` to replace a value by None."""


def is_nested(structure: Any) -> bool:
    """Whether it is a list, a tuple or a dict, rather than a leaf."""
    return isinstance(structure, (list, tuple, dict, deque))


def _entries(structure: Any) -> list[tuple[Any, Any]]:
    """`(key, part)` of each part, in order."""
    if not isinstance(structure, dict):
        return list(enumerate(structure))
    keys = list(structure)
    if not isinstance(structure, OrderedDict):
        with contextlib.suppress(TypeError):  # keys of several types keep their order
            keys = sorted(keys)
    return [(key, structure[key]) for key in keys]


def _rebuilt(structure: Any, parts: Sequence[Any]) -> Any:
    """A structure like this one with other parts, which come in the order of `_entries`."""
    if isinstance(structure, dict):
        by_key = dict(zip([key for key, _ in _entries(structure)], parts, strict=True))
        ordered = {key: by_key[key] for key in structure}
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        return type(structure)(ordered)
    if isinstance(structure, tuple) and type(structure) is not tuple:  # a named tuple
        return type(structure)(*parts)
    return type(structure)(parts)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """`(path, value)` of each leaf; a path consists of the keys and indices that lead to it.

    >>> flatten_with_path({"b": [1, 2], "a": 3})
    [(('a',), 3), (('b', 0), 1), (('b', 1), 2)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), value) for key, part in _entries(structure) for path, value in flatten_with_path(part)]


def flatten(structure: Any) -> list[Any]:
    """All leaves in order.

    >>> flatten({"b": [1, 2], "a": 3})
    [3, 1, 2]
    """
    return [value for _, value in flatten_with_path(structure)]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """The structure of `func(value, ...)` over the leaves of structures with the same nesting.

    Args:
        func: takes one value of each.
        structures: nested lists, tuples and dicts.
        none_is_leaf: whether `func` is called with None too, or None is kept.

    Raises:
        ConfigError: no structure, or others than the first.
        WrongTypeError: `func` is not a function.

    >>> map_structure(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20]})
    {'a': [11, 22]}
    """
    if not callable(func):
        raise WrongTypeError(f"func must be a function, got {func!r}")
    if not structures:
        raise ConfigError("map_structure takes at least one structure")
    for other in structures[1:]:
        _compare(structures[0], other, not none_is_leaf)
    return _mapped(func, structures, none_is_leaf)


def _mapped(func: Callable[..., Any], structures: Sequence[Any], none_is_leaf: bool) -> Any:
    first = structures[0]
    if not is_nested(first):
        return None if first is None and not none_is_leaf else func(*structures)
    keys, tables = [key for key, _ in _entries(first)], [dict(_entries(structure)) for structure in structures]
    return _rebuilt(first, [_mapped(func, [table[key] for table in tables], none_is_leaf) for key in keys])


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """As `map_structure`, down to the leaves of a shallower structure; deeper parts are passed to `func` whole.

    >>> map_structure_up_to([1, 2], len, [[1], [2, 3]])
    [1, 2]
    """
    if not structures:
        raise ConfigError("map_structure_up_to takes at least one structure")
    if not is_nested(shallow_structure):
        return func(*structures)
    keys = dict(_entries(shallow_structure)).keys()
    for other in structures:
        if not is_nested(other) or dict(_entries(other)).keys() != keys:
            raise ConfigError(f"{other!r} does not begin with the structure of {shallow_structure!r}")
    tables = [dict(_entries(structure)) for structure in (shallow_structure, *structures)]
    columns = ([table[key] for table in tables] for key in keys)
    return _rebuilt(shallow_structure, [map_structure_up_to(first, func, *rest) for first, *rest in columns])


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """The inverse of `flatten`: values in the form of a structure.

    Raises:
        ConfigError: another number of values.

    >>> pack_sequence_as({"b": [0, 0], "a": 0}, [3, 1, 2])
    {'b': [1, 2], 'a': 3}
    """
    if not is_nested(flat_sequence):
        raise WrongTypeError(f"flat_sequence must be a list or a tuple, got {flat_sequence!r}")
    values, count = list(flat_sequence), len(flatten(structure))
    if len(values) != count:
        raise ConfigError(f"the structure has {count} values, got {len(values)}")
    return _filled(structure, iter(values))


def _filled(structure: Any, values: Iterator[Any]) -> Any:
    if not is_nested(structure):
        return next(values)
    return _rebuilt(structure, [_filled(part, values) for _, part in _entries(structure)])


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in place of lists."""
    if not is_nested(structure):
        return structure
    parts = [lists_to_tuples(part) for _, part in _entries(structure)]
    return tuple(parts) if isinstance(structure, list) else _rebuilt(structure, parts)


def _is_shape(structure: Any) -> bool:
    return isinstance(structure, (list, tuple)) and all(item is None or isinstance(item, int) for item in structure)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """The structure of `func(shape)` for each shape in it, a tuple or a list of integers and None."""
    if not callable(func):
        raise WrongTypeError(f"func must be a function, got {func!r}")
    if _is_shape(structure):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ConfigError(f"{structure!r} is neither a shape nor a structure of such")
    return _rebuilt(structure, [map_shape_structure(func, part) for _, part in _entries(structure)])


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """The structure with each part and leaf replaced by the result of `func`; where that is None, it is kept.

    Args:
        func: gets parts and values; `MAP_TO_NONE` stands for None. From the top, what it replaces is not entered.
        structure: nested lists, tuples and dicts.
        top_down: whether a part comes before those inside of it.
    """
    if top_down:
        result = func(structure)
        if result is not None:
            return None if result is MAP_TO_NONE else result
    if is_nested(structure):
        structure = _rebuilt(structure, [traverse(func, part, top_down) for _, part in _entries(structure)])
    if top_down:
        return structure
    result = func(structure)
    if result is None:
        return structure
    return None if result is MAP_TO_NONE else result


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """`ConfigError` unless both have the same types of lists and tuples, lengths and keys; dicts may be of any make.

    `check_types` is accepted, and has no effect, as in Keras.
    """
    _compare(a, b)


def _compare(a: Any, b: Any, passes_none: bool = False) -> None:
    if a is None and passes_none:
        return
    if is_nested(a) != is_nested(b):
        raise ConfigError(f"structures differ: {a!r} and {b!r}")
    if not is_nested(a) or a is None or b is None:
        return
    if type(a) is not type(b) and not (isinstance(a, dict) and isinstance(b, dict)):
        raise ConfigError(f"structures differ in type: {type(a).__name__} and {type(b).__name__}")
    if len(a) != len(b):
        raise ConfigError(f"structures differ in length: {len(a)} and {len(b)}")
    if isinstance(a, dict) and a.keys() != b.keys():
        raise ConfigError(f"structures differ in keys: {sorted(map(str, a))} and {sorted(map(str, b))}")
    others = dict(_entries(b))
    for key, part in _entries(a):
        try:
            _compare(part, others[key], passes_none)
        except ConfigError as error:
            raise error.within(str(key)) from None


def assert_same_paths(a: Any, b: Any) -> None:
    """`ConfigError` unless both have the same paths, whatever the types of lists and tuples."""
    first, second = ({path for path, _ in flatten_with_path(structure)} for structure in (a, b))
    if first != second:
        raise ConfigError(f"paths differ: {sorted(map(str, first - second))} and {sorted(map(str, second - first))}")
