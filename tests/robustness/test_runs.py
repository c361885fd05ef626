"""A run folder keeps what was trained, whatever goes wrong: the disk, the numbers, the files around it."""

import errno
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from nnlite import load_model
from nnlite.cli import main
from nnlite.errors import DataError
from nnlite.experiment import Run

CONFIG = """seed: 1
data:
  source: {Npz: {path: data.npz}}
  split: {validation: 0.2, test: 0.2}
model:
  - Normalization
  - Dense: {units: 8, activation: relu}
  - Dense: {units: 1}
compile: {optimizer: adam, loss: mse}
fit: {epochs: 4, batch_size: 16}
checkpoint: {every: 1 epoch}
"""
# The learning rate is useful for three epochs, and then 1e30.
RATE = "{PiecewiseConstantDecay: {boundaries: [20], values: [0.01, 1.0e+30]}}"
DIVERGES = f"compile.optimizer={{SGD: {{learning_rate: {RATE}}}}}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inputs = np.random.default_rng(0).normal(size=(200, 4))
    np.savez("data.npz", inputs=inputs, target=inputs @ [1.0, 2.0, -1.0, 0.5])
    Path("c.yaml").write_text(CONFIG)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def train(*arguments):
    return main(["train", "c.yaml", "--out", "run", "--quiet", *arguments])


def state():
    return json.loads(Path("run/state.json").read_text())


def refuse(monkeypatch, name):
    """Let the disk be full for files of this name in the run folder."""
    replace = os.replace

    def full(source, target):
        if Path(target).name == name and "run" in Path(target).parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)


def test_a_finished_run_says_what_it_was(folder):
    assert train() == 0
    told = state()
    assert told["state"] == "finished" and told["pid"] == os.getpid()
    assert told["host"] and told["started"] <= told["updated"]
    environment = json.loads(Path("run/environment.json").read_text())
    assert {"nnlite", "python", "numpy", "platform", "processor", "blas", "threads", "kernels", "seed", "data"} <= set(
        environment
    )
    assert len(environment["data"]["training"]) == 64
    steps = sorted(path.name for path in Path("run/checkpoints").iterdir())
    assert steps == ["best.safetensors", "last.safetensors", *(f"step-{n:010d}.safetensors" for n in (16, 24, 32))]


def test_a_full_disk_at_the_end_loses_nothing(folder, monkeypatch, capsys):
    refuse(monkeypatch, "model.safetensors")
    assert train() == 5
    message = capsys.readouterr().err
    assert message.startswith("nnlite: error: run/model.safetensors: No space left on device; the trained model is in ")
    assert message.count("\n") == 1
    assert load_model(message.split(" is in ")[1].split(";")[0]).optimizer.iterations == 32
    assert state()["state"] == "failed"
    with pytest.raises(DataError, match="the training has failed; continue with: nnlite train --resume run"):
        Run("run")
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert state()["state"] == "finished" and Run("run").metrics


@pytest.mark.parametrize("name", ["metrics.json", "last.safetensors", "state.json", "history.csv", "config.yaml"])
def test_a_file_that_cannot_be_written(name, folder, monkeypatch, capsys):
    refuse(monkeypatch, name)
    code = train()
    told = capsys.readouterr().err
    if name == "last.safetensors":
        assert code == 0 and "no checkpoint: " in told and told.count("\n") == told.count("nnlite: ")
        return
    assert code == 5
    assert told.count("nnlite: error: ") == 1 and name in told
    assert name != "metrics.json" or (Path("run/model.safetensors").exists() and "--resume run" in told)


def test_every_write_may_fail(folder, monkeypatch):
    """The k-th write fails, for each k: a run is finished, or says where the training is, and can be gone on with."""
    replace, count = os.replace, [0]

    def failing(source, target):
        count[0] += 1
        if count[0] == failing.k:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    for failing.k in range(1, 1_000):
        count[0] = 0
        code = train()
        assert code in (0, 5)
        if code == 5 and Path("run/config.yaml").exists():
            assert main(["train", "--resume", "run", "--quiet"]) in (0, 2)  # 2: it is finished
        if Path("run/config.yaml").exists():
            assert Run("run").metrics["test"]
            assert list(Path("run").rglob(".*")) == []
        shutil.rmtree("run", ignore_errors=True)
        if count[0] < failing.k:
            break
    assert failing.k > 20


def test_divergence_ends_with_code_4_and_a_checkpoint_that_is_finite(folder, capsys):
    assert train("--set", DIVERGES) == 4
    told = capsys.readouterr().err
    assert told.startswith("nnlite: error: training diverged in epoch 3, batch ")
    assert told.count("\n") == 1 and "the last finite checkpoint is run/checkpoints/last.safetensors" in told
    assert state()["state"] == "diverged"
    kept = load_model("run/checkpoints/last.safetensors")
    assert kept.optimizer.iterations == 16 and all(np.isfinite(weights).all() for weights in kept.get_weights())
    assert main(["runs", "."]) == 0
    assert "diverged" in capsys.readouterr().out


def test_restoring_is_a_choice(folder, capsys):
    assert train("--set", DIVERGES, "fit.on_divergence=restore") == 0
    assert "The weights of the last finite epoch are restored" in capsys.readouterr().err
    assert np.isfinite(Run("run").metrics["test"]["loss"])


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ("compile.optimizer={SGD: {learning_rate: .inf}}", 2, "learning rate must be finite, got inf"),
        ("checkpoint.every=often", 2, "checkpoint.every: expected auto, or something like 1 epoch"),
        ("fit.on_divergence=sotp", 2, "fit.on_divergence: "),
        ("fit.callbacks=[{ModelCheckpoint: {filepath: data.npz/x.keras}}]", 2, "data.npz is not a folder"),
        ("data.source.Npz.path=none.npz", 3, "none.npz"),
    ],
)
def test_what_can_be_known_before_training_is_checked_before(folder, capsys, change, code, message):
    assert train("--set", change) == code
    assert message in capsys.readouterr().err
    assert not Path("run").exists()


def test_a_disk_without_room_is_found_before(folder, monkeypatch, capsys):
    free = shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free)
    assert train() == 5
    assert "the disk has 0.0 MiB left" in capsys.readouterr().err
    assert not Path("run").exists()


def test_checkpoints_can_be_left_out(folder):
    assert train("--set", "checkpoint=null") == 0
    assert not Path("run/checkpoints").exists()
    assert Run("run").experiment.checkpoint is None


def test_what_cannot_be_gone_on_with(folder, capsys):
    for place, code, message in (("none", 3, "not a run folder"), ("run", 2, "the training is finished")):
        if place == "run":
            assert train() == 0
        assert main(["train", "--resume", place, "--quiet"]) == code
        assert message in capsys.readouterr().err
