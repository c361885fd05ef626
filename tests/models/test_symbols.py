"""Symbols: operators, slices and ops on them, what a layer was called with, where graphs begin and go on."""

import copy
import pickle

import numpy as np
import pytest

import nnlite
from nnlite import Input, KerasTensor, Model, Sequential, layers, ops
from nnlite.errors import ConfigError
from nnlite.layers import LSTM, BatchNormalization, Dense, Dropout, Embedding, Operation
from nnlite.layers.base.contract.keras_config import configs_for_files
from nnlite.layers.composite.operation import COUNTING, LOGICAL
from nnlite.ops.tracing import CONSTANTS, FUNCTIONS

X = np.random.default_rng(2).normal(size=(6, 4)).astype("float32")
OPERATORS = [
    (lambda x: x + 1, lambda x: x + 1),
    (lambda x: 1 - x, lambda x: 1 - x),
    (lambda x: x - x * 2, lambda x: -x),
    (lambda x: 3 * x / 2, lambda x: 1.5 * x),
    (lambda x: 1 / (x * x + 1), lambda x: 1 / (x**2 + 1)),
    (lambda x: -(abs(x) ** 2), lambda x: -(x**2)),
    (lambda x: 2.0 ** (x[:, 1:3]), lambda x: 2 ** x[:, 1:3]),
    (lambda x: x @ np.ones((4, 2)), lambda x: np.repeat(x.sum(1, keepdims=True), 2, 1)),
    (lambda x: x[..., None][:, ::2, 0], lambda x: x[:, ::2]),
    (lambda x: np.exp(x) + np.ones(4), lambda x: np.exp(x) + 1),
    (lambda x: ops.concatenate([x, x[:, :1] * 2], axis=-1), lambda x: np.c_[x, 2 * x[:, :1]]),
    (lambda x: ops.mean(x, axis=1, keepdims=True), lambda x: x.mean(1, keepdims=True)),
    (lambda x: ops.squeeze(ops.expand_dims(x, 1), axis=1), lambda x: x),
    (lambda x: ops.take(x, [-1, 0], axis=1), lambda x: x[:, [-1, 0]]),
    (lambda x: ops.stack([x, x], axis=2)[:, :, 1], lambda x: x),
    (lambda x: ops.split(x, 2, axis=1)[1], lambda x: x[:, 2:]),
    (lambda x: ops.where(np.array([True, False, True, False]), x, 0.0 * x), lambda x: x * [1, 0, 1, 0]),
    (lambda x: ops.reshape(x, (-1, 2, 2))[:, 0], lambda x: x[:, :2]),
    (lambda x: ops.softmax(x, axis=-1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    (lambda x: ops.var(x, axis=-1, keepdims=True), lambda x: x.var(1, keepdims=True)),
]


@pytest.mark.parametrize(("draw", "compute"), OPERATORS)
def test_what_is_drawn_is_computed_derived_and_saved(draw, compute, tmp_path):
    inputs = Input((4,))
    model = Model(inputs, draw(inputs))
    np.testing.assert_allclose(model.predict(X, verbose=0), compute(X), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.safetensors")
    again = nnlite.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    symbol = Dense(4)(inputs)
    trained = Model(inputs, draw(symbol), seed=0)
    trained.compile("sgd", "mse")
    logs = trained.fit(X, compute(X) * 0, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(logs).all()


def test_an_operation_of_several_symbols_takes_each_once():
    left, right = Input((4,)), Input((4,))
    model = Model([left, right], left * right + left)
    np.testing.assert_allclose(model.predict([X, 2 * X], verbose=0), 2 * X**2 + X, rtol=1e-5)
    assert [layer.function for layer in model._layers_inside()] == ["multiply", "add"]
    with pytest.raises(ConfigError, match=r"there is no function 'ad' in nnlite\.ops; did you mean"):
        Operation("ad")


def test_a_symbol_has_no_values():
    inputs = Input((4,))
    for ask in (lambda s: np.asarray(s), bool, list, lambda s: np.add.reduce(s)):
        with pytest.raises(ConfigError, match="has no values yet"):
            ask(Dense(2)(inputs))


@pytest.mark.parametrize("name", ["ceil", "sign", "isnan", "zeros_like", "argsort", "logical_not"])
def test_what_has_no_derivative_is_drawn_by_ops_alone(name):
    with pytest.raises(ConfigError, match=r"no values yet: use functions of nnlite\.ops with a derivative"):
        getattr(np, name)(Input((4,)))
    inputs = Input((4,))
    model = Model(inputs, getattr(ops, name)(inputs))
    expected = getattr(np, name)(X.astype(np.float32))
    np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
    assert model.outputs[0].dtype == ("int32" if name == "argsort" else expected.dtype)


def test_types_of_results_are_stated_of_functions_that_can_be_drawn():
    assert not (LOGICAL | COUNTING) - {*FUNCTIONS, *CONSTANTS}


def test_comparisons_of_symbols_choose():
    inputs = Input((4,))
    model = Model(inputs, ops.where(inputs > 0, inputs, Dense(4)(inputs) * 0))
    np.testing.assert_allclose(model.predict(X, verbose=0), np.maximum(X, 0), rtol=1e-6)
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    for compared, function in [(inputs >= 1, np.greater_equal), (inputs < 0, np.less), (inputs <= 1, np.less_equal)]:
        limit = 0 if function is np.less else 1
        np.testing.assert_array_equal(Model(inputs, compared).predict(X, verbose=0), function(X, limit))


def test_a_frozen_base_used_as_at_inference(tmp_path):
    base = Sequential([Input((4,)), Dense(5), BatchNormalization(), Dropout(0.5)], name="base", seed=1)
    base.compile("adam", "mse")
    base.fit(X, X[:, :1] * np.ones(5), epochs=3, verbose=0)
    base.trainable = False
    inputs = Input((4,))
    model = Model(inputs, Dense(1)(base(inputs, training=False)), seed=0)
    model.compile("sgd", "mse")
    before = [weight.value.copy() for weight in base.weights]
    expected = base.predict(X, verbose=0)
    model.fit(X, X[:, 0], epochs=3, verbose=0)
    assert all((old == weight.value).all() for old, weight in zip(before, base.weights, strict=True))
    np.testing.assert_array_equal(base.predict(X, verbose=0), expected)
    model.save(tmp_path / "model.safetensors")
    again = nnlite.load_model(tmp_path / "model.safetensors")
    assert again.get_config()["layers"][1]["inbound_nodes"][0]["kwargs"] == {"training": False}
    again.compile("sgd", "mse")
    again.fit(X, X[:, 0], epochs=1, verbose=0)
    twin = again.get_layer("base")
    assert all((old == weight.value).all() for old, weight in zip(before, twin.weights, strict=True))


def test_without_training_false_moving_averages_move():
    base = Sequential([Input((4,)), BatchNormalization()], seed=1)
    inputs = Input((4,))
    model = Model(inputs, Dense(1)(base(inputs)), seed=0)
    model.compile("sgd", "mse")
    before = [weight.value.copy() for weight in base.weights]
    model.fit(X, X[:, 0], verbose=0)
    assert any((old != weight.value).any() for old, weight in zip(before, base.weights, strict=True))


def test_dropout_that_is_told_to_train_drops_in_predict_too():
    inputs = Input((50,))
    model = Model(inputs, Dropout(0.5)(inputs, training=True))
    outputs = model.predict(np.ones((20, 50)), verbose=0)
    assert set(np.unique(outputs)) == {0.0, 2.0} and 0.4 < (outputs == 0).mean() < 0.6


def test_a_mask_is_another_symbol(tmp_path):
    words, kept = Input((5,)), Input((5,))
    model = Model([words, kept], LSTM(2)(Embedding(7, 3)(words), mask=kept), seed=0)
    data, mask = np.arange(10).reshape(2, 5) % 7, np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    outputs = model.predict([data, mask], verbose=0)
    table, lstm = model.get_layer("embedding"), model.get_layer("lstm")
    np.testing.assert_allclose(outputs, lstm(table(data), mask=mask.astype(bool)), rtol=1e-5)
    assert np.abs(outputs[0] - lstm(table(data))[0]).max() > 1e-4
    model.save(tmp_path / "model.safetensors")
    again = nnlite.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict([data, mask], verbose=0), outputs)
    with pytest.raises(ConfigError, match="takes another symbol for a mask"):
        LSTM(2)(Embedding(7, 3)(words), mask=mask)


def test_features_from_the_middle_of_a_model():
    model = Sequential([Input((4,)), Dense(5, activation="tanh"), Dense(2)], seed=1)
    features = Model(model.input, model.layers[0].output)
    np.testing.assert_allclose(features.predict(X, verbose=0), model.layers[0](X), rtol=1e-6)
    assert features.layers[1] is model.layers[0] and model.inputs[0] is model.input
    inputs = Input((4,))
    middle = Dense(3)
    graph = Model(inputs, Dense(1)(middle(inputs)), seed=0)
    assert Model(graph.input, middle.output).predict(X, verbose=0).shape == (6, 3)
    with pytest.raises(ConfigError, match="has no input and no output"):
        Dense(3).output  # noqa: B018
    model.add(Dense(1))
    assert model.output.shape == (None, 1)


def test_layers_that_were_drawn_are_copied_alone():
    inputs = Input((4,))
    first, second = Dense(3), Dense(2)
    second(first(inputs))
    twin = copy.deepcopy(second)
    np.testing.assert_array_equal(twin.kernel.value, second.kernel.value)
    with pytest.raises(ConfigError, match="has no input"):
        twin.input  # noqa: B018
    assert len(pickle.dumps(second)) < len(pickle.dumps(first)) * 3


def test_a_node_that_is_none_is_told():
    inputs = Input((4,))
    with configs_for_files():
        config = Model(inputs, Dense(2)(inputs, training=True)).get_config()
    config["nodes"][0][2] = {"trainin": True}
    with pytest.raises(ConfigError, match="a node has a layer, inputs, training, mask"):
        Model.from_config(config)


def test_an_input_is_made_like_a_symbol():
    stand_in = KerasTensor((2, 3), dtype="int32", name="ids")
    given = Input(tensor=stand_in, name="given")
    assert (given.shape, given.dtype, given.name) == ((2, 3), "int32", "given")
    assert layers.InputLayer(input_tensor=stand_in).shape == Input(tensor=given).shape == (2, 3)
    outputs = layers.Embedding(4, 2)(given)
    assert Model(given, outputs)(np.ones((2, 3), int)).shape == (2, 3, 2)
    assert given._keras_history.operation is given and outputs._keras_history[1:] == (0, 0)
    for refused in ({"tensor": 3}, {"tensor": stand_in, "shape": (3,)}):
        with pytest.raises(ConfigError, match=r"KerasTensor|give shape"):
            Input(**refused)
