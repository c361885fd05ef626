"""nnlite's docstrings are Google's sections in plain text with `code` in backticks; Sphinx reads reStructuredText."""

import functools
import inspect
import re
from typing import Any

from docs.building.names import all_names, entries, pages
from nnlite.registry.configurable import Configurable, constructor_parameters
from nnlite.registry.descriptions import argument_texts

__all__ = ["convert", "inline", "public_bases", "targets"]

CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
SPECIAL = re.compile(r"(?<!\\)([*|\\]|_(?=\W|$))")
DOCTEST = ">>> "


def inline(text: str) -> str:
    """A paragraph: what stands in backticks becomes a link or code, everything else stays as it is written."""
    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [SPECIAL.sub(r"\\\1", text[end : code.start()]), _code(code[2], text[code.end() : code.end() + 1])]
        end = code.end()
    return "".join([*parts, SPECIAL.sub(r"\\\1", text[end:])])


def _code(text: str, following: str) -> str:
    target = targets().get(text.removesuffix("()"))
    marked = f":py:obj:`{text} <{target}>`" if target else f"``{text.strip()}``"
    return marked + ("\\ " if following.isalnum() else "")


@functools.cache
def targets() -> dict[str, str]:
    """How docstrings and annotations call a name -> the path where it is described.

    A name is known by its path, by its path without `nnlite`, by the module where it is defined and, where it is not
    ambiguous and begins with a capital, alone.
    """
    names = all_names(pages())
    described = entries(names)
    known: dict[str, set[str]] = {}
    for name in names:
        path = described[name.path]
        known.setdefault(name.path, set()).add(path)
        known.setdefault(name.path.removeprefix("nnlite."), set()).add(path)
        if name.kind != "data":
            known.setdefault(f"{name.home}.{name.value.__qualname__}", set()).add(path)
        if name.name[0].isupper():
            known.setdefault(name.name, set()).add(path)
    return {called: min(paths) for called, paths in known.items() if len(paths) == 1}


def convert(app: Any, what: str, name: str, documented: Any, options: Any, lines: list[str]) -> None:
    """Sphinx's `autodoc-process-docstring`, before napoleon reads the sections."""
    text = _several_results("\n".join(lines))
    blocks = re.split(r"(\n\s*\n)", text)
    lines[:] = "".join(block if block.lstrip().startswith(DOCTEST) else inline(block) for block in blocks).split("\n")
    if what == "class" and issubclass(documented, Configurable) and hasattr(documented, "_members"):
        lines += _inherited_arguments(documented)


def public_bases(app: Any, name: str, documented: type, options: Any, bases: list[Any]) -> None:
    """Sphinx's `autodoc-process-bases`: in place of a base that is not public, its own first public base."""
    known = targets()
    lineages = [getattr(base, "__mro__", (base,)) for base in bases]
    public = [next((cls for cls in lineage if _path(cls) in known), lineage[-1]) for lineage in lineages]
    bases[:] = list(dict.fromkeys(base for base in public if base is not object)) or [object]


def _path(cls: Any) -> str:
    return f"{cls.__module__}.{cls.__qualname__}" if isinstance(cls, type) else ""


def _several_results(text: str) -> str:
    """The section of results, if it names several: to napoleon the first name would be the type of one result."""
    section = re.search(r"^Returns:\n((?:    .*\n?|\n)*)", text, re.MULTILINE)
    if section and len(re.findall(r"^    \w[\w, ]*: ", section[1], re.MULTILINE)) > 1:
        return f"{text[: section.start()]}Results:\n{section[1]}{text[section.end() :]}"
    return text


def _inherited_arguments(cls: type[Configurable]) -> list[str]:
    """Arguments that the docstring of a base class describes, or that of the class which this one refers to."""
    described = _described(inspect.cleandoc(cls.__doc__ or ""))
    texts = argument_texts(cls)
    others = [name for name in constructor_parameters(cls) if name in texts and name not in described]
    if not others:
        return []
    return ["", "Other Parameters:", *(f"    {name}: {inline(texts[name])}" for name in others), ""]


def _described(docstring: str) -> set[str]:
    listed = re.findall(r"^    (\w[\w, .]*): ", docstring, re.MULTILINE)
    return {name.strip() for names in listed for name in names.split(",")}
