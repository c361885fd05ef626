"""Constructors say their types as a person would write them, in `help`, in editors and on the site."""

import dataclasses
import inspect
import pydoc
import re
import typing
from collections.abc import Callable

import pytest

import nnlite
from nnlite.experiment.schema import config_schema
from nnlite.layers import Conv2D, Dense, Layer
from nnlite.losses import Loss
from nnlite.optimizers import Adam
from nnlite.registry.fields import option, spelled_type


@pytest.mark.parametrize("cls", [Dense, Conv2D, Adam, nnlite.Sequential, Loss])
def test_signatures_read_as_a_person_would_write_them(cls):
    for signature in (inspect.signature(cls), inspect.signature(cls.__init__)):
        assert not re.search(r"typing|nnlite\.|Annotated|Range|Optional|Union|'[A-Z]\w+'", str(signature))
    assert "<factory>" not in str(inspect.signature(cls))


def test_the_signature_of_dense():
    text = str(inspect.signature(Dense))
    assert text.startswith(
        "(units: int, activation: ActivationFunction | str | dict | None = None, use_bias: bool = True"
    )
    assert "kernel_initializer: Initializer | str | dict = 'glorot_uniform'" in text
    assert "members: int | None = None, *, name: str | None = None" in text
    assert list(inspect.signature(Dense(3)).parameters) == ["inputs", "options"]  # that of the call


def test_help_opens_with_the_signature():
    text = pydoc.plain(pydoc.render_doc(Dense))
    assert "\n |  Dense(units: int, activation: ActivationFunction | str | dict | None = None, use_bias: bool" in text
    assert "Annotated" not in text and "__init__(self, units: int, activation: Act" in text


def test_types_of_users():
    @dataclasses.dataclass
    class Unhashable:
        low: float = 0

    bound = Unhashable()

    class Stretched(Layer):
        times: typing.Annotated[float, bound]
        function: Callable[[int], float] | None = None
        later: "float | None" = None
        parts: list[int] = option(default_factory=lambda: [1, 2])

        def linearize(self, inputs): ...

    start = (
        "(times: float, function: Callable[[int], float] | None = None, later: float | None = None, parts: list[int] = "
    )
    assert str(inspect.signature(Stretched)).startswith(f"{start}[1, 2], *, name")
    assert Stretched.get({"Stretched": {"times": 2}}).times == 2.0  # notes that are not bounds bind nothing
    assert "times" in config_schema()["$defs"]["layer.Stretched"]["properties"]
    assert spelled_type(typing.Literal["a", None] | tuple[int, ...]) == "Literal['a', None] | tuple[int, ...]"
    assert spelled_type(None | typing.Any) == "Any | None"


def test_a_constructor_of_a_user_keeps_its_signature():
    class Written(Layer):
        parts: list[int] = option(default_factory=list)

        def __init__(self, size: int = 3, parts=None, **kwargs):
            super().__init__(**kwargs)
            self.size, self.parts = size, parts or []

        def linearize(self, inputs): ...

    assert str(inspect.signature(Written)) == "(size: int = 3, parts=None, **kwargs)"
    assert Written.__init__.__annotations__ == {"size": int}
