"""The pages of the API reference, one for each room or group of names, as reStructuredText."""

import inspect
from collections.abc import Iterator
from pathlib import Path

from docs.building.docstrings import inline
from docs.building.names import Name, Page, all_names, entries, pages
from nnlite.registry.descriptions import summary_of

__all__ = ["write_reference"]

MEMBERS = (classmethod, staticmethod, property)


def write_reference(folder: Path) -> None:
    """Write the pages into `folder`; files that would not change are left, so that Sphinx does not read them again."""
    tree = pages()
    described = entries(all_names(tree))
    texts = {"index.rst": _index(tree)}
    for page in (page for listed in tree.values() for page in listed):
        for part in (page, *page.parts):
            texts[f"{part.file}.rst"] = "\n".join(_page(part, described))
    folder.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in folder.glob("*.rst")} - texts.keys():
        (folder / stale).unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _index(tree: dict[str, list[Page]]) -> str:
    lines = [*_heading("API reference", "="), "All public names, by the module to import them from.", ""]
    for heading, listed in tree.items():
        lines += [*_heading(heading, "-"), *_toctree(page.file for page in listed), ".. list-table::"]
        lines += ["   :class: names", "   :widths: 30 70", ""]
        for page in listed:
            lines += [f"   * - :doc:`{page.room} <{page.file}>`", f"     - {inline(_module_summary(page.room))}"]
        lines += [""]
    return "\n".join(lines)


def _page(page: Page, described: dict[str, str]) -> Iterator[str]:
    title = page.title if page.group else f"``{page.room}``"
    yield from _heading(title, "=")
    if page.group:
        yield from [f"Part of :doc:`{page.room} <{page.room.removeprefix('nnlite.')}>`; import from there.", ""]
    else:
        yield from [f"{inline(_module_summary(page.room))}.", ""]
    yield from [f".. currentmodule:: {page.room}", ""]
    if page.parts:
        yield from _toctree(part.file for part in page.parts)
        for part in page.parts:
            yield from [f":doc:`{part.title} <{part.file}>`", ""]
            yield from [f"   {', '.join(_link(name) for name in part.names)}", ""]
    if page.names:
        yield from _table(page.names, described)
        for name in page.names:
            yield from _entry(name, described[name.path])


def _table(names: list[Name], described: dict[str, str]) -> Iterator[str]:
    yield from [".. list-table::", "   :class: names", "   :widths: 30 70", ""]
    for name in names:
        yield from [f"   * - {_link(name)}", f"     - {_summary(name, described[name.path])}"]
    yield ""


def _summary(name: Name, described: str) -> str:
    room, _, called = described.rpartition(".")
    if room == name.room and called != name.name:
        return f"alias of :py:obj:`{called} <{described}>`"
    return f"``{_value(name)}``" if name.kind == "data" else inline(summary_of(name.value))


def _link(name: Name) -> str:
    return f":py:obj:`{name.name} <{name.path}>`"


def _entry(name: Name, described: str) -> Iterator[str]:
    if described != name.path:
        yield from [f".. py:{name.kind}:: {name.name}", "   :no-index-entry:", ""]
        yield from [f"   Alias of :py:obj:`{described}`.", ""]
    elif name.kind == "data":
        yield from [f".. py:data:: {name.name}", f"   :value: {_value(name)}", ""]
    elif name.kind == "function":
        yield from [f".. autofunction:: {name.path}", ""]
    else:
        yield from [f".. auto{name.kind}:: {name.path}", "   :show-inheritance:"]
        members = ", ".join(_members(name.value))
        yield from [f"   :members: {members}", ""] if members else [""]


def _members(cls: type) -> Iterator[str]:
    """The public methods and properties that a class itself defines and describes."""
    for name, value in vars(cls).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, MEMBERS)):
            function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
            if function.__doc__ or not any(name in vars(base) for base in cls.__mro__[1:]):
                yield name


def _value(name: Name) -> str:
    text = repr(name.value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _module_summary(room: str) -> str:
    return summary_of(inspect.getmodule(__import__(room, fromlist=["_"])))


def _heading(title: str, line: str) -> list[str]:
    return [title, line * len(title), ""]


def _toctree(files: Iterator[str]) -> list[str]:
    return [".. toctree::", "   :hidden:", "", *(f"   {file}" for file in files), ""]
