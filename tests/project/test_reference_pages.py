"""docs/reference is what docs/reference_pages.py writes, and has every key, class and command there is."""

import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from registered import registered

from nnlite.experiment.catalogue import KINDS, catalogue
from nnlite.experiment.schema import config_schema
from nnlite.registry import constructor_parameters
from nnlite.registry.descriptions import type_text

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}


def check(folder=FOLDER):
    """The program's word on the pages of a folder, in a process without the classes of tests."""
    command = [sys.executable, ROOT / "docs" / "reference_pages.py", "--check", "--folder", folder]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def test_the_pages_are_what_the_program_writes():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_page_that_is_changed_too_many_or_missing_is_told(tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "lists.md").write_text(PAGES["lists"].replace("Dense", "Dance"))
    (tmp_path / "layers.md").unlink()
    (tmp_path / "more.md").write_text("# More\n")
    done = check(tmp_path)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["layers.md", "lists.md", "more.md"]


def section(text, heading):
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def keys(text):
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_all_keys_of_the_schema_are_there():
    schema = config_schema()
    assert keys(section(PAGES["config_keys"], "The file")) == set(schema["properties"])
    for name in ("data", "compile", "fit", "checkpoint", "search"):
        assert keys(section(PAGES["config_keys"], name)), name
    assert {"validation", "test", "group"} <= keys(section(PAGES["config_keys"], "data.split"))


@pytest.mark.parametrize("kind", KINDS)
def test_all_classes_of_a_kind_are_there_with_their_arguments(kind):
    shared = keys(PAGES[kind].partition("\n## ")[0])
    listed = section(PAGES["lists"], kind.capitalize())
    for name, cls in registered(KINDS[kind]).items():
        text = section(PAGES[kind], name)
        refused = set(re.findall(r"`(\w+)`", text.partition("It does not take")[2]))
        assert (keys(text) | shared) - refused == set(constructor_parameters(cls)), name
        assert f"| [{name}]({kind}.md#{name.lower()}) | " in listed
        assert name in catalogue(kind)
        (path,) = re.findall(r"In Python: `([\w.]+)`", text)
        assert pkgutil.resolve_name(path) is cls


def test_all_links_lead_somewhere():
    def anchors(text):
        headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    for name, text in PAGES.items():
        for target, place in set(re.findall(r"\]\(([\w./]*)#([\w-]+)\)", text)):
            path = (FOLDER / target) if target else FOLDER / f"{name}.md"
            assert place in anchors(path.read_text(encoding="utf-8")), (name, target, place)


def test_all_commands_are_there(capsys):
    from nnlite.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    (\w[\w-]*)", capsys.readouterr().out.partition("COMMAND\n")[2], re.MULTILINE)
    assert len(commands) >= 20
    for command in commands:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = section(PAGES["command_line"], f"nnlite {command}")
        for option in set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out.partition("\nexample")[0])) - {
            "--help"
        }:
            assert f"`{option}" in text or option in text, (command, option)
    assert "## nnlite circuit query" in PAGES["command_line"]


def test_there_is_no_markup_but_tables_links_and_code():
    for text in PAGES.values():
        for line in text.splitlines():
            if line.startswith("|"):
                plain = re.sub(r"`[^`]*`", "", line)
                assert not re.search(r"(?<!\\)[*$~]|<\w", plain), line
                assert len(re.findall(r"(?<!\\)\|", line)) in (3, 5), line


@pytest.mark.parametrize("page", sorted(set(PAGES) - {"config_keys", "command_line", "lists", "index"}))
def test_every_argument_has_a_meaning(page):
    rows = re.findall(r"^\| `\w+` \|.*\|$", PAGES[page], re.MULTILINE)
    assert rows
    assert not [row for row in rows if row.endswith("|  |")]


def test_names_that_share_a_meaning_may_take_two_lines():
    depthwise = section(PAGES["layers"], "DepthwiseConv1D")
    meanings = dict(re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", depthwise, re.MULTILINE))
    assert meanings["depthwise_constraint"] == "of the kernel."
    assert meanings["padding"] == meanings["bias_regularizer"] == 'as in `Conv1D`; there is no "causal" padding.'


def test_types_of_several_values_are_plural():
    assert type_text(tuple[int, ...] | None) == "list of integers or null"
    assert type_text(list[str]) == "list of strings"
