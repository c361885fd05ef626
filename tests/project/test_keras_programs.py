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


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
@pytest.mark.parametrize("path", PROGRAMS, ids=NAMES)
def test_a_program_runs_under_keras(path, tmp_path):
    source = path.read_text()
    swapped = source.replace("import nnlite as keras", "import keras")
    swapped = swapped.replace("from nnlite import", "from keras import")
    assert "nnlite" not in swapped.replace("`", "")
    result = run(swapped, tmp_path, KERAS_BACKEND="torch")
    if "requires TensorFlow" in result.stderr:
        pytest.skip("Keras needs TensorFlow for this layer")
    assert result.returncode == 0, result.stderr
