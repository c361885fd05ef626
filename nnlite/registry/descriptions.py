"""Descriptions of classes and arguments from docstrings, and types in words."""

import collections.abc
import inspect
import os
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from nnlite.registry.bounds import bounds_of
from nnlite.registry.configurable import Configurable
from nnlite.registry.field_types import Specified
from nnlite.registry.functions import NamedFunction

__all__ = ["argument_texts", "spelled", "summary_of", "type_text"]

ENTRY = re.compile(r"^    (\w[\w, .]*): (.*)$")
NAMES_GO_ON = re.compile(r"^(    (?:\w+, )*\w+,)\n\s+", re.MULTILINE)


def summary_of(documented: Any) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = (inspect.getdoc(documented) or "").partition("\n\n")[0]
    text = " ".join(paragraph.split())
    return re.split(r"(?<=[^.\s]{2})\.(?=\s[A-Z]|$)", text)[0].rstrip(".,:")


def argument_texts(documented: type | Callable) -> dict[str, str]:
    """Argument -> its description in a docstring; of a class, also those that it inherits or refers to, as `Dense`."""
    texts: dict[str, str] = {}
    for docstring in _docstrings(documented):
        for name, text in _entries(docstring):
            texts.setdefault(name, text)
    return texts


def _docstrings(documented: Any) -> Iterator[str]:
    """The descriptions of a class, of its bases, and of the classes of its family that these name as `Dense`."""
    if not (isinstance(documented, type) and issubclass(documented, Configurable)):
        yield inspect.getdoc(documented) or ""
        return
    lineage = [cls for cls in documented.__mro__ if cls.__doc__ and issubclass(cls, Configurable)]
    waiting, seen = [*lineage], set()
    while waiting:
        cls = waiting.pop(0)
        if cls not in seen:
            seen.add(cls)
            text = inspect.cleandoc(cls.__doc__ or "")
            yield text
            named = [documented._members.get(name.lower().replace("_", "")) for name in re.findall(r"`(\w+)`", text)]
            waiting += [other for other in named if other is not None]


def _entries(docstring: str) -> Iterator[tuple[str, str]]:
    """`(argument, text)` of each entry of the section `Args:`."""
    section = re.search(r"^Args:\n((?:    .*\n|\n)*)", docstring + "\n", re.MULTILINE)
    names: list[str] = []
    lines: list[str] = []
    for line in [*(NAMES_GO_ON.sub(r"\1 ", section[1]).splitlines() if section else []), "    end: "]:
        entry = ENTRY.match(line)
        if entry:
            yield from ((name.strip(), " ".join(lines)) for name in names)
            names, lines = ([] if "..." in entry[1] else entry[1].split(",")), [entry[2]]
        else:
            lines.append(line.strip())


WORDS = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "string",
    os.PathLike: "path",
    dict: "mapping",
    list: "list",
    type(None): "null",
    None: "null",
    typing.Any: "any value",
    collections.abc.Callable: "function, in Python",
    collections.abc.Mapping: "mapping",
}


def spelled(value: Any) -> str:
    """A scalar in config notation: `null`, `true`, `false`, or its text."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plural(text: str) -> str:
    """A type in words, of several values: `integers >= 1`; a choice is unchanged."""
    return re.sub(r"^(integer|number|string|mapping|list|layer|metric|callback)\b(?!.* (?:or|\|) )", r"\1s", text)


def type_text(hint: Any) -> str:
    """A type in words: `integer >= 1`, `valid | same`, `list of integers`."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return " ".join([type_text(parts[0]), *map(str, bounds_of(hint))])
    if origin is typing.Literal:
        return " | ".join(dict.fromkeys(map(spelled, parts)))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(type_text, parts)))
    if origin is tuple and parts[-1] is not Ellipsis:
        return f"[{', '.join(map(type_text, parts))}]"
    if origin in (list, tuple, collections.abc.Sequence):
        return f"list of {_plural(type_text(parts[0]))}"
    if origin is dict:
        return f"{type_text(parts[0])} -> {type_text(parts[1])}"
    if isinstance(hint, type) and issubclass(hint, Configurable):
        return hint._family
    if isinstance(hint, type) and issubclass(hint, Specified):
        return "name of a function" if issubclass(hint, NamedFunction) else "list of strings"
    return WORDS.get(origin or hint) or (hint.__name__ if isinstance(hint, type) else str(hint))
