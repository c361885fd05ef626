"""References: `${section.key}` and `${env:NAME}` in the values of a document."""

import itertools
import os
import re
from typing import Any

from nnlite.documents.nodes import DEPTH, SIZE, Node, error_at, find
from nnlite.documents.scalars import scalar, usable
from nnlite.errors import ConfigError, did_you_mean, format_path, raise_all
from nnlite.registry.descriptions import spelled

__all__ = ["resolve"]

TOKEN = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(:.*)?", re.DOTALL)
LETTERS = 1_000_000  # of a text that references are put into


def resolve(root: Node) -> None:
    """Replace all references by their values, and `$$` by `$`.

    A value that is one reference becomes what that has, of any type; within other text it becomes text.

    Raises:
        ConfigError: unknown keys, variables that are not set, circular references; all of them, with line and column.
    """
    resolver = _Resolver(root)
    resolver.settle(root, ())
    raise_all([error for _, error in sorted(resolver.errors, key=lambda pair: pair[0])], root.place.source)


class _Resolver:
    """Attributes:
    active: id of each node that is being settled -> its path, outermost first.
    settled: ids of those that are.
    size: how many nodes references have added.
    """

    def __init__(self, root: Node) -> None:
        self.root = root
        self.active: dict[int, tuple] = {}
        self.settled: set[int] = set()
        self.errors: list[tuple[tuple, ConfigError]] = []
        self.size = 0

    def settle(self, node: Node, path: tuple) -> None:
        """Resolve the references in `node`, those that they refer to first."""
        if id(node) in self.settled:
            return
        self.active[id(node)] = path
        if isinstance(node.value, str) and "$" in node.value:
            try:
                self._replace(node)
            except ConfigError as error:
                self.errors.append((node.place.order, error_at(node.place, error.message, path)))
        else:
            for key, inner in node.children():
                self.settle(inner, (*path, key))
        del self.active[id(node)]
        self.settled.add(id(node))

    def _replace(self, node: Node) -> None:
        whole = TOKEN.fullmatch(node.value)
        if whole and whole[1] is not None:
            target = self._target(whole[1])
            size, depth = target.extent()
            self.size += size
            if self.size > SIZE or depth + len(self.active) > DEPTH:
                raise ConfigError(f"${{{whole[1]}}}: more than {SIZE:,} values, or {DEPTH} levels, by references")
            copied = target.copy()
            node.value, node.keys = copied.value, copied.keys
            return
        parts, end = [], 0
        for token in TOKEN.finditer(node.value):
            parts += [node.value[end : token.start()], self._text(token)]
            end = token.end()
            if sum(map(len, parts)) > LETTERS:
                raise ConfigError(f"references make a text of more than {LETTERS:,} characters")
        node.value = "".join([*parts, node.value[end:]])

    def _text(self, token: re.Match[str]) -> str:
        """Text that replaces a token."""
        if token[0] == "$$":
            return "$"
        if token[1] is None:
            raise ConfigError("a reference that does not end: expected ${section.key}; write $${ for the letters ${")
        value: Any = self._target(token[1]).value
        if isinstance(value, (dict, list)):
            raise ConfigError(f"{token[0]} is a {'mapping' if isinstance(value, dict) else 'list'}, no part of a text")
        return spelled(value)

    def _target(self, reference: str) -> Node:
        """The settled node that a reference stands for."""
        if ":" in reference:
            return Node(_environment(reference), self.root.place)
        node: Node = self.root
        path: tuple[Any, ...] = ()
        for key in map(str.strip, reference.split(".")):
            if isinstance(node.value, str):
                self._settle_target(node, path, reference)
            try:
                target: Any = find(node, key)
            except ConfigError as error:
                raise ConfigError(f"${{{reference}}}: {error.message}") from None
            if isinstance(node.value, dict) and target not in node.value:
                hint = did_you_mean(key, map(str, node.value))
                raise ConfigError(f"${{{reference}}}: unknown key {key!r}; {hint}")
            inner: Any = node.value
            node, path = inner[target], (*path, target)
        self._settle_target(node, path, reference)
        return node

    def _settle_target(self, node: Node, path: tuple, reference: str) -> None:
        if id(node) in self.active:
            outer = list(self.active.values())
            inner = [*outer[outer.index(path) :], path]
            circle = [one for one, after in itertools.pairwise(inner) if after[: len(one)] != one]
            shown = " -> ".join(map(format_path, [*circle, path]))
            raise ConfigError(f"${{{reference}}} refers to itself: {shown}")
        if len(self.active) > DEPTH:
            raise ConfigError(f"${{{reference}}}: more than {DEPTH} references that refer to one another")
        self.settle(node, path)


def _environment(reference: str) -> Any:
    """The value of `env:NAME` or `env:NAME:default`, read as an unquoted scalar."""
    parts = VARIABLE.fullmatch(reference)
    if not parts:
        raise ConfigError(f"${{{reference}}}: expected ${{section.key}}, ${{env:NAME}} or ${{env:NAME:default}}")
    text = os.environ.get(parts[1])
    if text is None and parts[2] is None:
        default = f"${{env:{parts[1]}:default}}"
        raise ConfigError(f"the environment variable {parts[1]!r} is not set; set it, or give a default: {default}")
    return scalar(usable(parts[2][1:] if text is None else text))
