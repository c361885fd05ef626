"""What is made or loaded when it is asked for: constructors of classes, and the names of a room."""

import dataclasses
import inspect
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import nnlite.data
from nnlite.data.encoders.columns import ColumnEncoder
from nnlite.layers import Dense, Layer
from nnlite.losses import Huber
from nnlite.optimizers import Adam
from nnlite.registry.fields import LateConstructor

ROOT = Path(__file__).parents[2]


def in_a_new_process(program):
    """What a program prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def test_most_constructors_of_an_import_are_not_made():
    program = (
        "from nnlite import layers\n"
        "from nnlite.registry.fields import LateConstructor\n"
        "known = [vars(cls).get('__init__') for cls in layers.Layer.members().values()]\n"
        "made = [not isinstance(constructor, LateConstructor) for constructor in known]\n"
        "print(len(made) - sum(made) > 0.8 * len(made), vars(layers.Dense)['__init__'].__class__.__name__)\n"
        "layers.Dense(1)\n"
        "print(vars(layers.Dense)['__init__'].__class__.__name__)"
    )
    assert in_a_new_process(program).split() == ["True", "LateConstructor", "function"]


@pytest.mark.parametrize("cls", [Dense, Adam, Huber], ids=lambda cls: cls.__name__)
def test_a_late_constructor_has_the_fields_of_its_class_with_their_defaults(cls):
    parameters = inspect.signature(cls.__init__).parameters
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            assert parameters[field.name].default == field.default, field.name
    assert cls.__init__.__module__ == cls.__module__
    assert cls.__init__.__qualname__ == f"{cls.__name__}.__init__"
    assert not isinstance(vars(cls)["__init__"], LateConstructor)


def test_making_a_late_constructor_leaves_the_defaults_of_the_class_as_they_are():
    before = {field.name: vars(Adam).get(field.name) for field in dataclasses.fields(Adam)}
    LateConstructor(Adam).__get__(None, Adam)
    assert {field.name: vars(Adam).get(field.name) for field in dataclasses.fields(Adam)} == before


def test_a_late_constructor_is_that_of_its_own_class_in_a_subclass():
    class Wider(Dense):
        """Twice the units."""

        def __init__(self, units, **others):
            super().__init__(2 * units, **others)

    assert Wider(3, activation="relu").units == 6


def test_threads_that_construct_the_first_instances_at_once_make_the_same():
    class Base(Layer):
        """Has a field."""

        size: int = 3

    setattr(Base, "__init__", LateConstructor(Base))  # noqa: B010
    made = []
    threads = [threading.Thread(target=lambda: made.append(Base(size=5).size)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [5] * 8


def test_fields_of_a_users_class_that_cannot_be_are_an_error_where_they_are_written():
    with pytest.raises(TypeError, match="non-default argument 'size'"):

        class Disordered(Layer):
            """A default before a field without one."""

            width: int = 3
            size: int  # type: ignore[misc] - that is the error


RARE = (
    *("nnlite.data.sources", "nnlite.data.encoders", "nnlite.layers.recurrent", "nnlite.layers.attention"),
    *(
        "nnlite.layers.preprocessing",
        "nnlite.callbacks.tensorboard",
        "nnlite.metrics.curves",
        "nnlite.losses.functions",
    ),
)


def test_a_model_on_arrays_loads_neither_data_sources_nor_rare_layers():
    program = (
        "import sys, numpy\n"
        "from nnlite import Sequential, layers\n"
        "model = Sequential([layers.Input((3,)), layers.Dense(1)])\n"
        "model.compile('adam', 'mse', metrics=['mae'])\n"
        "model.fit(numpy.ones((4, 3)), numpy.ones((4, 1)), verbose=0)\n"
        "model.predict(numpy.ones((4, 3)), verbose=0)\n"
        f"print([name for name in sys.modules if name.startswith({RARE})])"
    )
    assert in_a_new_process(program) == "[]"


def test_a_name_is_taken_before_its_class_is_loaded():
    program = (
        "from nnlite.layers import Layer\n"
        "class LSTM(Layer):\n"
        "    pass\n"
        "print(type(Layer.get({'LSTM': {'units': 1}})).__module__, Layer._members['custom>lstm'].__module__)"
    )
    assert in_a_new_process(program) == "nnlite.layers.recurrent.lstm __main__"


@pytest.mark.parametrize(
    "question", ["'Dates' in ColumnEncoder.members()", "ColumnEncoder._lookup('dates').__name__ == 'Dates'"]
)
def test_a_family_knows_its_classes_before_the_names_of_its_room_are_loaded(question):
    program = f"from nnlite.data.encoders.columns import ColumnEncoder\nprint({question})"
    assert in_a_new_process(program) == "True"


def test_a_room_that_opens_later_lists_its_names_and_refuses_others():
    assert {"Csv", "Columns", "sources"} <= set(dir(nnlite.data))
    names = {}
    exec("from nnlite.data import *", names)
    assert names["ColumnEncoder"] is ColumnEncoder
    with pytest.raises(AttributeError, match=r"module 'nnlite\.data' has no attribute 'Cvs'"):
        getattr(nnlite.data, "Cvs")  # noqa: B009
