"""The page on second order: its code prints what it says, its config trains, its numbers are those of the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nnlite.optimizers import GaussNewton, LevenbergMarquardt, Optimizer
from nnlite.optimizers.full_batch import base, damped
from nnlite.training.full_batch import objective

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "second_order.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(CODE)))
def test_code_prints_what_its_comments_say(number, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CODE[number]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"^ *print\(.*\)  # (.*)$", CODE[number], re.MULTILINE)
    assert promised and [line for line in promised if line not in done.stdout.splitlines()] == [], done.stdout


def test_its_config_and_its_numbers():
    (config,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert isinstance(Optimizer.get(yaml.safe_load(config)["compile"]["optimizer"]), LevenbergMarquardt)
    assert LevenbergMarquardt().max_parameters == 4000 and GaussNewton().max_parameters == 2000
    assert GaussNewton().cg_iterations == 100 and objective.PIECE_BYTES == 8 * 2**20
    text = " ".join(PAGE.split())
    for reason in (base.GRADIENT, base.GOAL, base.TIME, base.FAILURES, base.EPOCHS, base.NO_STEP, damped.MU):
        assert f'"{reason}"' in text, reason
