"""Each public class that configs can name shows one executed example; each public method says what it does."""

import doctest
import importlib
import inspect
import pkgutil
import sys

import pytest

import nnlite
from nnlite.registry import Configurable

LONGEST = 5  # lines of input; the longer ones were there before, and may only become fewer
LONGER = 12


def import_all() -> None:
    for module in pkgutil.walk_packages(nnlite.__path__, "nnlite."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def members() -> list[type]:
    """The registered classes of all families, those of circuits too, by name."""
    import_all()
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


def public_classes() -> dict[str, type]:
    """The classes of the package by their full names, but for those with an underscore, and protocols."""
    import_all()
    return {
        f"{name}.{cls.__qualname__}": cls
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "nnlite"
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__ == name and not cls.__name__.startswith("_")
        if not getattr(cls, "_is_protocol", False)
    }


def is_method(value: object) -> bool:
    return isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(value)


def test_public_methods_have_docstrings():
    """One of a base class counts: `linearize` and `build` mean the same in every layer."""
    silent = [
        f"{name}.{method}"
        for name, cls in public_classes().items()
        for method, value in vars(cls).items()
        if not method.startswith("_") and is_method(value)
        if not any(inspect.getdoc(vars(base)[method]) for base in cls.__mro__ if method in vars(base))
    ]
    assert not silent, silent
