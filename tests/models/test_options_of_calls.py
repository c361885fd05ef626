"""Arguments of a layer's `call` beside its inputs, in graphs, their configs and their files."""

import numpy as np
import pytest

from nnlite import Input, Model
from nnlite.errors import ConfigError
from nnlite.layers import Dense, Layer
from nnlite.models import clone_model, load_model
from nnlite.saving import register_keras_serializable

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


@register_keras_serializable()
class Scaled(Layer):
    def call(self, inputs, shift=None, scale=1.0, doubled=False):
        outputs = inputs * scale if shift is None else inputs * scale + shift
        return outputs[:, :1] + outputs if doubled else outputs


@register_keras_serializable()
class OfParts(Layer):
    def call(self, inputs):
        return inputs["b"] - 2 * inputs["a"]


def several_uses():
    start, layer = Input((3,)), Scaled()
    return Model(start, layer(start, scale=2.0) + layer(start) + layer(start, scale=5, doubled=True)), 8 * X + 5 * X[
        :, :1
    ]


def data_as_arguments():
    start = Input((3,))
    return Model(start, Scaled()(start, start + 1, scale=3.0)), 4 * X + 1


def data_by_key():
    start = Input((3,))
    return Model(start, OfParts()({"b": start, "a": start + 1})), -X - 2


@pytest.mark.parametrize("make", [several_uses, data_as_arguments, data_by_key])
def test_graphs_keep_how_layers_were_called(make, tmp_path):
    model, expected = make()
    np.testing.assert_allclose(model(X), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(Model.from_config(model.get_config())(X), expected, rtol=1e-5)
    np.testing.assert_allclose(
        clone_model(model, call_function=lambda layer, x, **told: layer(x, **told))(X), expected, rtol=1e-5
    )
    for name in ("a.safetensors", "a.keras"):
        model.save(tmp_path / name)
        np.testing.assert_allclose(load_model(tmp_path / name)(X), expected, rtol=1e-5)


def test_options_reach_derivatives():
    start = Input((3,))
    plain, scaled = (
        Model(start, Scaled()(Dense(1, "tanh", name="d")(start), **options)) for options in ({}, {"scale": 3.0})
    )
    scaled.set_weights(plain.get_weights())
    cotangent = np.ones((6, 1), np.float32)
    for left, right in zip(scaled.vjp(X, cotangent), plain.vjp(X, 3 * cotangent), strict=True):
        for one, other in zip(np.atleast_1d(left), np.atleast_1d(right), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_graph_refuses_options_that_no_config_could_state():
    with pytest.raises(ConfigError, match="let the constructor take it"):
        Scaled()(Input((3,)), scale=lambda: 2.0)


class AddsOrSubtracts(Layer):
    def call(self, first, second, adds=False):
        return first + second if adds else first - second


def test_data_by_name_and_an_option_in_one_call_of_a_graph():
    first, second, ones = Input((2,)), Input((2,)), np.ones((1, 2))
    model = Model([first, second], AddsOrSubtracts()(first, second=second, adds=True))
    np.testing.assert_array_equal(model([ones, 3 * ones]), 4 * ones)
    layer = AddsOrSubtracts()
    np.testing.assert_array_equal(layer(ones, second=3 * ones, adds=True), 4 * ones)
    np.testing.assert_array_equal(layer(ones, 3 * ones), -2 * ones)


def test_an_argument_left_out_at_first_and_an_option_in_one_call_of_a_model():
    class Scaled(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = Dense(2, kernel_initializer="ones"), Dense(2, kernel_initializer="ones")

        def call(self, first, second=None, scale=1.0):
            outputs = self.first(first)
            return scale * (outputs if second is None else outputs + self.second(second))

    model, x = Scaled(), np.ones((3, 4))
    outputs = [model(x), model(x, x, scale=2.0), model(x, scale=3.0), model(x, second=x)]
    assert [float(array[0, 0]) for array in outputs] == [4.0, 16.0, 12.0, 8.0]
