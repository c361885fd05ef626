"""docs/tables.md keeps its promises: its code runs, its config trains, and benchmarks have their places in it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import estimators
from benchmarks.report import around_markers
from benchmarks.tabular import commands

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
BLOCKS = {name: re.findall(rf"```{name}\n(.*?)```", TEXT, re.DOTALL) for name in ("python", "yaml")}


@pytest.mark.parametrize("code", BLOCKS["python"], ids=range(len(BLOCKS["python"])))
def test_python_example_runs(code, tmp_path):
    if "pandas" in code:
        pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shape = re.search(r"\.shape\)  # (.*)", code)
    assert shape is None or shape[1] in done.stdout


def test_the_config_trains(tmp_path, monkeypatch):
    from nnlite.experiment import Experiment, train

    (code,) = BLOCKS["yaml"]
    path = tmp_path / "table.yaml"
    path.write_text(code)
    monkeypatch.chdir(tmp_path)
    assert train(Experiment.from_file(path, ["fit.epochs=8"]), quiet=True).metrics["test"]["accuracy"] > 0.9


def test_benchmarks_have_their_places():
    for module in (commands, estimators):
        assert module.DOCUMENT == ROOT / "docs" / "tables.md"
        assert len(around_markers(module.DOCUMENT, module.SECTION)) == 2


def test_pages_that_are_named_exist():
    named = [name for name in re.findall(r"\]\(([^)#]+)\)", TEXT) if not name.startswith("https://arxiv.org/abs/")]
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []
