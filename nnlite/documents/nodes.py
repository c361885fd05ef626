"""The tree of a document: its values and their positions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnlite.errors import ConfigError, format_path
from nnlite.registry import normalized

__all__ = ["DEPTH", "SIZE", "Node", "Place", "error_at", "find", "place_of", "place_of_name", "same"]

DEPTH = 64  # of lists and mappings within one another
SIZE = 100_000  # values of a document, those that aliases and references repeat counted each time


@dataclass(frozen=True)
class Place:
    """Place of a value.

    Args:
        source: the file, or the override.
        line, column: from 1; 0 in an override.
        rank: the number of the source, in the order in which they were read.
    """

    source: str
    line: int = 0
    column: int = 0
    rank: int = 0

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}, column {self.column}" if self.line else self.source

    @property
    def order(self) -> tuple[int, int, int]:
        """Sort key: positions in the order in which a reader meets them."""
        return self.rank, self.line, self.column


@dataclass
class Node:
    """A value and its position.

    Args:
        value: `{key: Node}`, `[Node]`, or a number, a string, a boolean, None.
        place: where it begins.
        keys: where the keys of a mapping stand.
    """

    value: Any
    place: Place
    keys: dict[Any, Place] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def copy(self) -> "Node":
        """A deep copy."""
        if isinstance(self.value, dict):
            return Node({key: node.copy() for key, node in self.value.items()}, self.place, dict(self.keys))
        return Node([node.copy() for node in self.value] if isinstance(self.value, list) else self.value, self.place)

    def children(self) -> Iterator[tuple[Any, "Node"]]:
        """`(key or index, node)` of each entry."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def extent(self) -> tuple[int, int]:
        """Number of nodes, this one included, and of levels."""
        inner = [node.extent() for _, node in self.children()]
        return 1 + sum(size for size, _ in inner), 1 + max((depth for _, depth in inner), default=0)


def same(keys: Iterable, others: Iterable) -> bool:
    """Whether two paths are equal, ignoring case and underscores."""
    return [normalized(str(key)) for key in keys] == [normalized(str(key)) for key in others]


def find(parent: Node, key: str) -> Any:
    """The index or key of `parent` that `key` refers to, whether it exists or not; else `ConfigError`."""
    if isinstance(parent.value, list):
        if not (key.isdecimal() and len(key) < 10 and int(key) < len(parent.value)):
            raise ConfigError(f"expected an index from 0 to {len(parent.value) - 1}, got {key!r}")
        return int(key)
    if not isinstance(parent.value, dict):
        raise ConfigError(f"{parent.value!r} has no key {key!r}")
    if key in parent.value:
        return key
    return next((present for present in parent.value if same([present], [key])), key)


def place_of(root: Node, path: Sequence) -> Place:
    """The position of the value at `path`: its key, or the longest existing part of the path.

    A path may name a class, `("model", 0, "Dense")`, that stands there under an alias.
    """
    node, location = root, root.place
    for key in path:
        if isinstance(node.value, list):
            if not (isinstance(key, int) and key < len(node.value)):
                break
            node = node.value[key]
            location = node.place
        elif isinstance(node.value, dict):
            named = len(node.value) == 1 and str(key)[:1].isupper()
            present = [one for one in node.value if named or same([one], [key])]
            if not present:
                break
            node, location = node.value[present[0]], node.keys[present[0]]
        else:
            break
    return location


def place_of_name(root: Node, path: Sequence) -> Place:
    """The position of the class name at `path`, alone or as the key of its arguments."""
    node = root
    for key in path:
        inner = dict(node.children()).get(key)
        if inner is None:  # it goes by an alias
            return place_of(root, path)
        node = inner
    if isinstance(node.value, dict) and len(node.value) == 1:
        return next(iter(node.keys.values()))
    return node.place


def error_at(location: Place, message: str, path: Sequence = ()) -> ConfigError:
    """An error whose message names the position and the key."""
    return ConfigError(f"{location}: {format_path(path)}: {message}" if path else f"{location}: {message}")
