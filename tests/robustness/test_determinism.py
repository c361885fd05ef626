"""The same training gives the same bytes, whatever stands around it; another environment is told."""

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite import kernels
from nnlite.config import is_deterministic, set_deterministic
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment, Interrupted, cross_validate, resume, train
from nnlite.experiment.running import environment as environments
from nnlite.threads import thread_counts

ROOT = Path(nnlite.__file__).parent.parent
CONFIG = """seed: 3
data:
  source: {Csv: {path: t.csv, target: grade, categorical: [town]}}
  split: {validation: 0.2, test: 0.1, stratify: true}
model:
  - Dense: {units: 16, activation: relu, kernel_regularizer: {L2: {l2: 1e-3}}}
  - BatchNormalization
  - Dropout: {rate: 0.3}
  - Dense: {units: 3, activation: softmax}
compile: {optimizer: {Adam: {learning_rate: 0.02}}}
fit: {epochs: 4, batch_size: 16, class_weight: balanced, callbacks: [{ReduceLROnPlateau: {patience: 1}}]}
checkpoint: {every: 5 steps}
"""
# Trains under what its argument says, in a folder of its own, and prints a hash of the files that are to be the same.
PROGRAM = """
import hashlib, locale, os, sys, threading, time
from pathlib import Path
from nnlite.callbacks import CSVLogger, LambdaCallback, ProgressBar
from nnlite.experiment import Experiment, train

def trained(out, quiet=True, callbacks=()):
    train(Experiment.from_file("c.yaml"), out, quiet, callbacks=callbacks)
    content = b"".join(Path(out, name).read_bytes() for name in ("model.safetensors", "history.csv", "metrics.json"))
    print(hashlib.sha256(content).hexdigest(), file=sys.stderr)

for case in sys.argv[1:]:
    if case == "elsewhere":
        Path("deep/er").mkdir(parents=True)
        for name in ("c.yaml", "t.csv"):
            Path("deep/er", name).write_text(Path(name).read_text())
        os.chdir("deep/er")
        trained("run")
        os.chdir("../..")
    elif case == "watched":
        watching = LambdaCallback(on_train_batch_end=lambda batch, logs: 0)
        trained(case, callbacks=[CSVLogger("log.csv"), ProgressBar(), watching])
    elif case == "idle threads":
        done = threading.Event()
        for _ in range(8):
            threading.Thread(target=done.wait).start()
        trained(case)
        done.set()
    else:
        trained(case, quiet=case != "shown")
"""
# Environment variables of a process -> what is trained in it.
PROCESSES = [
    ({}, ["plain", "elsewhere", "watched", "idle threads", "shown"]),
    ({"PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"}, ["hash seed, locale, time zone"]),
    ({"PYTHONHASHSEED": "77", "LC_ALL": "C", "TZ": "America/Caracas", "COLUMNS": "40"}, ["others of these"]),
    ({"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "HOME": "/nowhere"}, ["more threads", "again"]),
    ({"PYTHONHASHSEED": "0", "PYTHONOPTIMIZE": "1", "LANG": "de_DE.UTF-8"}, ["without assertions"]),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    sizes, towns = generator.normal(size=200), generator.choice(["Kyoto", "Łódź", "Çorum", ""], 200)
    grades = np.where(sizes > 0.5, "high", np.where(sizes < -0.5, "low", "İ"))
    rows = [f"{size:.6g},{town},{grade}" for size, town, grade in zip(sizes, towns, grades, strict=True)]
    Path("t.csv").write_text("\n".join(["size,town,grade", *rows]), encoding="utf-8")
    Path("c.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize("choice", ["numpy", "numba"])
def test_equal_bytes_whatever_stands_around(folder, choice):
    if choice == "numba":
        pytest.importorskip("numba")
    hashes = []
    for variables, cases in PROCESSES:
        environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT), **variables}
        environment["NNLITE_KERNELS"] = choice
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *cases], env=environment, capture_output=True, text=True, check=False
        )
        found = [line for line in done.stderr.splitlines() if len(line) == 64]
        assert done.returncode == 0 and len(found) == len(cases), done.stderr
        hashes += found
    assert len(hashes) == 10 and len(set(hashes)) == 1


def model_hash(folder):
    return hashlib.sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture
def undone():
    yield
    set_deterministic(False)
    kernels.use(os.environ.get("NNLITE_KERNELS", "auto"))


@pytest.mark.usefixtures("undone")
def test_determinism_is_one_thread_and_kernels_that_do_not_depend_on_a_cache():
    kernels.use("auto")
    before = thread_counts()
    nnlite.set_deterministic()
    assert is_deterministic() and kernels.chosen() == "numpy" and set(thread_counts().values()) <= {1}
    set_deterministic()
    assert kernels.chosen() == "numpy"
    set_deterministic(False)
    assert not is_deterministic() and kernels.chosen() == "auto" and thread_counts() == before
    with pytest.raises(ConfigError, match="expected True or False, got 1"):
        set_deterministic(1)


@pytest.mark.usefixtures("undone")
def test_kernels_that_were_asked_for_stay():
    for word in ("numpy", "auto"):
        kernels.use(word)
        if word == "auto":
            kernels.use("numpy")  # asked for: it stays also after determinism
        set_deterministic()
        assert kernels.chosen() == "numpy"


@pytest.mark.usefixtures("undone")
def test_the_run_says_whether_it_was_deterministic(folder):
    set_deterministic()
    run = train(Experiment.from_file("c.yaml"), "run", quiet=True)
    told = json.loads((run.folder / "environment.json").read_text())
    assert told["deterministic"] is True and told["kernels"] == "numpy" and isinstance(told["instructions"], list)


def test_another_environment_is_told_once(folder, monkeypatch):
    monkeypatch.setattr(environments, "_told", set())
    run = train(Experiment.from_file("c.yaml"), "run", quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = run.evaluate()
    path = run.folder / "environment.json"
    (run.folder / "manifest.json").unlink()  # which would refuse another file
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "numpy": "1.0", "threads": {"openblas": 64}}))
    with pytest.warns(environments.OtherEnvironmentWarning) as caught:
        assert run.evaluate() == figures
    (warning,) = [one for one in caught if issubclass(one.category, environments.OtherEnvironmentWarning)]
    assert f"numpy {np.__version__}, was 1.0" in str(warning.message) and "was openblas 64" in str(warning.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.evaluate()  # once
    monkeypatch.setattr(environments, "_told", set())
    with pytest.warns(environments.OtherEnvironmentWarning, match=r"numpy .*, was 1\.0"):
        resume("run", quiet=True, epochs=5)


class _Interrupting:
    """Ends the n-th training by Ctrl-C."""

    def __init__(self, monkeypatch, number):
        self.number, self.count = number, 0
        before = Experiment.fit_arguments

        def fit_arguments(experiment, data):
            self.count += 1
            if self.count == self.number:
                raise KeyboardInterrupt
            return before(experiment, data)

        monkeypatch.setattr(Experiment, "fit_arguments", fit_arguments)


@pytest.mark.parametrize("fold", [2, 3, 4])
def test_ctrl_c_within_folds_keeps_those_that_are_finished(folder, fold, monkeypatch):
    whole = train(Experiment.from_file("c.yaml"), "whole", quiet=True, folds=3)
    with monkeypatch.context() as patched:
        _Interrupting(patched, fold)
        with pytest.raises((Interrupted, KeyboardInterrupt), match="continue with: nnlite train --resume run"):
            train(Experiment.from_file("c.yaml"), "run", quiet=True, folds=3)
    kept = json.loads(Path("run/folds.json").read_text())
    assert kept["planned"] == 3 and kept["folds"] == whole.folds["folds"][: fold - 1]
    assert json.loads(Path("run/state.json").read_text())["state"] == "interrupted"
    run = resume("run", quiet=True)
    assert run.folds == whole.folds and run.metrics == whole.metrics
    assert model_hash("run") == model_hash("whole")


def test_ctrl_c_before_the_first_fold_leaves_nothing(folder, monkeypatch):
    _Interrupting(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        train(Experiment.from_file("c.yaml"), "run", quiet=True, folds=3)
    assert not Path("run").exists()


def test_folds_go_on_where_they_were(folder):
    experiment, kept = Experiment.from_file("c.yaml"), []
    whole = cross_validate(experiment, 3, quiet=True, keep=kept.append)
    assert [len(result["folds"]) for result in kept] == [1, 2, 3] and kept[-1] == whole
    assert cross_validate(experiment, 3, quiet=True, before=kept[0]) == whole
