"""The programs in examples/keras_programs: each runs here, and under Keras with its import lines swapped."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted((ROOT / "examples" / "keras_programs").glob("*.py"))
NAMES = [path.stem for path in PROGRAMS]


def run(source, folder, **environment):
    path = folder / "program.py"
    path.write_text(source)
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, path], capture_output=True, text=True, cwd=folder, env=settings, timeout=600)


def test_there_are_ten():
    assert len(PROGRAMS) == 10


@pytest.mark.parametrize("path", PROGRAMS, ids=NAMES)
def test_a_program_runs(path, tmp_path):
    result = run(path.read_text(), tmp_path, PYTHONPATH=str(ROOT))
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def outcomes_under_keras(tmp_path_factory):
    """For each program the exit code under Keras, and what it wrote as errors."""
    if importlib.util.find_spec("keras") is None or not hasattr(os, "fork"):
        pytest.skip("Keras is not installed, or processes cannot be copied")
    folders = [tmp_path_factory.mktemp(name) for name in NAMES]
    for path, folder in zip(PROGRAMS, folders, strict=True):
        swapped = path.read_text().replace("import nnlite as keras", "import keras")
        (folder / "program.py").write_text(swapped.replace("from nnlite import", "from keras import"))
    command = [sys.executable, Path(__file__).with_name("programs_of_keras.py"), *folders]
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "KERAS_BACKEND": "torch"}
    codes = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=settings, check=True).stdout.split()
    return {
        name: (code, folder / "program.py", (folder / "errors.txt").read_text())
        for name, code, folder in zip(NAMES, codes, folders, strict=True)
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_program_runs_under_keras(name, outcomes_under_keras):
    code, path, errors = outcomes_under_keras[name]
    assert "nnlite" not in path.read_text().replace("`", "")
    if "requires TensorFlow" in errors:
        pytest.skip("Keras needs TensorFlow for this layer")
    assert code == "0", errors
