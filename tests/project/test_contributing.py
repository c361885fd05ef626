"""CONTRIBUTING.md keeps its promises: its code runs, what it names is there, and its workflows can be read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("code", CODE, ids=["op", "layer", "loss", "optimizer"])
def test_what_is_added_works(code, tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == re.findall(r"  # (.*)$", code, re.MULTILINE), done.stderr


def test_every_path_that_is_named_is_there():
    paths = re.findall(r"`((?:nnlite|tests|docs|\.ci)/[\w./]*)`|\]\(([\w./]+)\)", TEXT)
    assert len(paths) > 12
    assert [path for pair in paths for path in pair if path and not (ROOT / path).exists()] == []


def test_workflows_and_forms_are_yaml():
    files = [*(ROOT / ".github").glob("*/*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
    assert len(files) == 6
    for path in files:
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict), path


def test_the_version_to_cite_is_that_of_the_package():
    import nnlite

    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == nnlite.__version__
