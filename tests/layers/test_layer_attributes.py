"""What a layer says about itself is declared, documented and nominal."""

import inspect
import re

import numpy as np
import pytest

from nnlite.layers import Dense, Input, Layer
from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.symbolic import symbols_of
from nnlite.ops import activations


def test_every_attribute_is_explained():
    declared = {*vars(LayerAttributes), *LayerAttributes.__annotations__}
    declared = {name for name in declared if not name.startswith("__")}
    lines = re.findall(r"^    ([a-z_, ]+): ", inspect.getdoc(LayerAttributes), re.MULTILINE)
    assert {name for line in lines for name in line.split(", ")} == declared


def test_a_new_layer_has_them_all():
    layer = Dense(2)
    missing = object()
    names = [name for name in LayerAttributes.__annotations__ if getattr(layer, name, missing) is missing]
    assert names == []


class Projection:
    """An object that has what a layer has, and is none."""

    parameters = ()
    symbol = Input((2,))._symbol

    def linearize(self, inputs):
        raise AssertionError("this is no layer")

    def __call__(self, inputs):
        return inputs * 2


class Projected(Layer):
    def build(self, input_shape):
        self.projection = Projection()
        self.dense = Dense(2)

    def call(self, inputs):
        return self.projection(self.dense(inputs))


def test_only_layers_are_taken_for_layers():
    wrapper = Projected()
    output = wrapper(np.ones((3, 4)))
    assert inner_layers(wrapper) == [wrapper.dense]
    np.testing.assert_array_equal(output, 2 * wrapper.dense(np.ones((3, 4))))
    assert symbols_of(Projection()) is None
    assert symbols_of(symbol := Input((2,))) is symbol._symbol


@pytest.mark.parametrize("axis", [-1, 1])
def test_an_activation_says_whether_it_works_along_the_last_axis(axis):
    assert activations.Softmax(axis=axis).along_last_axis == (axis == -1)
    assert activations.Tanh().along_last_axis
