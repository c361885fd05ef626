"""YAML files that remember on which line each value stands."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnlite.errors import ConfigError, DataError, did_you_mean, format_path, needed_for
from nnlite.registry import normalized

with needed_for("config files are read by PyYAML", "pyyaml"):
    import yaml

__all__ = ["Document", "dump", "parse"]

# YAML 1.2's core schema. PyYAML follows YAML 1.1, where `no` is false, `1e-3` is text and `010` is eight.
SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if (key.tag, str(key.value)) in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} stands here a second time", problem_mark=key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _name, (_pattern, _starts) in SCALARS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), _starts)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def dump(values: dict) -> str:
    """`values` as YAML text that `Document` reads back as the same values."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class Document:
    """The values of a YAML file, changed by overrides, and the place of each.

    Args:
        path: the file.
        overrides: changes spelled `key.key.0.key=value`, with the value in YAML.

    Raises:
        ConfigError: no such file, no valid YAML, or an override that fits nowhere.
    """

    def __init__(self, path: str | Path, overrides: Iterable[str] = ()) -> None:
        self.path = Path(path)
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "the file is not text in UTF-8"
            raise ConfigError(f"{path}: {reason}") from None
        self.root: Any
        self.values: Any
        self.root, self.values = parse(text, f"{path}")
        if not isinstance(self.values, dict):
            raise ConfigError(f"{path}: {'expected `key: value` lines' if text.strip() else 'the file is empty'}")
        self.overridden = {}
        for assignment in overrides:
            self._override(assignment)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Let errors raised inside say in which file, and if possible on which line, their cause stands."""
        try:
            yield
        except ConfigError as error:
            place = f"{format_path(error.path)}: " if error.path else ""
            raise ConfigError(f"{self._source(error.path)}: {place}{error.message}") from None
        except DataError as error:
            raise type(error)(f"{self.path}: {error}") from None

    def _source(self, path: tuple) -> str:
        """The override or the line that the value at `path` comes from; the file alone for an empty path."""
        if not path:
            return f"{self.path}"
        for keys, assignment in self.overridden.items():
            if _same(keys, path[: len(keys)]):
                return f"--set {assignment}"
        node, line = self.root, self.root.start_mark.line
        for depth, key in enumerate(path, start=1):
            entries = node.value if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.SequenceNode):
                entries = [(entry, entry) for index, entry in enumerate(entries) if index == key]
            elif len(entries) != 1 or not str(key)[:1].isupper():  # else: one name, perhaps an alias
                entries = [entry for entry in entries if _same([entry[0].value], [key])]
            if not entries:
                made = [text for keys, text in self.overridden.items() if _same(keys[:depth], path[:depth])]
                return f"--set {made[0]}" if made else f"{self.path}, line {line + 1}"
            name, node = entries[0]
            line = name.start_mark.line
        return f"{self.path}, line {line + 1}"

    def _override(self, assignment: str) -> None:
        keys, separator, text = assignment.partition("=")
        try:
            if not separator:
                raise ConfigError("expected key=value, such as fit.epochs=3")
            *outer, last = keys.split(".")
            parent: Any = self.values
            path: list[Any] = []
            for depth, key in enumerate(outer):
                path.append(_find(parent, key))
                parent = _open(parent, path[-1], may_create=depth < 2)
            path.append(_find(parent, last))
            parent[path[-1]] = parse(text, "the value")[1]
        except ConfigError as error:
            raise ConfigError(f"--set {assignment}: {error}") from None
        self.overridden[tuple(path)] = assignment


def parse(text: str, name: str) -> tuple[Any, Any]:
    """The node tree and the values of a YAML text; `ConfigError` naming `name` and the line where it is none."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{name}{line}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(f"{name}: not valid YAML: {error.reason} ({chr(error.character)!r})") from None


def _same(keys, others) -> bool:
    return [normalized(str(key)) for key in keys] == [normalized(str(key)) for key in others]


def _find(parent, key: str):
    """The index or key of `parent` that `key` means."""
    if isinstance(parent, list):
        if not (key.isdecimal() and int(key) < len(parent)):
            raise ConfigError(f"expected an index from 0 to {len(parent) - 1}, got {key!r}")
        return int(key)
    if not isinstance(parent, dict):
        raise ConfigError(f"{parent!r} has no key {key!r}")
    return next((present for present in parent if _same([present], [key])), key)


def _open(parent, key, may_create: bool):
    """The mapping or list at `key`. A bare name becomes `{name: {}}`, so that arguments can be set."""
    if isinstance(parent, dict) and key not in parent:
        if parent and not may_create:
            raise ConfigError(f"unknown key {key!r}; {did_you_mean(key, map(str, parent))}")
        parent[key] = {}
    elif parent[key] is None:
        parent[key] = {}
    elif isinstance(parent[key], str):
        parent[key] = {parent[key]: {}}
    return parent[key]
