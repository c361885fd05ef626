"""Layers and models of the policy "mixed_float16": types, numbers, training, files."""

import copy
import pickle

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, layers, ops
from nnlite.config import dtype_policy, set_dtype_policy
from nnlite.optimizers import SGD, LossScaleOptimizer

MIXED = "mixed_float16"


@pytest.fixture
def mixed():
    set_dtype_policy(MIXED)
    yield
    set_dtype_policy("float32")


def draws(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


CASES = [
    (layers.Dense(3, "tanh", dtype=MIXED), (4, 6)),
    (layers.Conv2D(3, 2, dtype=MIXED), (2, 5, 5, 2)),
    (layers.LSTM(3, dtype=MIXED), (2, 4, 3)),
    (layers.BatchNormalization(dtype=MIXED), (4, 6)),
    (layers.MultiHeadAttention(2, 2, dtype=MIXED), [(2, 3, 4), (2, 3, 4)]),
    (layers.TimeDistributed(layers.Dense(2), dtype=MIXED), (2, 3, 4)),
    (layers.Softmax(dtype=MIXED), (4, 6)),
    (layers.MaxPooling2D(dtype=MIXED), (2, 4, 4, 2)),
    (layers.Add(dtype=MIXED), [(4, 6), (4, 6)]),
    (layers.RepeatVector(2, dtype=MIXED), (4, 6)),
]


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=lambda value: type(value).__name__)
def test_results_are_rounded_and_weights_are_not(layer, shape):
    inputs = [draws(*one) for one in shape] if isinstance(shape, list) else draws(*shape)
    called = tuple(inputs) if isinstance(layer, layers.MultiHeadAttention) else (inputs,)
    outputs = layer(*called)
    assert outputs.dtype == np.float16
    assert (layer.dtype, layer.compute_dtype, layer.variable_dtype) == ("float32", "float16", "float32")
    assert layer.dtype_policy == nnlite.DTypePolicy(MIXED) and all(w.dtype == np.float32 for w in layer.weights)
    full = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    full(*called)
    full.set_weights(layer.get_weights())
    np.testing.assert_allclose(outputs, full(*called), atol=4e-3)


def test_numbers_inside_are_float32():
    layer = layers.Dense(1, use_bias=False, kernel_initializer="ones", dtype=MIXED)
    inputs = np.array([[2048.0, 1.0, -2048.0]])
    assert layer(inputs).item() == 1.0  # 2048 + 1 is no float16
    assert layer(np.array([[1 + 2.0**-12, 0, 0]])).item() == 1.0  # what comes in is rounded
    layer.set_weights([np.full((3, 1), 1 + 2.0**-12)])
    assert layer(np.array([[0, 8192.0, 0]])).item() == 8192.0  # and so are weights: else 8194 would round to 8192 + 8
    layer.set_weights([np.full((3, 1), 60000.0)])
    assert np.isinf(layer(np.array([[2.0, 0, 0]]))).all()


def test_gradients_are_those_of_the_rounded_function():
    layer = layers.Dense(2, "tanh", dtype=MIXED)
    inputs = draws(3, 4)
    layer.forward(inputs)
    by_inputs, by_kernel, _ = layer.backward(1)
    full = layers.Dense(2, "tanh")
    full.build((None, 4))
    full.set_weights([w.astype("float16") for w in layer.get_weights()])
    full.forward(inputs.astype("float16"))
    expected = full.backward(1)
    np.testing.assert_allclose(by_inputs, expected[0], rtol=1e-6)
    np.testing.assert_allclose(by_kernel, expected[1], rtol=1e-6)
    assert by_kernel.dtype == np.float32


def test_averages_of_a_normalization_are_not_rounded():
    layer = layers.BatchNormalization(momentum=0.999, dtype=MIXED)
    layer(np.ones((4, 2)), training=True)
    np.testing.assert_array_equal(layer.moving_mean, np.float32([0.001, 0.001]))
    for _ in range(3):
        layer(np.ones((4, 2)), training=True)
    np.testing.assert_allclose(layer.moving_mean, 1 - 0.999**4, rtol=1e-4)


def test_a_penalty_is_that_of_rounded_outputs():
    layer = layers.Dense(1, kernel_initializer="ones", activity_regularizer="l1", dtype=MIXED)
    assert layer(np.array([[1 + 2.0**-12]])).dtype == np.float16
    assert float(layer.losses[0]) == np.float32(0.01)


def test_copies_and_pickles_stay_mixed():
    layer = layers.Dense(2, dtype=MIXED)
    outputs = layer(draws(3, 4))
    for twin in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(draws(3, 4)), outputs)
        assert twin(draws(3, 4)).dtype == np.float16
    changed = copy.copy(layer)
    changed.use_bias, changed.activation = layer.use_bias, ops.Tanh()
    assert not np.array_equal(changed(draws(3, 4)), outputs)  # it is itself that is called


def test_the_policy_of_new_layers(mixed):
    assert dtype_policy().name == MIXED and nnlite.config.floatx() == "float32"
    model = Sequential([Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax", dtype="float32")])
    assert [layer.compute_dtype for layer in model.layers] == ["float16", "float32"]
    assert (model.dtype_policy.name, model.input.dtype, model.output.dtype) == (MIXED, "float32", "float32")
    assert model.layers[0].output.dtype == "float16"
    assert model(draws(4, 6)).dtype == model.predict(draws(4, 6), verbose=0).dtype == np.float32
    set_dtype_policy("float32")
    assert layers.Dense(2).dtype_policy.name == "float32" and model.layers[0].compute_dtype == "float16"


def test_types_in_graphs(mixed):
    start = Input((4,))
    hidden = layers.Dense(3)(start)
    total = hidden + 1.0
    assert (start.dtype, hidden.dtype, total.dtype) == ("float32", "float16", "float16")
    assert ops.cast(hidden, "float32").dtype == "float32"
    model = Model(start, [hidden, ops.cast(total, "float32")])
    assert [output.dtype for output in model(draws(2, 4))] == [np.float16, np.float32]
    assert [output.dtype for output in model.predict(draws(2, 4), verbose=0)] == [np.float16, np.float32]
    assert layers.Dense(3).compute_output_spec(start).dtype == "float16"


def test_training_moves_weights_by_less_than_their_rounding():
    model = Sequential([Input((3,)), layers.Dense(1, dtype=MIXED)], seed=0, dtype=MIXED)
    model.compile(SGD(1e-4), "mse")
    before = model.get_weights()[0]
    model.fit(draws(32, 3), np.ones((32, 1)), epochs=1, verbose=0)
    moved = np.abs(model.get_weights()[0] - before).max()
    assert 0 < moved < 1e-4


def test_compile_scales_the_loss(mixed):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert isinstance(model.optimizer, LossScaleOptimizer)
    model.compile(LossScaleOptimizer("sgd"), "mse")
    assert not isinstance(model.optimizer.inner_optimizer, LossScaleOptimizer)
    model.compile("sgd", "mse", auto_scale_loss=False)
    assert isinstance(model.optimizer, SGD)


@pytest.mark.parametrize("scaled", [True, False])
def test_outputs_found_by_training_keep_whether_the_loss_is_scaled(mixed, scaled):
    class Forked(Model):
        def __init__(self):
            super().__init__(seed=0)
            self.one, self.two = layers.Dense(1), layers.Dense(1)

        def call(self, inputs):
            return self.one(inputs), self.two(inputs)

    model = Forked()
    model.compile("sgd", "mse", auto_scale_loss=scaled)
    model.train_on_batch(draws(8, 3), [np.ones((8, 1))] * 2)
    assert isinstance(model.optimizer, LossScaleOptimizer) == scaled


def test_a_written_loss_is_scaled_too(mixed):
    class Written(Model):
        def __init__(self):
            super().__init__(seed=0)
            self.dense = layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean((y_pred - y) ** 2)

    losses = []
    for scaled in (True, False):
        model = Written()
        model.compile(SGD(0.1), auto_scale_loss=scaled)
        losses.append(model.fit(draws(8, 3), np.ones((8, 1)), epochs=4, verbose=0).history["loss"])
        assert model.predict(draws(2, 3), verbose=0).dtype == np.float16
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert losses[0][-1] < 0.9 * losses[0][0]


def test_files_and_configs_keep_the_policy(tmp_path, mixed):
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "model.nnlite")
    expected = model.predict(draws(4, 3), verbose=0)
    set_dtype_policy("float32")
    loaded = nnlite.load_model(tmp_path / "model.nnlite")
    assert loaded.layers[0].dtype_policy.name == MIXED
    np.testing.assert_array_equal(loaded.predict(draws(4, 3), verbose=0), expected)
    config = model.layers[0].get_config()
    assert config["dtype"]["config"] == {"name": MIXED}
    assert layers.Dense.from_config(config).compute_dtype == "float16"


def test_the_config_of_a_graph_keeps_the_policies():
    start, begin = Input((3,)), Input((3,))
    inner = Model(begin, layers.Dense(2, dtype=MIXED)(begin), name="inner", dtype=MIXED)
    model = Model(start, layers.Dense(1, dtype="float64")(inner(start)), dtype="float64")
    twin = Model.from_config(model.get_config())
    assert "input_layers" in model.get_config()
    for one in (model, twin):
        assert [layer.dtype_policy.name for layer in one.layers[1:]] == [MIXED, "float64"]
        assert one.layers[1].layers[-1].dtype_policy.name == MIXED
        assert one.dtype_policy.name == "float64"


def test_a_policy_gives_no_name():
    layer = layers.Dense(2, dtype=nnlite.DTypePolicy(MIXED))
    assert layer._given_name is None and layer._made_name is None


def test_a_layer_of_a_users_own():
    class Doubled(layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

    assert Doubled(dtype=MIXED)(draws(2, 3)).dtype == np.float16
    assert Doubled(dtype=MIXED)(np.array([[1 + 2.0**-12]])).item() == 2.0
