"""Searches and folds by the backends of joblib: equal results, also where a worker dies."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml

from nnlite.cli import main
from nnlite.distributed.jobs import each
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment, cross_validate
from nnlite.tuning import tune

CONFIG = {
    "seed": 0,
    "data": {"source": {"SklearnDataset": {"name": "iris"}}},
    "model": ["Normalization", {"Dense": {"units": 3}}],
    "compile": {
        "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
        "optimizer": {"Adam": {"learning_rate": 0.01}},
    },
    "fit": {"epochs": 4},
    "search": {"space": {"compile.optimizer.Adam.learning_rate": {"log_uniform": [1e-4, 1e-1]}}},
}


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


def dies_once(folder: Path, number: int) -> int:
    """The square, but for the first to come, whose process is killed."""
    try:
        (folder / "died").mkdir()
    except FileExistsError:
        return number * number
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_search_is_the_same_by_each_backend_and_when_it_goes_on(config, tmp_path):
    pytest.importorskip("optuna")
    studies = []
    for name, backend in (("threads", "threading"), ("processes", "loky")):
        study = tune(config, 7, jobs=2, out=tmp_path / name, quiet=True, backend=backend)
        studies.append([(trial.number, trial.state, trial.params, trial.value, trial.values) for trial in study.trials])
    assert studies[0] == studies[1]
    assert [number for number, *_ in studies[0]] == list(range(7))
    assert {state for _, state, *_ in studies[0]} <= {"complete", "pruned"}
    assert len({str(params) for _, _, params, *_ in studies[0]}) == 7
    more = tune(config, 9, jobs=2, out=tmp_path / "threads", quiet=True, backend="threading")
    assert [trial.value for trial in more.trials][:7] == [value for *_, value, _ in studies[0]]
    assert more.finished == 9


def test_the_config_names_the_backend_too(config, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    module = sys.modules["nnlite.tuning.processes"]
    backends = []
    monkeypatch.setattr(module, "_run_generations", lambda plan, left, backend: backends.append(backend))
    assert main(["tune", str(config), "--set", "search.backend=threading", "--out", str(tmp_path / "a")]) == 1
    tune(config, 1, out=tmp_path / "b", backend="loky", quiet=True)
    tune(config, 1, out=tmp_path / "c", scheduler="tcp://nowhere:1", quiet=True)
    assert backends == ["threading", "loky", "dask"]


def test_folds_are_the_same_side_by_side(config):
    experiment = Experiment.from_file(config)
    alone = cross_validate(experiment, 3, quiet=True)
    kept = []
    by_threads = cross_validate(experiment, 3, quiet=True, keep=kept.append, jobs=2, backend="threading")
    by_processes = cross_validate(experiment, 3, quiet=True, jobs=3)
    assert alone == by_threads == by_processes
    assert [len(result["folds"]) for result in kept] == [2, 3]


def test_a_scheduler_alone_means_dask_for_folds_too(config, monkeypatch):
    calls = []

    def at_once(function, items, *how):
        calls.append(how)
        return [function(item) for item in items]

    monkeypatch.setattr(sys.modules["nnlite.experiment.folds"], "each", at_once)
    for jobs in (1, 2):
        cross_validate(Experiment.from_file(config), 2, quiet=True, jobs=jobs, scheduler="tcp://nowhere:1")
    address = "tcp://nowhere:1"
    assert calls == [(1, "dask", address), (1, "dask", address), (2, "dask", address)]


def test_the_command_runs_folds_side_by_side(config, tmp_path, capsys):
    run = ["train", str(config), "--quiet", "--folds", "2", "--out"]
    assert main([*run, str(tmp_path / "one")]) == 0
    assert main([*run, str(tmp_path / "two"), "--jobs", "2", "--backend", "threading"]) == 0
    folds = [(tmp_path / name / "folds.json").read_text() for name in ("one", "two")]
    assert folds[0] == folds[1]
    assert main(["train", str(config), "--jobs", "2"]) == 2
    assert "--jobs, --backend and --scheduler go with --folds" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_worker_of_dask_that_is_killed_changes_nothing(tmp_path):
    pytest.importorskip("dask.distributed")
    patient = {f"distributed.comm.timeouts.{step}": "600s" for step in ("connect", "tcp")}  # a machine that is busy
    with sys.modules["dask"].config.set(patient):
        assert each(partial(dies_once, tmp_path), range(6), 2, "dask") == [0, 1, 4, 9, 16, 25]
    assert (tmp_path / "died").exists()


def test_a_scheduler_is_one_of_dask():
    with pytest.raises(ConfigError, match="the backend is 'loky'"):
        each(abs, [1], 1, "loky", "tcp://nowhere:1")
