"""What tests share. That this file is here puts `tests/` on the path: `from numeric import complex_step`."""

import os
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from nnlite import kernels
from nnlite.config import set_floatx
from nnlite.registry import Configurable
from nnlite.utils import get_custom_objects, set_random_seed


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--runs N`: how many inputs each test of tests/robustness makes; `--every N`: one in N cases of each test."""
    parser.addoption("--runs", type=int, default=None, help="inputs that each generator of tests/robustness makes")
    parser.addoption("--every", type=int, default=1, help="run one in so many of the cases of each parametrized test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--every N` a test keeps its first case, and then one in N: a quick look at everything."""
    step = config.getoption("--every")
    if step > 1:
        count = Counter()
        chosen, left_out = [], []
        for item in items:
            test = item.nodeid.partition("[")[0]
            (left_out if count[test] % step else chosen).append(item)
            count[test] += 1
        items[:] = chosen
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> int | None:
    """The number that `--runs` asks for; None if it was not given."""
    return request.config.getoption("--runs")


# Type checkers read the one, a process of its own runs the other; both define layers and functions for themselves.
collect_ignore = ["typing/user_code.py", "project/numpy_alone.py"]


@pytest.fixture(autouse=True)
def classes_forgotten() -> Iterator[None]:
    """After a test, names of classes stand for what they stood for before: those that it defined are forgotten."""
    before = [(members, dict(members)) for members in _families(len(sys.modules))]
    custom_objects = get_custom_objects()
    registered = dict(custom_objects)
    yield
    if custom_objects != registered:
        custom_objects.clear()
        custom_objects.update(registered)
    for members, known in before:
        if members != known:
            for name in _users(members):
                del members[name]
            members.update(_users(known))


@pytest.fixture(autouse=True)
def steady_draws(request: pytest.FixtureRequest) -> None:
    """What a test draws without a seed is the same in each run, whatever ran before it."""
    set_random_seed(zlib.crc32(request.node.nodeid.encode()))


@cache
def _families(modules: int) -> list[dict[str, type]]:
    """The classes of each family by their names; looked up again where more modules have been imported."""
    return [vars(cls)["_members"] for cls in _subclasses(Configurable) if "_members" in vars(cls)]


def _subclasses(cls: type) -> Iterator[type]:
    for one in cls.__subclasses__():
        yield one
        yield from _subclasses(one)


def _users(members: dict[str, type]) -> dict[str, type]:
    return {name: cls for name, cls in members.items() if not cls.__module__.startswith("nnlite.")}


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
