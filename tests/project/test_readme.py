"""The README keeps its promises: code runs, commands are there (those of the tutorial too), numbers are measured."""

import functools
import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "tutorials" / "command_line.md").read_text(encoding="utf-8")
PROGRAMS = pages.blocks_of("python", README)


@pytest.fixture(scope="module")
def printed_by(tmp_path_factory):
    """What the program of a number prints; each runs once."""
    return functools.cache(lambda number: pages.run_code(PROGRAMS[number], tmp_path_factory.mktemp("program")))


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_python_example_runs(number, printed_by):
    if "pandas" in PROGRAMS[number]:
        pytest.importorskip("pandas")
    printed_by(number)


def test_python_example_learns(printed_by):
    accuracy = re.search(r"'accuracy': ([0-9.]+)", printed_by(0))
    assert float(accuracy[1]) >= 0.95


def test_example_of_a_table_learns(printed_by):
    pytest.importorskip("pandas")
    assert float(printed_by(1).splitlines()[-1]) >= 0.9


def test_examples_are_as_short_as_promised():
    lengths = [len([line for line in code.splitlines() if line.strip()]) for code in PROGRAMS]
    assert len(lengths) == 3 and max(lengths) <= 10
    assert len(README.splitlines()) <= 130


def test_numbers_are_those_of_the_benchmarks():
    spec = importlib.util.spec_from_file_location("readme_numbers", ROOT / "docs" / "readme_numbers.py")
    numbers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(numbers)
    assert numbers.written(README) == README, "run docs/readme_numbers.py"
    speed = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    step = re.search(r"^\| 13-64-64-1, batch 32 \| ([\d.]+) .*?\| ([\d.]+) ", speed, re.MULTILINE)
    shown = re.search(r"^\| a training step, 13-64-64-1, .*? \| ([\d.]+) us \| ([\d.]+) us", README, re.MULTILINE)
    assert [float(f"{float(value):.2g}") for value in step.groups()] == [float(value) for value in shown.groups()]
    rank = re.search(r"^\| nnlite \| ([\d.]+) ", (ROOT / "docs" / "tables.md").read_text("utf-8"), re.MULTILINE)
    assert f"nnlite {rank[1]}, CatBoost" in README


def test_files_that_are_named_exist():
    named = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"configs/\w+\.yaml", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_extras_are_those_of_the_package():
    shown = README.partition("Extras: ")[2].partition("\n\n")[0]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    declared = set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", shown)) == declared
    table = (ROOT / "docs" / "start" / "install.md").read_text(encoding="utf-8").partition("## Extras")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == declared
    (combined,) = re.findall(r'^all = \["nnlite\[(.*)\]"\]', extras, re.MULTILINE)
    left = re.findall(r"`(\w+)`", shown.partition("of them but")[2])
    assert set(left) == declared - set(combined.split(",")) - {"all"}


def test_every_page_is_listed():
    docs = ROOT / "docs"
    written = [*docs.glob("*.md"), *docs.glob("tutorials/*.md"), *docs.glob("migrating/*.md")]
    listed = set(re.findall(r"\]\((docs/[\w/]+\.md)\)", README.partition("## Pages")[2]))
    assert {path.relative_to(ROOT).as_posix() for path in written} - listed == set()


def write_flats(folder):
    """The table that the README speaks of: areas, cities with gaps, years, and rents."""
    rows = [(20 + 7 * n % 130, ("Bern", "Basel", "Chur", "")[n % 4], 1950 + n % 70) for n in range(300)]
    lines = [f"{area},{city},{year},{300 + 18 * area + 400 * (city == 'Bern') + year % 9}" for area, city, year in rows]
    (folder / "flats.csv").write_text("\n".join(["area,city,built,rent", *lines]) + "\n")
    (folder / "new.csv").write_text("city,area,built\nBern,70,1980\nChur,31,2001\n")


@pytest.mark.parametrize(("text", "count"), [(README, 7), (COMMANDS, 8)], ids=["README", "command_line.md"])
def test_commands_that_are_shown_run_in_order(text, count, tmp_path, monkeypatch, capsys):
    from nnlite.cli import main

    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    write_flats(tmp_path)
    lines = [
        part
        for block in pages.blocks_of("sh", text)
        for part in re.split(r"\n|&&", block)
        if part.strip().startswith("nnlite ")
    ]
    assert len(lines) == count
    for line in lines:
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    table = capsys.readouterr().out.split("run folder: runs/digits-1\n")[0].splitlines()
    accuracy = next(line.split()[1] for line in reversed(table) if line.split()[:1] == ["accuracy"])
    assert f"test accuracy is {float(accuracy):.2f}." in README


def test_commands_that_are_shown_exist():
    from nnlite.cli import main

    commands = set(re.findall(r"(?:`|^)nnlite\s([a-z]+)\b", README + COMMANDS, re.MULTILINE))
    assert commands >= {"init", "train", "report", "predict", "evaluate", "summary", "explain", "check", "tune", "runs"}
    assert commands >= {"circuit", "export", "rows"}
    for command in commands:
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
