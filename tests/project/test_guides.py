"""The guides of docs/ keep their promises: their configs train, their code runs as it says."""

import re
from pathlib import Path

import pages
import pytest

import nnlite.errors
from nnlite.arrays.stored import StoredRows
from nnlite.cli import main
from nnlite.data.storage import batches, scanning
from nnlite.errors import NNLiteError
from nnlite.experiment import Experiment, train
from nnlite.layers.base import inputs
from nnlite.report import study
from nnlite.report.evidence import features, gradients, intervals, subject
from nnlite.tuning import importances, study as tuning_study

ROOT = Path(__file__).parents[2]
LARGE, TUNING, RELIABILITY, REPORT = (
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("large_data.md", "tuning.md", "reliability.md", "report.md")
)


def run_python(code, folder):
    """Run an example; each `print` with a comment prints what the comment says."""
    printed, promised = pages.run_code(code, folder), pages.promised(code)
    assert promised and [line for line in promised if line not in printed.splitlines()] == [], printed


def test_large_data_in_python_and_in_a_config(tmp_path, monkeypatch):
    for code in pages.blocks_of("python", LARGE):
        run_python(code, tmp_path)
    monkeypatch.chdir(tmp_path)
    (config,) = pages.blocks_of("yaml", LARGE)
    Path("trips.yaml").write_text(config)
    experiment = Experiment.from_file("trips.yaml")
    assert isinstance(experiment.prepare()[1].parts["training"][0], StoredRows)
    (kept,) = Path("cache").iterdir()
    assert train(experiment, quiet=True).metrics["test"]["r2"] > 0.95
    assert list(Path("cache").iterdir()) == [kept]


def test_large_data_names_the_numbers_of_the_code():
    assert scanning.SAMPLE_CELLS == 2**20 and scanning.MOST_LEVELS == 10_000
    assert batches.WINDOW_BYTES == 2**25 and batches.WINDOW_ROWS == 131_072 and batches.BLOCKS_OF_A_WINDOW == 32
    assert inputs.ADAPTED_ROWS == 100_000


def test_tuning(tmp_path, monkeypatch, capsys):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    Path("iris.yaml").write_text(pages.blocks_of("yaml", TUNING)[0])
    (code,) = pages.blocks_of("python", TUNING)
    run_python(code, tmp_path)
    search, best = pages.blocks_of("bash", TUNING)[0].splitlines()
    assert main(search.replace("--trials 20", "--trials 7").split()[1:]) == 0
    assert "6 trials are done, 1 to go" in capsys.readouterr().out
    assert main(best.split()[1:]) == 0


@pytest.mark.parametrize("command", ["report", "compare", "runs"])
def test_the_options_of_reports_are_those_of_the_command(command, capsys):
    (usage,) = re.findall(rf"^nnlite {command} (.*)$", REPORT, re.MULTILINE)
    with pytest.raises(SystemExit):
        main([command, "--help"])
    offered = set(re.findall(r"--[a-z]+", capsys.readouterr().out.partition("example")[0]))
    assert set(re.findall(r"--[a-z]+", usage)) == offered - {"--help", "--out"}  # by `-o` in the usage


def test_the_numbers_of_reports_are_those_of_the_code():
    assert (subject.MOST_ROWS, features.PERMUTED_ROWS, features.MOST_PERMUTED, features.DEPENDENCE_ROWS) == (
        2000, 1000, 30, 500,
    )  # fmt: skip
    assert (intervals.MOST_RESAMPLES, intervals.LEAST_RESAMPLES) == (200, 50)
    assert (gradients.MOST_ROWS, gradients.LEAST_ROWS, gradients.MOST_NUMBERS) == (256, 8, 2e7)
    assert (study.CURVES, tuning_study.SHOWN, importances.LEAST) == (6, 40, 8)


def test_reliability(tmp_path):
    (code,) = pages.blocks_of("python", RELIABILITY)
    run_python(code, tmp_path)
    (section,) = pages.blocks_of("yaml", RELIABILITY)
    start = "data: {source: {SklearnDataset: {name: iris}}}\nmodel: [Flatten]\ncompile: {}\n"
    (tmp_path / "c.yaml").write_text(start + section)
    assert Experiment.from_file(tmp_path / "c.yaml").checkpoint.to_spec() == {"every": "1 epoch", "keep": 3}


def test_reliability_lists_all_exit_codes():
    errors = [cls for cls in vars(nnlite.errors).values() if isinstance(cls, type) and issubclass(cls, Exception)]
    codes = {cls.exit_code for cls in errors if issubclass(cls, NNLiteError)}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", RELIABILITY, re.MULTILINE)}
    assert codes | {0, 130, 143} == listed
