"""Fields that convert: at runtime their types are what they hold, and values are read by these."""

import pickle

import numpy as np
import pytest

from nnlite import Input, Model
from nnlite.errors import ConfigError
from nnlite.initializers import Initializer, Zeros
from nnlite.layers import Dense
from nnlite.losses import Loss
from nnlite.ops import ActivationFunction
from nnlite.registry import Configurable, Converted, FromSpec, FromSpecs, Spec, option
from nnlite.registry.bounds import Count


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


class WithInit(Configurable, family="written"):
    """A constructor written by hand, with parameters that are not fields."""

    def __init__(self, first, second=2):
        self.first, self.second = first, second


class Inheriting(WithInit):
    """Nothing of its own."""

    def total(self):
        return self.first + self.second


class InheritingTwice(Inheriting):
    """Nothing of its own, at the second remove."""


class Declaring(WithInit):
    """A field, of which a constructor is made."""

    third: int = 3


def test_a_constructor_written_by_hand_is_inherited():
    assert Inheriting(1, second=4).total() == InheritingTwice(1, 4).total() == 5
    assert repr(InheritingTwice.get({"InheritingTwice": {"first": 7}})) == "InheritingTwice(first=7)"
    assert Declaring(5).third == 5


class Rounded(Model):
    """A model with a method of its own."""

    def predict(self, x, **options):
        return super().predict(x, **options).round(1)


def test_a_model_may_be_subclassed_for_a_method():
    inputs = Input((2,))
    model = Rounded(inputs, Dense(1)(inputs), seed=0)
    model.compile("adam", "mse")
    x = np.linspace(0, 1, 6).reshape(3, 2)
    model.fit(x, x[:, 0], verbose=0)
    twin = pickle.loads(pickle.dumps(Rounded.from_config(model.get_config())))
    assert type(twin) is Rounded and twin.seed == 0 and twin.layers[-1].units == 1
    np.testing.assert_array_equal(model.predict(x, verbose=0), model(x).round(1))
