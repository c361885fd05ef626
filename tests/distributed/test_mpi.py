"""Training by processes of MPI: any number of them gives the same bits, and the death of one ends all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mpi_programs  # noqa: F401 - whose callbacks the configs name
import pytest
from mpi_start import mpiexec_path

from nnlite.cli import main

pytest.importorskip("mpi4py")
MPIEXEC = mpiexec_path()
if MPIEXEC is None:
    pytest.skip("there is no mpiexec", allow_module_level=True)

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("mpi_programs.py")
CONFIG = """
seed: 1
data: {source: {SklearnDataset: {name: iris}}}
model: [{Dense: {units: 8, activation: relu}}, BatchNormalization, {Dropout: {rate: 0.2}}, {Dense: {units: 3}}]
compile: {loss: {SparseCategoricalCrossentropy: {from_logits: true}}, metrics: [accuracy], optimizer: adam}
fit: {epochs: 3, batch_size: 16, callbacks: [Dies]}
checkpoint: {every: 1 steps}
"""


def run(ranks: int, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess:
    """A program in so many processes; 0 for one that no mpiexec starts."""
    mpiexec = [str(MPIEXEC), "-n", str(ranks)] if ranks else []
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return subprocess.run(
        [*mpiexec, sys.executable, str(PROGRAMS), *map(str, arguments)],
        env={**os.environ, **one_thread, "PYTHONPATH": str(ROOT), "NNLITE_KERNELS": "numpy", **environment},
        capture_output=True,
        text=True,
        cwd=arguments[1],
        timeout=600,  # a launcher that does not end its processes fails the test
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> str:
    """What one process prints, which no mpiexec has started."""
    done = run(0, "train", tmp_path_factory.mktemp("alone"))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    return done.stdout


@pytest.mark.parametrize("ranks", [1, 8])  # 2 and 4 below
def test_weights_and_logs_are_the_same_bits_for_any_number_of_ranks(alone, ranks, tmp_path):
    done = run(ranks, "train+sums", tmp_path)  # the latter: long vectors are added by halves to the same bits
    assert (done.returncode, done.stdout) == (0, alone + "done\n"), done.stderr


def test_a_killed_rank_ends_the_job_with_its_name_and_resume_goes_on_with_another_number(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text(CONFIG)
    whole = run(0, "nnlite", tmp_path, "train", "config.yaml", "--distributed", "mpi", "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    arguments = ("nnlite", tmp_path, "train", "config.yaml", "--distributed", "mpi", "--out", "killed")
    killed = run(2, *arguments, DIES="1")
    assert killed.returncode != 0
    assert re.search(r"nnlite: error: rank 1 \(process \d+ on \S+\) was ended by SIGKILL", killed.stderr)
    assert main(["train", "--resume", str(tmp_path / "killed")]) == 2  # --distributed is forgotten
    assert "distributed is None, was {'shards': 8}" in capsys.readouterr().err
    resumed = run(4, "nnlite", tmp_path, "train", "--resume", "killed", "--distributed", "mpi")
    assert resumed.returncode == 0, resumed.stderr
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert models[0] == models[1]
    logs = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    assert resumed.stdout.count("run folder") == 1


def test_an_error_of_one_rank_ends_all_with_its_name(tmp_path):
    done = run(2, "fails", tmp_path)
    assert done.returncode == 1
    messages = re.findall(r"nnlite: error: (.*)", done.stderr)
    assert len(messages) == 1
    assert re.fullmatch(
        r"rank 1 of 2 \(process \d+ on \S+\) failed with ZeroDivisionError: of one process alone", messages[0]
    )


def test_an_error_of_all_ranks_is_told_once_by_the_command(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG.replace("units: 8", "units: -8"))
    done = run(2, "nnlite", tmp_path, "train", "config.yaml", "--distributed", "mpi")
    assert done.returncode == 2
    assert done.stderr.count("nnlite: error:") == 1 and "units" in done.stderr


def test_one_rank_ends_a_training_of_all_and_rank_0_gives_the_weights_and_writes(tmp_path):
    done = run(2, "stops+unseeded", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 steps, ")
    assert done.stdout.splitlines()[2] == "['0']"


def test_weights_that_come_apart_are_an_error(tmp_path):
    done = run(2, "changes", tmp_path)
    assert done.returncode == 1
    assert "dense/kernel of rank 1 is not that of rank 0 any more" in done.stderr


def test_without_an_mpi_library_the_command_says_what_is_missing(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    train = ("nnlite", tmp_path, "train", "config.yaml", "--distributed", "mpi")
    done = run(0, *train, MPI4PY_LIBMPI=str(tmp_path / "libmpi.so"))
    if done.returncode == 0:
        pytest.skip("this mpi4py is bound to one MPI library")
    (message,) = done.stderr.splitlines()
    assert message.startswith("nnlite: error: mpi4py is installed and finds no MPI library")


def test_models_that_are_not_the_same_are_an_error(tmp_path):
    done = run(2, "unlike", tmp_path)
    assert done.returncode != 0
    assert "rank 1 does not train the same as rank 0" in done.stderr
    assert "units is 3, was 2" in done.stderr
