"""Each public class that configs can name shows one executed example in its docstring."""

import doctest
import importlib
import pkgutil

import pytest

import nnlite
from nnlite.registry import Configurable

LONGEST = 5  # lines of input; the longer ones were there before, and may only become fewer
LONGER = 12


def members() -> list[type]:
    """The registered classes of all families, those of circuits too, by name."""
    for module in pkgutil.walk_packages(nnlite.__path__, "nnlite."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    pending, classes = [Configurable], {}
    while pending:
        cls = pending.pop()
        pending += cls.__subclasses__()
        if cls.__module__.startswith("nnlite.") and not cls.__name__.startswith("_"):
            classes[f"{cls.__module__}.{cls.__qualname__}"] = cls
    registered = {id(cls) for family in classes.values() for cls in family.__dict__.get("_members", {}).values()}
    return [classes[name] for name in sorted(classes) if id(classes[name]) in registered]


def examples(cls: type) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(vars(cls).get("__doc__") or "")


@pytest.mark.parametrize("cls", members(), ids=lambda cls: f"{cls._family} {cls.__name__}")
def test_an_example_with_its_output(cls):
    shown = examples(cls)
    assert any(example.want for example in shown), f"{cls.__qualname__}: show one example with its output"
    assert all(example.exc_msg is None for example in shown[:-1]), "only the last line may raise"


def test_examples_are_short():
    lines = {cls.__qualname__: sum(example.source.count("\n") for example in examples(cls)) for cls in members()}
    longer = {name: count for name, count in lines.items() if count > LONGEST}
    assert len(longer) <= LONGER, longer
