"""The benchmarks of small regression tasks and of monotone networks, on little data and time."""

import json

import numpy as np
import pytest

from benchmarks import monotone, regression


def test_ten_tasks_are_of_the_sizes_that_are_meant():
    assert len(regression.TASKS) == 10
    for task in regression.TASKS.values():
        (x, y), (new, targets) = regression.data(task, 0)
        assert x.shape == (len(y), task.columns) and len(y) + len(targets) == task.rows <= 2000
        assert abs(x.mean()) < 1e-12 and y.std() == pytest.approx(1) and new.shape[1] == task.columns
        assert 50 <= task.parameters <= 1000


def test_small_regression_tasks(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    path = tmp_path / "runs.jsonl"
    arguments = ["--seconds", "0.15", "--seeds", "1", "--tasks", "sine", "--file", str(path)]
    regression.main(arguments)
    printed = capsys.readouterr().out
    runs = {key[0]: errors for key, errors in map(json.loads, path.read_text().splitlines())}
    assert list(runs) == list(regression.ENGINES)
    assert all(0 < learnt < 1 for learnt, _ in runs.values())
    assert printed.splitlines()[-1].startswith("| sine | 500, 61 | ")
    monkeypatch.setattr(regression, "run", None)  # nothing is run again
    regression.main(arguments)
    assert capsys.readouterr().out == printed


def test_pairs_in_the_wrong_direction_are_counted():
    x = np.random.default_rng(0).uniform(size=(50, 2))
    right = monotone.violations(lambda rows: rows[:, 0] - rows[:, 1], x, [1, -1], 1000, 1.0, 0)
    wrong = monotone.violations(lambda rows: -rows[:, 0], x, [1, 0], 1000, 1.0, 0)
    assert right == 0 and wrong == 1000
    assert monotone.wrong_slopes(x, x[:, 0] - x[:, 1], [1, -1], 0) == 0


def test_monotone_networks_beside_lightgbm(capsys):
    pytest.importorskip("lightgbm")
    monotone.main(["--splits", "1", "--pairs", "1000", "--sets", "iris"])
    assert "| iris | 1 of 3 |" in capsys.readouterr().out
