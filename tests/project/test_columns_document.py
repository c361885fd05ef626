"""docs/columns.md keeps its promises: its commands and its config run, and its tables name what there is."""

import json
import re
import shlex
from pathlib import Path
from typing import get_args

import numpy as np
import pages
import pytest

from nnlite.cli import main
from nnlite.data import Data, DataSource
from nnlite.data.encoders import choices, fitting
from nnlite.data.profile import kinds, leaks, profile
from nnlite.documents import parse

TEXT = (Path(__file__).parents[2] / "docs" / "columns.md").read_text(encoding="utf-8")
(CONFIG,) = pages.blocks_of("yaml", TEXT)


@pytest.fixture
def flats(tmp_path, monkeypatch):
    """A table with the columns of the page's config, at random."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    lines = ["zip,pay,age,size,joined,hour,note,rent"]
    for number in range(60):
        pay, age, hour = random.lognormal(8), random.integers(18, 80), random.integers(24)
        size, day, month = random.choice(["S", "M", "L"]), random.integers(1, 29), random.integers(1, 13)
        lines.append(
            f"{random.choice([3011, 4051, 8001])},{pay:.2f},{age},{size},{month:02}/{day:02}/2020,{hour},"
            f"a quiet room {number},{500 + 10 * age + pay / 100:.2f}"
        )
    Path("flats.csv").write_text("\n".join(lines) + "\n")


def test_the_commands_run(flats, capsys):
    commands = re.findall(r"^    nnlite (.*?)(?: +#.*)?$", TEXT, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["data", "init", "train"]
    for command in commands:
        short = ["--set", "fit.epochs=1", "--quiet"] if command.startswith("train") else []
        assert main([*shlex.split(command), *short]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert main([*shlex.split(commands[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["columns"]


def test_the_config_gives_each_column_what_it_says(flats):
    source = DataSource.get(parse(CONFIG, "columns.md")[1]["data"]["source"])
    prepared = Data(source, {"validation": 0.2, "test": 0.2}).prepare("regression", seed=0)
    encoders = {encoder.name: encoder for encoder in prepared.preprocessing.inputs.columns}
    assert {name: type(encoder).__name__ for name, encoder in encoders.items()} == {
        "zip": "OneHot", "pay": "Logarithm", "age": "Numeric", "size": "Ranks", "joined": "Dates", "hour": "Cyclic"
    }  # fmt: skip
    assert encoders["size"].categories == ["S", "M", "L"] and encoders["joined"].form == "%m/%d/%Y"
    assert encoders["hour"].period == 24


def rows(title):
    """The first two cells of each row of a table."""
    (table,) = re.findall(rf"^\| {title} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return re.findall(r"^\| (.*?) \| (.*?) \|", table, re.MULTILINE)


def test_the_tables_name_what_there_is():
    assert {name.strip("`") for name, _ in rows("kind")} == set(kinds.KINDS)
    assert {name.strip("`") for name, _ in rows("encoding")} == set(choices.ENCODINGS)
    treatments = [name for names, _ in rows("missing") for name in re.findall(r"`(\w+)`", names)]
    assert sorted(treatments) == sorted(get_args(choices.Missing))


def test_the_numbers_are_those_of_the_code():
    shares = (kinds.MOSTLY, kinds.NEARLY_ALL, kinds.HALF, kinds.WORDS_OF_TEXT)
    assert shares == (0.95, 0.95, 0.5, 3) and (kinds.MOST_CODES, kinds.ROWS_OF_A_CODE, kinds.FEWEST_ROWS) == (50, 5, 10)
    assert (leaks.FEWEST_ROWS, leaks.NEARLY_ONE, leaks.ROWS_OF_A_LEVEL) == (20, 0.999, 10)
    assert profile.MOST_ONE_HOT == 8 and fitting.column.MOST_ONE_HOT == 64
    assert fitting.numbers.QUANTILES == 256 and fitting.table.TEXT_WIDTH == 128
