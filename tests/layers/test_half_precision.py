"""Layers of the policy "float16": what they show is rounded, and training changes float32 numbers."""

import numpy as np
import pytest

from nnlite import Input, Sequential, layers, ops
from nnlite.config import floatx, set_dtype_policy
from nnlite.models import load_model
from nnlite.optimizers import SGD

HALF = "float16"
ROWS = np.random.default_rng(0).normal(size=(6, 4))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(3, "tanh", dtype=HALF), (6, 4)),
        (layers.BatchNormalization(dtype=HALF), (6, 4)),
        (layers.LSTM(3, dtype=HALF), (2, 3, 4)),
        (layers.Embedding(5, 2, dtype=HALF), (2, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_outputs_and_weights_have_the_type_of_the_policy(layer, shape):
    inputs = np.abs(np.arange(np.prod(shape)).reshape(shape) % 5).astype("float32")
    outputs = layer(inputs)
    assert (layer.compute_dtype, layer.variable_dtype, layer.dtype_policy.name) == (HALF, HALF, HALF)
    assert outputs.dtype == np.float16
    assert {w.dtype for w in layer.weights} == {w.dtype for w in layer.get_weights()} == {np.dtype(np.float16)}
    full = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    full(inputs)
    full.set_weights(layer.get_weights())
    np.testing.assert_array_equal(outputs, full(inputs).astype(np.float16))


def test_small_updates_add_up():
    model = Sequential([Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones", dtype=HALF)])
    model.compile(SGD(1e-5), lambda y_true, y_pred: y_pred - y_true)
    model.fit(np.ones((100, 1)), np.zeros((100, 1)), batch_size=1, verbose=0)
    assert model.layers[0].kernel.numpy().item() == np.float16(1 - 1e-3)  # each update is below half a step of float16


@pytest.mark.parametrize("suffix", [".keras", ".safetensors"])
def test_files_keep_every_output(tmp_path, suffix):
    if suffix == ".keras":
        pytest.importorskip("h5py")
    model = Sequential([Input((4,)), layers.Dense(3, "relu", dtype=HALF), layers.Dense(1, dtype=HALF)])
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS[:, 0], verbose=0)
    model.save(tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}")
    np.testing.assert_array_equal(again.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0))
    assert [w.dtype for w in again.weights] == [np.float16] * 4


def test_the_usual_policy():
    set_dtype_policy(HALF)
    try:
        layer = layers.Dense(2)
        assert layer(Input((3,))).dtype == HALF and layer.kernel.dtype == np.float16 and floatx() == "float32"
    finally:
        set_dtype_policy("float32")
    assert layers.Dense(2).variable_dtype == "float32"


def test_values_from_outside_are_computed_with_in_float32():
    class Sum(layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight((input_shape[-1], 1), "ones")

        def call(self, inputs):
            return ops.matmul(inputs, self.gain)

    layer = Sum(dtype=HALF)
    layer.build((None, 3))
    outputs, _ = layer.stateless_call([np.ones((3, 1), np.float16)], [], np.array([[2048.0, 1.0, -2048.0]]))
    assert outputs.item() == 1.0 and outputs.dtype == np.float16
