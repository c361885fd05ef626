"""docs/where_it_runs.md keeps its promises: its sizes, what can be left out, and where the script lies."""

import re
from pathlib import Path

import numpy as np

import nnlite
from nnlite import Input, Sequential
from nnlite.layers import Dense

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "where_it_runs.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_versions_and_libraries_are_those_of_the_project():
    assert (
        re.search(r"need only Python (\S+) or newer", TEXT)[1] == re.search(r'requires-python = ">=(.*)"', PROJECT)[1]
    )
    (left_out,) = re.findall(r"`pip install --no-deps nnlite` omits (.*?), and with them", TEXT, re.DOTALL)
    named = {name.lower() for name in re.split(r", | and ", left_out)}
    (required,) = re.findall(r"^dependencies = \[(.*?)^\]", PROJECT, re.DOTALL | re.MULTILINE)
    assert {"numpy", *named} == set(re.findall(r'"([\w-]+)', required))


def test_files_that_are_named_are_there():
    named = re.findall(r"`((?:tests|\.ci)/[\w./]+)`", TEXT)
    assert len(named) == 2 and [name for name in named if not (ROOT / name).exists()] == []


def test_the_package_is_as_small_as_it_says():
    size = sum(path.stat().st_size for path in Path(nnlite.__file__).parent.rglob("*.py"))
    assert round(size / 10**6) == int(re.search(r"adds some (\d+) MB of Python files", TEXT)[1])


def test_a_model_file_is_4_bytes_for_each_parameter_and_a_third_of_one_with_the_state_of_adam(tmp_path):
    model = Sequential([Input((200,)), Dense(200), Dense(1)], seed=0)
    model.compile("adam", "mse")
    model.fit(np.ones((4, 200)), np.ones(4), verbose=0)
    sizes = []
    for include in (False, True):
        path = tmp_path / f"{include}.safetensors"
        model.save(path, include_optimizer=include)
        sizes.append(path.stat().st_size)
    assert 0 < sizes[0] - 4 * model.count_params() < 9_000
    assert abs(sizes[1] / sizes[0] - 3) < 0.1
