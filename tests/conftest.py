"""What tests share. That this file is here puts `tests/` on the path: `from numeric import complex_step`."""

import os
from collections.abc import Iterator

import pytest

from nnlite import kernels
from nnlite.config import set_floatx


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--runs N`: how many inputs each test of tests/robustness makes, in place of a few."""
    parser.addoption("--runs", type=int, default=None, help="inputs that each generator of tests/robustness makes")


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> int | None:
    """The number that `--runs` asks for; None if it was not given."""
    return request.config.getoption("--runs")


# Type checkers read the one, a process of its own runs the other; both define layers and functions for themselves.
collect_ignore = ["typing/user_code.py", "project/numpy_alone.py"]


@pytest.fixture
def double_precision() -> Iterator[None]:
    """float64 is the floating-point type of all that is made without naming one."""
    set_floatx("float64")
    yield
    set_floatx("float32")


@pytest.fixture
def choice_restored() -> Iterator[None]:
    """The kernels are those of before, whatever the test has chosen."""
    yield
    kernels.use(os.environ.get("NNLITE_KERNELS", "auto"))


@pytest.fixture
def step_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps each call of the compiled kernel of whole steps has taken."""
    counted, taken = kernels.dense_steps, []

    def counting():
        run = counted()
        return run and (lambda *arguments: taken.append(run(*arguments)) or taken[-1])

    monkeypatch.setattr(kernels, "dense_steps", counting)
    return taken
