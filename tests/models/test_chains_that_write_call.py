"""Subclasses of `Sequential` with a `call` of their own."""

import pickle

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, ops
from nnlite.layers import BatchNormalization, Dense, Dropout
from nnlite.models import load_model
from nnlite.saving import register_keras_serializable

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
Y = X[:, :1]


@register_keras_serializable()
class TimesTwo(Sequential):
    def call(self, inputs, training=None):
        return super().call(inputs, training) * 2


class Beside(Sequential):
    def call(self, inputs):
        return ops.concatenate([inputs, super().call(inputs)], 1)


def layers():
    return [Dense(3, "tanh"), BatchNormalization(), Dropout(0.25), Dense(1)]


@pytest.mark.parametrize("first", [[Input((4,))], []])
def test_the_call_of_a_subclass_is_what_runs(first, tmp_path):
    model, plain = TimesTwo([*first, *layers()], seed=0), Sequential([Input((4,)), *layers()])
    model.compile("sgd", "mse")
    assert model.fit(X, Y, epochs=2, verbose=0).history["loss"][0] > 0
    assert np.asarray(model.layers[1].moving_mean).any()  # the state of a layer inside moved
    plain.set_weights(model.get_weights())
    expected = 2 * plain(X)
    for outputs in (model(X), model.call(X), model.predict(X, verbose=0), pickle.loads(pickle.dumps(model))(X)):
        np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    np.testing.assert_allclose(Model(model.input, model.output)(X), expected, rtol=1e-5)
    model.save(tmp_path / "a.safetensors")
    np.testing.assert_allclose(load_model(tmp_path / "a.safetensors")(X), expected, rtol=1e-5)


def test_training_is_that_of_the_graph_with_the_same_function():
    model, chain = (kind([Input((4,)), Dense(3, "tanh"), Dense(1)], seed=0) for kind in (TimesTwo, Sequential))
    start = Input((4,))
    graph = Model(start, chain(start) * 2)
    for one in (model, graph):
        one.compile("sgd", "mse")
        one.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    for left, right in zip(model.get_weights(), graph.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5)


def test_the_output_shape_is_that_of_call():
    model = Beside([Input((4,)), Dense(3)])
    assert model.output_shape == (None, 7) and model(X).shape == (12, 7)
