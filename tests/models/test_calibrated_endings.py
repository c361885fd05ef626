"""Calibrated copies of graphs that end in an op, or name their one output."""

import numpy as np
import pytest

from nnlite import Input, Model, ops
from nnlite.errors import ConfigError
from nnlite.layers import Dense

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 3))
Y = (X[:, 0] + RANDOM.normal(size=300) > 0).astype(int)


def graph(end, activation=None):
    inputs = Input((3,))
    return Model(inputs, end(Dense(2, activation, kernel_initializer="ones", name="dense")(inputs)), seed=0)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_an_op_at_the_end_is_calibrated_as_the_activation_that_it_is(method):
    drawn, layer = graph(ops.softmax), graph(lambda value: value, "softmax")
    drawn.set_weights([10 * weight for weight in layer.get_weights()])
    layer.set_weights(drawn.get_weights())
    calibrated = drawn.calibrated(X, Y, method).predict(X, verbose=0)
    np.testing.assert_allclose(calibrated, layer.calibrated(X, Y, method).predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, rtol=1e-6)


def test_an_op_that_is_no_chance_of_classes_is_refused():
    for end in (ops.exp, lambda value: ops.softmax(value, axis=0)):
        with pytest.raises(ConfigError, match="probabilities are a softmax or sigmoid at the end"):
            graph(end).calibrated(X, Y)


def test_one_output_by_its_key():
    model = graph(lambda value: {"chance": value}, "softmax")
    plain = graph(lambda value: value, "softmax")
    plain.set_weights(model.get_weights())
    calibrated = model.calibrated(X, {"chance": Y})
    expected = plain.calibrated(X, Y).predict(X, verbose=0)
    np.testing.assert_allclose(calibrated.predict(X, verbose=0)["chance"], expected, rtol=1e-6)
    with pytest.raises(ConfigError, match="there is no output 'other'"):
        model.calibrated(X, {"other": Y})


def test_a_calibrated_model_keeps_a_mixed_policy():
    start = Input((3,))
    model = Model(start, Dense(3, "softmax")(start), dtype="mixed_float16")
    model.compile("sgd", "sparse_categorical_crossentropy")
    rows = np.random.default_rng(0).normal(size=(12, 3))
    assert model.calibrated(rows, np.arange(12) % 3).dtype_policy.name == "mixed_float16"
