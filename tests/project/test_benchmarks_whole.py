"""`benchmarks whole`: trainings to a result, the same task in each engine, and the table of what it took."""

import argparse
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import to_result
from benchmarks.peers.base import Peer
from benchmarks.runner import ROOT, environment
from benchmarks.to_result import DATA, TASKS, _images, _row, _table, _train, _write_data
from nnlite import load_model

OPTIONS = SimpleNamespace(housing=None, images=None, threads=1, rounds=2, peers=["torch", "jax"])


def test_nnlite_trains_until_the_loss_is_reached_and_saves(tmp_path):
    _write_data("digits", tmp_path, OPTIONS)
    task = replace(TASKS["digits"], wanted=0.5)
    answer = _train("nnlite", task, 1, tmp_path)
    assert answer["reached"] and 1 < answer["epochs"] < task.epochs
    with np.load(tmp_path / DATA) as data:
        x, y = data["held_x"], data["held_y"]
        assert len(x) == 359 and len(data["x"]) == 1797 - 359
    outputs = load_model(tmp_path / "model.safetensors").predict(x, verbose=0)
    assert Peer(task.case, 1).loss_of_outputs(outputs, y) == pytest.approx(answer["loss"], rel=1e-5)
    few = _train("nnlite", replace(task, epochs=1), 1, tmp_path)
    assert (few["epochs"], few["reached"]) == (1, False)


@pytest.mark.parametrize("engine", ["torch", "sklearn"])
def test_peers_do_the_same(engine, tmp_path):
    pytest.importorskip(engine)
    _write_data("digits", tmp_path, OPTIONS)
    answer = _train(engine, replace(TASKS["digits"], wanted=0.5), 1, tmp_path)
    assert answer["reached"] and 1 < answer["epochs"] < 10
    assert len(list(tmp_path.iterdir())) == 2


def test_losses_of_outputs():
    peer, logits = Peer(TASKS["digits"].case, 1), np.log([[1.0, 3.0], [2.0, 2.0]])
    classes = np.array([1, 0])
    wanted = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    assert peer.loss_of_outputs(logits, classes) == pytest.approx(wanted)
    peer.probabilities = True
    assert peer.loss_of_outputs(np.exp(logits) / 4, classes) == pytest.approx(wanted)
    houses = Peer(TASKS["housing"].case, 1)
    assert houses.loss_of_outputs(np.array([1.0, 3.0]), np.array([[0.0], [1.0]])) == pytest.approx(2.5)


def test_a_process_says_that_its_model_is_on_the_disk(tmp_path):
    _write_data("digits", tmp_path, OPTIONS)
    command = [sys.executable, "-m", "benchmarks.to_result", "nnlite", "digits", "1", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(1, "numpy"), check=True)
    answer = json.loads(done.stdout)
    assert answer["reached"] and answer["loss"] <= TASKS["digits"].wanted
    assert (tmp_path / "model.safetensors").is_file()


def result(seconds, epochs=4, loss=0.05, reached=True):
    return [{"seconds": own, "epochs": epochs, "loss": loss, "reached": reached} for own in seconds]


def test_the_best_engine_is_one_that_reached_the_loss():
    results = {
        "nnlite": result([1.0, 1.2]),
        "nnlite fast": result([0.5, 0.5]),
        "torch": result([4.0, 4.0]),
        "jax": result([2.0, 2.0], loss=0.3, reached=False),
    }
    row = _row(TASKS["digits"], results, ["torch", "jax"])
    assert row["best"] == "torch"
    assert row["ratios"] == {"nnlite": pytest.approx((4 + 4 / 1.2) / 2), "nnlite fast": pytest.approx(8)}
    text = _table([row], OPTIONS)
    assert "| 1.10 s, 4 epochs | 0.50 s, 4 epochs | 4.00 s, 4 epochs | 2.00 s, 4 epochs, only 0.300 |" in text
    assert "| torch: nnlite, NumPy alone 3.67; nnlite with fast 8.00 (3) |" in text


def test_without_any_engine_there_is_no_ratio():
    row = _row(TASKS["digits"], {"nnlite": result([1.0])}, ["torch"])
    assert (row["best"], row["ratios"]) == (None, {})
    assert "| 1.00 s, 4 epochs |" in _table([row], OPTIONS)


def test_digits_stand_in_for_images():
    images, classes = _images(OPTIONS)
    assert images.shape == (1797, 28, 28, 1) and images.dtype == np.float32
    np.testing.assert_array_equal(images[0, 3::3, 3::3, 0][:8, :8], images[0, 4::3, 4::3, 0][:8, :8])
    assert classes.max() == 9


def test_houses_are_standardized(tmp_path):
    table = np.random.default_rng(0).uniform(1, 9, size=(50, 9))
    table[3, 4] = np.nan
    lines = ["a,b,c,d,e,f,g,h,price,place", *(",".join([*map(str, row), "NEAR BAY"]) for row in table)]
    path = tmp_path / "housing.csv"
    path.write_text("\n".join(lines).replace("nan", ""))
    x, y = to_result._houses(SimpleNamespace(housing=path))
    assert (x.shape, y.shape) == ((49, 8), (49, 1))
    np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose([x.mean(), y.mean()], 0, atol=1e-6)


def test_housing_without_its_file_is_left_out(capsys, monkeypatch):
    monkeypatch.delattr(os, "getloadavg", raising=False)  # not every system knows its load
    parser = argparse.ArgumentParser()
    to_result.add_to(parser.add_subparsers())
    to_result.run(parser.parse_args(["whole", "--tasks", "housing"]))
    printed = capsys.readouterr().out
    assert "- left out: housing: --housing is not given" in printed
    assert re.match(r"\d{4}-\d\d-\d\d, .*, \d+ cores; 1 thread; 5 rounds by turns\.\n\n\| task \|", printed)
