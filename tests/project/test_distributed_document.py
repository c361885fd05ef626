"""docs/distributed.md keeps its promises: its program gives one file, its table is that of the benchmark."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pages
import pytest
from mpi_start import mpiexec_path

from benchmarks import scaling
from benchmarks.report import around_markers

ROOT = Path(__file__).parents[2]
PATH = ROOT / "docs" / "distributed.md"
PAGE = PATH.read_text(encoding="utf-8")


@pytest.fixture
def mpiexec() -> str:
    """The program that starts processes; the test is skipped where there is none."""
    pytest.importorskip("mpi4py")
    path = mpiexec_path()
    if path is None:
        pytest.skip("there is no mpiexec")
    return path


def test_its_program_writes_the_same_file_with_two_processes(mpiexec, tmp_path):
    (code,) = pages.blocks_of("python", PAGE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "NNLITE_KERNELS": "numpy"}
    files = []
    for start in ([], [mpiexec, "-n", "2"]):
        (tmp_path / "train.py").write_text(code)
        subprocess.run([*start, sys.executable, "train.py"], cwd=tmp_path, env=environment, check=True)
        files.append((tmp_path / "model.safetensors").read_bytes())
        (tmp_path / "model.safetensors").unlink()
    assert files[0] == files[1]


@pytest.mark.usefixtures("mpiexec")
def test_constants_of_one_process_are_measured(tmp_path):
    code = "from benchmarks import scaling\nscaling.MODELS = {'net': scaling.small}\nscaling.main(['--measure'])"
    constants = json.loads(pages.run_code(code, tmp_path))
    assert constants.pop("parameters") == {"net": 20 * 64 + 64 + 64 * 64 + 64 + 64 + 1}
    assert constants["plain"]["net"] > 0
    assert [int(ranks) for ranks, seconds in constants["compute"]["net"].items() if seconds > 0] == [*scaling.RANKS]


def test_its_table_is_that_of_the_measured_constants():
    constants = scaling.constants_of(scaling.CONSTANTS)
    before, after = around_markers(PATH, "scaling")
    assert PAGE[len(before) : len(PAGE) - len(after)].splitlines()[1:-1] == scaling.table(constants).splitlines()
    text = " ".join(PAGE.split())
    assert f"{constants['message'] * 1e6:.1f} us and {constants['bandwidth'] / 1e9:.1f} GB/s" in text


@pytest.mark.parametrize(
    ("ranks", "size", "short", "moved"), [(2, 2**20, 3, 2**20), (8, 2**20, 3, 2**20 * 7 / 4), (8, 4, 3, 12)]
)
def test_messages_cost_what_it_says(ranks, size, short, moved):
    turns = {2: 1, 8: 3}[ranks]
    halves = 2 if ranks == 8 and size > 2**16 else 1
    assert scaling.seconds_of_messages(ranks, size, short, 0.0, 1.0) == moved
    assert scaling.seconds_of_messages(ranks, size, short, 1.0, float("inf")) == turns * (short + halves)


def test_its_shares_are_those_of_the_constants():
    constants, text = scaling.constants_of(scaling.CONSTANTS), " ".join(PAGE.split())
    plain, compute = constants["plain"], constants["compute"]
    dense, images = (name for name in compute if "20-64" not in name)
    shares = {name: [f"{compute[name][ranks] / compute[name]['1']:.2f}" for ranks in "248"] for name in compute}
    two, four, eight = shares[dense]
    assert f"has {two} of the computation of one, one of four {four} and one of eight {eight}" in text
    assert "for the convnet these are {}, {} and {}".format(*shares[images]) in text
    assert f"takes {compute[dense]['1'] / plain[dense]:.2f} times as long" in text
    assert f"one of the convnet {compute[images]['1'] / plain[images]:.2f} times" in text
