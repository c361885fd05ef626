"""Writes docs/reference: every key of a config, everything that a config can name, and every command, from the code.

    PYTHONPATH=. python docs/reference_pages.py            # writes the pages
    PYTHONPATH=. python docs/reference_pages.py --check    # exit code 1 where a page is not what would be written

Types and ranges come from annotations, meanings from docstrings, commands from the parser of the command line.
"""

import argparse
import importlib
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import nnlite.circuits  # noqa: F401 - its layers are known once it is imported
from nnlite.cli import GROUPS
from nnlite.experiment import Experiment
from nnlite.experiment.arguments import CallArguments, call_parameters
from nnlite.experiment.catalogue import KINDS, spelled_default
from nnlite.experiment.graphs import ModelGraph
from nnlite.registry import Configurable, Section, constructor_parameters, default_value, field_hints, normalized
from nnlite.registry.descriptions import argument_texts, summary_of, type_text
from nnlite.registry.field_types import annotations

FOLDER = Path(__file__).resolve().parent / "reference"
MADE = "`python docs/reference_pages.py` makes this page from the code; do not edit it by hand."
HEAD = "| key | type | default | meaning |\n|---|---|---|---|"
Row = tuple[str, str, str, str]
Entry = tuple[str, object, str, str]  # name, type, default, meaning


def cell(text: str) -> str:
    """Text in a cell of a table: on one line, and nothing in it is markup but code."""
    parts = " ".join(text.split()).replace("|", r"\|").split("`")
    plain = [re.sub(r"([*$~\[\]])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    parts[::2] = plain
    return "`".join(parts)


def anchor(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def members(family: type[Configurable]) -> dict[str, type[Configurable]]:
    """The classes of a kind that nnlite brings."""
    return {name: cls for name, cls in family.members().items() if cls.__module__.startswith("nnlite.")}


def entries(cls: type) -> list[Entry]:
    """The arguments of a configurable class, or of the method that a section of arguments stands for."""
    if issubclass(cls, CallArguments):
        parameters, hints = call_parameters(cls.function, cls.excluded), annotations(cls.function)
        texts, defaults = argument_texts(cls.function), {name: entry.default for name, entry in parameters.items()}
    else:
        parameters, hints, texts = constructor_parameters(cls), field_hints(cls), argument_texts(cls)
        defaults = {name: default_value(cls, name, parameter.default) for name, parameter in parameters.items()}
    return [
        (name, hints.get(name, Any), _default(hints.get(name, Any), defaults[name]), texts.get(name, ""))
        for name in parameters
    ]


def _default(hint: object, default: object) -> str:
    return "" if sections(hint) and isinstance(default, Mapping) else spelled_default(default)


def inside(hint: object) -> Iterator[type]:
    """All classes in a type."""
    if isinstance(hint, type):
        yield hint
    for part in get_args(hint):
        yield from inside(part)


def sections(hint: object) -> list[type]:
    """The sections in a type: classes whose arguments stand alone."""
    return [cls for cls in inside(hint) if issubclass(cls, (Section, CallArguments))]


def headings() -> dict[type, str]:
    """Section -> its heading, in the order of the file: that of `data.split` is "data.split"."""
    places: dict[type, str] = {}
    waiting = [(name, hint) for name, hint, *_ in entries(Experiment)]
    for kind in KINDS.values():
        for cls in members(kind).values():
            waiting += [(f"{name} of a {kind._family}", hint) for name, hint, *_ in entries(cls)]
    while waiting:
        path, hint = waiting.pop(0)
        for cls in sections(hint):
            if cls not in places:
                places[cls] = "model, as a graph" if cls is ModelGraph else path
                stem = "model" if cls is ModelGraph else path
                waiting = [(f"{stem}.{name}", inner) for name, inner, *_ in entries(cls)] + waiting
    return places


def linked(hint: object, places: Mapping[type, str]) -> str:
    """A type in words, with links to the kinds and sections in it."""
    text = cell(type_text(hint))
    for cls in sections(hint):
        word = "list of strings" if issubclass(cls, CallArguments) else "section"
        text = text.replace(word, f"[section](config_keys.md#{anchor(places[cls])})", 1)
    for kind, family in KINDS.items():
        if any(issubclass(cls, family) for cls in inside(hint)):
            text = re.sub(rf"(?<![\w\[]){family._family}\b", f"[{family._family}]({kind}.md)", text, count=1)
    return text


def table(rows: list[Entry], places: Mapping[type, str]) -> list[str]:
    """A table of arguments."""
    return [HEAD] + [
        f"| `{name}` | {linked(hint, places)} | {_code(default)} | {cell(meaning)} |"
        for name, hint, default, meaning in rows
    ]


def _code(text: str) -> str:
    return text if text in ("", "required") else f"`{text}`".replace("|", r"\|")


def config_keys(places: Mapping[type, str]) -> str:
    """The page of sections."""
    lines = [
        "# Keys of a config", "",
        "Each key that `nnlite train` reads, with type, default and meaning. [Configs](../config.md) explains the",
        "language, `nnlite schema` writes the same as JSON Schema, and `nnlite config CONFIG --render` shows a config",
        "with all defaults. Where the type is a [layer](layers.md), a [loss](losses.md) or another kind, the value is",
        "a name or `{name: {argument: value}}`; [the lists](lists.md) have all names.", MADE, "",
        "## The file", "", *table(entries(Experiment), places),
        "| `include` | string or list of strings |  | A file, or a list of files, that this one is laid over. |",
        "| `variables` | mapping |  | Values for references, such as `${variables.width}`. |",
    ]  # fmt: skip
    for cls, heading in places.items():
        lines += ["", f"## {heading}", "", f"{_meaning(cls)}.", "", *table(entries(cls), places)]
    return "\n".join(lines) + "\n"


def _meaning(cls: type) -> str:
    return cell(summary_of(cls)).replace("Those of", "The arguments of")


def kind_page(kind: str, places: Mapping[type, str]) -> str:
    """The page of a kind: the arguments of each class, without those that most of them share."""
    family = KINDS[kind]
    rows = {name: entries(cls) for name, cls in members(family).items()}
    counts = Counter(row for own in rows.values() for row in map(_hashable, own))
    shared = {row: entry for own in rows.values() for entry in own
              if counts[row := _hashable(entry)] > max(0.7 * len(rows), 9)}  # fmt: skip
    lines = [f"# Keys of {kind}", "", f"The arguments of each class; [one line each](lists.md#{kind}).",
             f"`nnlite list {kind} NAME` shows the same in a terminal.", MADE]  # fmt: skip
    if shared:
        lines += ["", "All of them also take these, unless it is said that one does not:", ""]
        lines += table(list(shared.values()), places)
    for name, cls in members(family).items():
        lines += ["", f"## {name}", "", _introduced(name, cls)]
        left = [row for row in rows[name] if _hashable(row) not in shared]
        lines += ["", *table(left, places)] if left else ["", "No arguments of its own." if shared else "No arguments."]
        missing = {entry[0] for entry in shared.values()} - {row[0] for row in rows[name]}
        if missing:
            lines += ["", f"It does not take {', '.join(f'`{key}`' for key in sorted(missing))}."]
    return "\n".join(lines) + "\n"


def _hashable(entry: Entry) -> Row:
    return (entry[0], str(entry[1]), *entry[2:])


def _introduced(name: str, cls: type[Configurable]) -> str:
    """What a class is, its further names, and where it is imported from."""
    aliases = sorted(key for key, other in cls._members.items() if other is cls and key != normalized(name))
    named = f" Also named {', '.join(f'`{alias}`' for alias in aliases)}." if aliases else ""
    room = cls.__module__.split(".")[1]
    return f"{cell(summary_of(cls))}.{named} In Python: `nnlite.{room}.{name}`."


def lists() -> str:
    """The page that has one line for everything."""
    lines = ["# All layers, losses, metrics and the rest", "",
             "One line each; names lead to their arguments.", MADE]  # fmt: skip
    for kind, family in KINDS.items():
        lines += ["", f"## {kind.capitalize()}", "", f"{cell(summary_of(family))}.", "", "| name | |", "|---|---|"]
        for name, cls in members(family).items():
            lines.append(f"| [{name}]({kind}.md#{anchor(name)}) | {cell(summary_of(cls))} |")
    lines += [
        "",
        "## Estimators",
        "",
        "Of `nnlite.estimators`, in scikit-learn's manner.",
        "",
        "| name | |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {cell(summary_of(cls))} |" for name, cls in _public_classes("estimators", "fit")]
    lines += [
        "",
        "## Ops",
        "",
        "Of `nnlite.ops`: functions with a derivative, as classes.",
        "",
        "| name | |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {cell(summary_of(cls))} |" for name, cls in _public_classes("ops", "linearize")
              if not issubclass(cls, KINDS["activations"])]  # fmt: skip
    return "\n".join(lines) + "\n"


def _public_classes(room: str, method: str) -> list[tuple[str, type]]:
    """The classes of a room that have a method, by name."""
    classes = {id(cls): (name, cls) for name, cls in inspect.getmembers(importlib.import_module(f"nnlite.{room}"),
                                                                       inspect.isclass)}  # fmt: skip
    return sorted((name, cls) for name, cls in classes.values() if method in dir(cls) and name == cls.__name__)


def command_line() -> str:
    """The page of commands."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for group in GROUPS:
        group.add_commands(commands)
    lines = ["# Commands", "", "Each command of `nnlite`, with its arguments, as `nnlite COMMAND --help` shows them.",
             MADE, "", "| command | |", "|---|---|"]  # fmt: skip
    helps = {action.dest: action.help or "" for action in commands._choices_actions}
    lines += [f"| [{name}](#nnlite-{name}) | {cell(helps[name])} |" for name in commands.choices]
    for name, command in commands.choices.items():
        lines += list(_command(f"nnlite {name}", command))
    lines += ["", "Exit codes: [reliability](../reliability.md)."]
    return "\n".join(lines) + "\n"


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """The lines of one command, and of those below it."""
    yield from ("", f"## {name}", "", cell(parser.description or ""))
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    rows = [action for action in parser._actions if action not in below and action.dest != "help"]
    if rows:
        yield from ("", "| argument | meaning |", "|---|---|")
    for action in rows:
        meaning = (action.help or "").removesuffix(" (default: %(default)s)")  # Python 3.10 adds it to `--x, --no-x`
        yield f"| {_spelled(action)} | {cell(meaning % {**vars(action), 'prog': name})} |"
    if parser.epilog:
        yield from ("", "```sh", *(line.strip() for line in parser.epilog.splitlines()[1:]), "```")
    for action in below:
        for inner, command in action.choices.items():
            yield from _command(f"{name} {inner}", command)


def _spelled(action: argparse.Action) -> str:
    """An argument as it is written: `-o FILE`, `--out FILE`."""
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    value = " ".join(value) if isinstance(value, tuple) else value
    if action.nargs in ("?", "*"):
        value = f"[{value}]"
    if not action.option_strings:
        return f"`{value}`".replace("|", r"\|")
    value = "" if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction) else f" {value}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings).replace("|", r"\|")


def pages() -> dict[str, str]:
    """File -> text of each page."""
    places = headings()
    kinds = {f"{kind}.md": kind_page(kind, places) for kind in KINDS}
    return {"config_keys.md": config_keys(places), "lists.md": lists(), "command_line.md": command_line(), **kinds}


def main() -> int:
    """Write the pages, or say which are not as they should be."""
    parser = argparse.ArgumentParser(description="Write docs/reference.")
    parser.add_argument("--check", action="store_true", help="compare instead")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages are")
    arguments, made = parser.parse_args(), pages()
    if not arguments.check:
        arguments.folder.mkdir(exist_ok=True)
        for name, text in made.items():
            (arguments.folder / name).write_text(text, encoding="utf-8")
        return 0
    there = {path.name: path.read_text(encoding="utf-8") for path in arguments.folder.glob("*.md")}
    wrong = sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))
    for name in wrong:
        print(f"{name} is not what docs/reference_pages.py writes: run it")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
