"""Trainings that are killed at random moments and gone on with end as if nothing had happened, to the last bit.

`NNLITE_KILLS=300 NNLITE_ENDINGS=200 pytest tests/robustness/test_kills.py` kills 300 of them, and ends 200 by signals
and by disks that are full or read-only; a handful without.
"""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from forking import KILLED, Forks

import nnlite
from nnlite.cli import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
KILLS = int(os.environ.get("NNLITE_KILLS", "10"))
ENDINGS = int(os.environ.get("NNLITE_ENDINGS", "10"))
ROOT = Path(nnlite.__file__).parent.parent
TIMEOUT = 600  # seconds: of a machine that is busy

BASE = """seed: 5
data:
  source: {Npz: {path: data.npz}}
  split: {validation: 0.2, test: 0.1}
model:
%s
compile: {optimizer: %s, loss: auto, metrics: [accuracy]}
fit: {epochs: 12, batch_size: 16%s}
checkpoint: {every: %s, keep: 2}
"""
DEEP = "  - Normalization\n  - Dense: {units: 8, activation: relu}\n"
LAST = "  - Dense: {units: 3, activation: softmax}"
# Each part of what a training knows is in one of them: random streams, moving statistics, slots, schedules, callbacks.
CONFIGS = {
    "dropout, every step": BASE % (f"{DEEP}  - Dropout: {{rate: 0.3}}\n{LAST}", "adam", "", "3 steps"),
    "batch normalization": BASE % (f"{DEEP}  - BatchNormalization\n{LAST}", "{SGD: {momentum: 0.9}}", "", "7 steps"),
    "schedule": BASE
    % (
        DEEP + LAST,
        "{SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0.05, decay_steps: 150}}}}",
        "",
        "5 steps",
    ),
    "plateau": BASE
    % (
        DEEP + LAST,
        "rmsprop",
        ", callbacks: [{ReduceLROnPlateau: {patience: 1, factor: 0.5, min_delta: 0.05}}]",
        "1 epoch",
    ),
    "early stopping": BASE
    % (
        f"{DEEP}  - GaussianNoise: {{stddev: 0.1}}\n{LAST}",
        "{Adam: {learning_rate: 0.05}}",
        ", callbacks: [{EarlyStopping: {patience: 3, restore_best_weights: true}}]",
        "2 steps",
    ),
    "auto": BASE % (f"{DEEP}  - Dropout: {{rate: 0.5}}\n{LAST}", "adamw", ", class_weight: balanced", "auto"),
    "augmentation": BASE.replace("data.npz", "images.npz")
    % (
        "  - RandomFlip\n  - RandomTranslation: {height_factor: 0.2, width_factor: 0.2}\n"
        f"  - Conv2D: {{filters: 2, kernel_size: 3}}\n  - Flatten\n{LAST}",
        "adam",
        "",
        "4 steps",
    ),
}


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "NNLITE_KERNELS": "numpy"}


@pytest.fixture(scope="module")
def forks():
    """The process that forks commands."""
    forks = Forks(ENVIRONMENT)
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory, forks):
    """A folder with data, a config of each kind, and a run of each that nobody interrupted."""
    folder = tmp_path_factory.mktemp("resuming")
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(400, 6))
    target = (inputs @ generator.normal(size=(6, 3))).argmax(1)
    np.savez(folder / "data.npz", inputs=inputs, target=target)
    np.savez(folder / "images.npz", inputs=generator.normal(size=(400, 6, 6, 1)), target=target)
    for number, text in enumerate(CONFIGS.values()):
        (folder / f"c{number}.yaml").write_text(text)
        done = forks.start(folder, "train", f"c{number}.yaml", "--out", f"whole{number}", "--quiet")
        _, err = done.communicate()
        assert done.returncode == 0, err
    return folder


def run(folder, forks, *arguments):
    """A command, to its end: its exit code, and what it said."""
    process = forks.start(folder, *arguments, "--quiet")
    err = process.communicate()[1]
    return process.returncode, err


def begun(folder, forks, *arguments):
    """A command, running."""
    return forks.start(folder, *arguments, "--quiet")


def begun_by_python(folder, *arguments):
    """A command, running, as users start it."""
    command = [sys.executable, "-m", "nnlite", *arguments, "--quiet"]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for_training(folder, process):
    """Wait until the first checkpoint is on the disk."""
    while process.poll() is None and not any((folder / "checkpoints").glob("step-*")):
        time.sleep(0.002)


def state(folder):
    """How the run stands."""
    return json.loads((folder / "state.json").read_text())["state"]


def assert_same(folder, whole, out):
    """The run is, to the bit, the one that nobody interrupted, and nothing else is left of the interruption."""
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        assert (folder / out / name).read_bytes() == (folder / whole / name).read_bytes(), name
    assert state(folder / out) == "finished"
    for pattern in (".*.tmp", ".lock"):
        assert list((folder / out).rglob(pattern)) == []
    best = "checkpoints/best.safetensors"
    assert (folder / out / best).read_bytes() == (folder / whole / best).read_bytes()


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_trainings_go_on_exactly(place, forks, number):
    chance = random.Random(number)
    kind, out = number % len(CONFIGS), f"killed{number}"

    def begin(*arguments):
        if number == 0:  # once as users start it
            return begun_by_python(place, *arguments)
        return begun(place, forks, *arguments)

    process = begin("train", f"c{kind}.yaml", "--out", out)
    for _ in range(4):  # a training may be killed several times
        wait_for_training(place / out, process)
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        process.communicate()
        process = begin("train", "--resume", out)
        if chance.random() < 0.5:
            break
    _, err = process.communicate(timeout=TIMEOUT)
    if process.returncode == 2 and "the training is finished" in err:  # it was killed before it took its lock away
        (place / out / ".lock").unlink(missing_ok=True)
    else:
        assert process.returncode == 0, err
    assert_same(place, f"whole{kind}", out)


# How a training is ended -> the exit code.
CODES = {"SIGINT": 130, "SIGINT twice": 130, "SIGTERM": 143, "full disk": 5, "read-only folder": 5}


def ended(folder, forks, kind, out, ending, chance):
    """A training that has ended in this way at a random moment: its exit code, and what it said."""
    command = ("train", f"c{kind}.yaml", "--out", out, "--quiet")
    if ending in ("full disk", "read-only folder"):
        error = errno.ENOSPC if ending == "full disk" else errno.EROFS
        process = forks.start(folder, *command, failing=(chance.randint(1, 120), error))
    else:
        process = forks.start(folder, *command)
        while process.poll() is None and not (folder / out / "state.json").exists():
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.3))
        for _ in range(1 + ending.endswith("twice")):
            process.interrupt(signal.SIGTERM if ending == "SIGTERM" else signal.SIGINT)
            time.sleep(chance.uniform(0, 0.01))
    err = process.communicate()[1]
    return process.returncode, err


@pytest.mark.parametrize("number", range(ENDINGS))
def test_no_training_is_lost(place, forks, number):
    chance, kind, out = random.Random(number), number % len(CONFIGS), f"ended{number}"
    ending = list(CODES)[number % len(CODES)]
    code, err = ended(place, forks, kind, out, ending, chance)
    after_training = code == -signal.SIGTERM and state(place / out) == "finished"  # the process itself was yet to end
    assert code in (0, CODES[ending]) or after_training, err
    assert "Traceback" not in err and (code == 0 or after_training or err.count("nnlite: error: ") == 1), err
    assert err.count("\n") == err.count("nnlite: "), err
    again = ("--resume", out) if (place / out / "config.yaml").exists() else (f"c{kind}.yaml", "--out", out)
    done = forks.start(place, "train", *again, "--quiet")
    err = done.communicate()[1]
    assert done.returncode == 0 or (done.returncode == 2 and "the training is finished" in err), err
    assert_same(place, f"whole{kind}", out)


@pytest.mark.parametrize(
    ("numbers", "code"),
    [([signal.SIGINT], 130), ([signal.SIGTERM], 143), ([signal.SIGINT, signal.SIGTERM], 143)],
    ids=["Ctrl-C", "SIGTERM", "both"],
)
def test_signals_keep_what_was_trained(place, forks, numbers, code):
    out = f"signals{len(numbers)}-{code}"
    process = begun(place, forks, "train", "c0.yaml", "--out", out, "--set", "fit.epochs=100000")
    wait_for_training(place / out, process)
    process.interrupt(signal.SIGSTOP)  # so that it takes them at once
    for number in numbers:
        process.interrupt(number)
    process.interrupt(signal.SIGCONT)
    err = process.communicate()[1]
    assert process.returncode == code
    assert err.count("\n") == 1 and f"continue with: nnlite train --resume {out}" in err
    assert state(place / out) == "interrupted"
    before = (place / out / "history.csv").read_text()
    epochs = str(len(before.splitlines()) + 3)
    code, err = run(place, forks, "train", "--resume", out, "--epochs", epochs)
    assert code == 0, err
    assert (place / out / "history.csv").read_text().startswith(before)


def train_until_killed(place, forks, out):
    """A training that is killed at one of its writes, after its first checkpoints."""
    process = forks.start(place, "train", "c0.yaml", "--out", out, "--quiet", failing=(60, KILLED))
    process.communicate()
    assert process.returncode == -signal.SIGKILL and any((place / out / "checkpoints").glob("step-*"))


@pytest.mark.parametrize("write", range(2, 10))
def test_a_folder_without_a_config_yet_is_trained_in_again(place, forks, write):
    out = f"early{write}"
    process = forks.start(place, "train", "c0.yaml", "--out", out, "--quiet", failing=(write, KILLED))
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not (place / out / "config.yaml").exists()
    code, err = run(place, forks, "train", "c0.yaml", "--out", out)
    assert code == 0, err
    assert_same(place, "whole0", out)


def test_a_changed_config_is_refused_by_name(place, forks):
    train_until_killed(place, forks, "changed")
    before = (place / "changed" / "config.yaml").read_text()
    change = ["--set", "fit.batch_size=8", "model.1.Dense.activation=tanh"]
    code, err = run(place, forks, "train", "--resume", "changed", *change)
    assert code == 2
    assert "fit.batch_size is 8, was 16" in err and "Dense.activation" in err
    assert (place / "changed" / "config.yaml").read_text() == before
    code, err = run(place, forks, "train", "--resume", "changed", "--resume-anyway", *change)
    assert code == 0, err


def test_changed_data_are_refused(place, forks):
    train_until_killed(place, forks, "others")
    content = (place / "data.npz").read_bytes()
    arrays = dict(np.load(place / "data.npz"))
    arrays["inputs"] = arrays["inputs"] + 1e-3
    np.savez(place / "data.npz", **arrays)
    try:
        code, err = run(place, forks, "train", "--resume", "others")
    finally:
        (place / "data.npz").write_bytes(content)
    assert code == 2
    assert "the data are others" in err
    assert run(place, forks, "train", "--resume", "others")[0] == 0
    assert_same(place, "whole0", "others")


def test_more_epochs_than_at_first(place, forks):
    assert run(place, forks, "train", "c0.yaml", "--out", "longer", "--epochs", "5")[0] == 0
    code, err = run(place, forks, "train", "--resume", "longer")
    assert code == 2 and "--epochs N trains for longer" in err
    assert run(place, forks, "train", "--resume", "longer", "--epochs", "12")[0] == 0
    assert_same(place, "whole0", "longer")


def test_one_process_at_a_time_owns_a_run(place, forks, monkeypatch, capsys):
    process = begun(place, forks, "train", "c0.yaml", "--out", "owned", "--set", "fit.epochs=100000")
    wait_for_training(place / "owned", process)
    code, err = run(place, forks, "train", "--resume", "owned")
    assert code == 2
    assert f"process {process.pid} on " in err
    monkeypatch.chdir(place)
    assert main(["runs", "."]) == 0
    assert "running" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("owned"))
    process.kill()
    process.communicate()
    orphan = place / "owned" / "checkpoints" / ".step-1.safetensors.0123.tmp"
    orphan.write_bytes(b"half")
    code, err = run(place, forks, "train", "--resume", "owned", "--epochs", "3")
    assert code == 2 and "epochs is 3, but" in err
    assert "removed what a killed write left: " in err and f"checkpoints/{orphan.name}" in err
    assert not orphan.exists()
