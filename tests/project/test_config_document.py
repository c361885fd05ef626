"""docs/config.md: its files are written, its commands are run, and they print what it says."""

import re
import shlex
from pathlib import Path

import pytest

from nnlite.cli import main
from nnlite.documents import parse

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(yaml|console)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("DATASET", raising=False)
    for kind, text in BLOCKS:
        if kind == "yaml" and (name := re.match(r"# (\w+\.yaml)\n", text)):
            Path(name[1]).write_text(text)


def commands():
    """`(arguments, how many of the last lines are shown, what is printed)` of each command."""
    for kind, text in BLOCKS:
        for command in re.split(r"^\$ nnlite ", text, flags=re.MULTILINE)[1:] if kind == "console" else ():
            line, _, printed = command.partition("\n")
            arguments, piped, _ = line.partition(" | tail")
            yield shlex.split(arguments), 1 if piped else None, printed


@pytest.mark.parametrize(("arguments", "last", "printed"), list(commands()))
def test_commands_print_what_the_page_says(folder, capsys, arguments, last, printed):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert code == (2 if "nnlite: error: " in err else 0)
    shown = (out + err if code else out).splitlines(keepends=True)  # a short training has doubts besides
    text = "".join(shown[-last:] if last else shown)
    assert without_counts(text) == without_counts(printed)


def without_counts(text):
    """The same, however many layers and activations there are."""
    return re.sub(r"shows all \d+", "shows all", text)


def test_an_included_file_is_merged_as_the_page_says(folder, capsys):
    assert main(["config", "longer.yaml", "--json"]) == 0
    values = parse(capsys.readouterr().out, "json")[1]
    assert values["fit"]["epochs"] == 10 and values["fit"]["max_time"] == "10m"
    assert list(values["compile"]["optimizer"]) == ["SGD"] and len(values["model"]) == 3


def test_the_page_has_enough_examples():
    assert len(list(commands())) >= 9
