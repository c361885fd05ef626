"""The core runs where NumPy is the only library: `numpy_alone.py`, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("numpy_alone.py")


def test_training_prediction_saving_and_loading_need_numpy_alone(tmp_path):
    folders = [str(SCRIPT.parents[2]), str(SCRIPT.parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "NNLITE_KERNELS": "auto"}
    command = [sys.executable, "-W", "error::RuntimeWarning", str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all passed\n")
