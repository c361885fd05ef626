"""Runs beside each other, and the table of all runs."""

import math
import os
import re
import shutil

import pytest

from nnlite.cli import main
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import Experiment, train
from nnlite.report import compare, list_runs
from tests.report.runs import xor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, epochs, units in (("short", 2, 4), ("long", 40, 4), ("wide", 40, 16)):
        made = xor()
        made["fit"]["epochs"] = epochs
        made["model"][0]["Dense"]["units"] = units
        train(Experiment.get(made), folder / name, quiet=True)
        os.utime(folder / name / "metrics.json", (epochs * 1000 + units,) * 2)
    return folder


def test_differences_of_configs_and_metrics(folder):
    comparison = compare([folder / "short", folder / "wide"])
    assert comparison.names == ["short", "wide"]
    assert comparison.configs == [("model[0].Dense.units", "4", "16"), ("fit.epochs", "2", "40")]
    by_name = {name: values for part, name, values in comparison.metrics if part == "training"}
    text = str(comparison)
    change = by_name["loss"][1] - by_name["loss"][0]
    assert re.search(r"^training loss +[\d.]+ +[\d.]+ +-[\d.]+$", text, re.MULTILINE)
    assert float(re.search(r"^training loss .* ([-+][\d.]+)$", text, re.MULTILINE)[1]) == pytest.approx(
        change, rel=0.01
    )
    assert "<svg" in comparison.html
    shown = comparison._repr_html_()
    assert "fit.epochs" in shown and '<div class="f">' in shown and ".nn .f{" in shown  # curves side by side


def test_three_runs_and_equal_ones(folder, tmp_path):
    three = compare([folder / "short", folder / "long", folder / "wide"])
    assert len(three.configs[0]) == 4
    assert "difference" not in str(three)
    shutil.copytree(folder / "short", tmp_path / "short")
    same = compare([folder / "short", tmp_path / "short"])
    assert same.configs == []
    assert "no difference" in str(same)
    assert same.names == [str(folder / "short"), str(tmp_path / "short")]


def test_what_cannot_be_compared(folder, tmp_path):
    with pytest.raises(ConfigError, match="two runs or more, got 1"):
        compare([folder / "short"])
    with pytest.raises(DataError, match="not a run folder"):
        compare([folder / "short", tmp_path])


def test_runs_are_listed_latest_first_or_best_first(folder):
    assert [run.folder.name for run in list_runs(folder).runs] == ["wide", "long", "short"]
    by_loss = list_runs(folder, "loss").runs
    losses = [run.metrics["training loss"] for run in by_loss]
    assert losses == sorted(losses)
    scores = [run.metrics["training log_loss"] for run in list_runs(folder, "training.log_loss").runs]
    assert scores == sorted(scores)
    best = [run.metrics["training roc_auc"] for run in list_runs(folder, "roc_auc").runs]
    assert best == sorted(best, reverse=True)
    with pytest.raises(ConfigError, match="did you mean 'accuracy'"):
        list_runs(folder, "acuracy")


def test_damaged_folders_are_listed_as_such(folder, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(folder, runs)
    (runs / "short" / "metrics.json").write_text("[1", encoding="utf-8")
    (runs / "long" / "model.safetensors").unlink()
    (runs / "wide" / "config.yaml").write_text("a: [", encoding="utf-8")
    (runs / "notes").mkdir()
    (runs / ".hidden").mkdir()
    (runs / "file.txt").write_text("x", encoding="utf-8")
    table = list_runs(runs, None)
    damage = {run.folder.name: run.damage for run in table.runs}
    assert set(damage) == {"short", "long", "wide"}
    assert damage["short"].startswith("metrics.json: damaged")
    assert damage["long"] == "no model.safetensors"
    assert damage["wide"].startswith("config.yaml")
    assert str(table).count("damaged") >= 3
    assert list_runs(runs, "accuracy").runs[0].folder.name == "long"


def test_a_value_that_is_not_finite_comes_last(folder, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(folder, runs)
    path = runs / "wide" / "metrics.json"
    path.write_text(
        re.sub(r'"loss": [\d.e-]+', '"loss": null', path.read_text(encoding="utf-8"), count=1), encoding="utf-8"
    )
    assert [run.folder.name for run in list_runs(runs, "loss").runs][-1] == "wide"
    assert not any(math.isnan(value or 0) for run in list_runs(runs).runs for value in run.metrics.values())
    assert "\N{EN DASH}" in str(list_runs(runs))


def test_commands(folder, tmp_path, capsys):
    assert main(["runs", str(folder), "--sort", "loss"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]][-1] == "short"
    assert main(["compare", str(folder / "short"), str(folder / "long"), "--html", str(tmp_path / "c.html")]) == 0
    assert "fit.epochs" in capsys.readouterr().out
    assert "default-src 'none'" in (tmp_path / "c.html").read_text(encoding="utf-8")
    assert main(["runs", str(tmp_path / "nowhere")]) == 3
    assert main(["compare", str(folder / "short")]) == 2
    assert "two runs or more" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["runs", str(tmp_path / "empty")]) == 0
    assert "no run folders" in capsys.readouterr().out
