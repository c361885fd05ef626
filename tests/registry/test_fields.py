"""Fields that convert: at runtime their types are what they hold, and values are read by these."""

import pytest

from nnlite.errors import ConfigError
from nnlite.initializers import Initializer, Zeros
from nnlite.layers import Dense
from nnlite.losses import Loss
from nnlite.ops import ActivationFunction
from nnlite.registry import Configurable, Converted, FromSpec, FromSpecs, Spec, option
from nnlite.registry.field_types import Count


class Part(Configurable, family="part of a test"):
    initializer: FromSpec[Initializer] = option(default="zeros")
    others: FromSpecs[Initializer] = option(default_factory=list, kw_only=True)
    sizes: Converted[int | list[int], tuple[Count, ...]] = option(default=(1,))


def test_at_runtime_each_type_is_what_the_field_holds():
    assert FromSpec[Initializer] is Initializer is Spec[Initializer]
    assert FromSpecs[Initializer] == list[Initializer]
    assert Converted[int, str] is str


def test_values_are_read_and_saved_by_what_the_field_holds():
    part = Part("ones", [2, 3], others=["zeros", Zeros()])
    assert repr(part) == "Part(initializer='ones', sizes=(2, 3), others=[Zeros(), Zeros()])"
    assert [type(other) for other in part.others] == [Zeros, Zeros]
    assert Part.from_config(part.get_config()).get_config() == part.get_config()
    assert repr(Part()) == "Part()"
    with pytest.raises(ConfigError, match=r"Part\.sizes\[0\]"):
        Part(sizes=[0])
    with pytest.raises(TypeError):
        Part("ones", (1,), [])


def test_errors_call_a_family_by_its_name():
    with pytest.raises(ConfigError, match="unknown activation function 'rellu'; did you mean 'ReLU'"):
        Dense(2, activation="rellu")
    with pytest.raises(ConfigError, match="expected an activation function: a name or"):
        ActivationFunction.get(3)
    with pytest.raises(ConfigError, match="expected an initializer: a name or"):
        Initializer.get(3)
    with pytest.raises(ConfigError, match="expected a loss: a name or"):
        Loss.get(3)
