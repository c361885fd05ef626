"""Adapters of low rank: a frozen kernel and a trained product of two narrow matrices."""

import copy
import pickle

import numpy as np
import pytest

from nnlite import Model, Sequential, layers, load_model, ops
from nnlite.errors import ConfigError, NotReadyError

GENERATOR = np.random.default_rng(0)
CASES = {
    "Dense": (lambda **lora: layers.Dense(4, "relu", **lora), GENERATOR.normal(size=(3, 5))),
    "EinsumDense": (
        lambda **lora: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", **lora),
        GENERATOR.normal(size=(2, 4, 5)),
    ),
    "Embedding": (lambda **lora: layers.Embedding(7, 3, **lora), GENERATOR.integers(0, 7, (3, 4))),
    "Conv2D": (lambda **lora: layers.Conv2D(3, 2, activation="tanh", **lora), GENERATOR.normal(size=(2, 5, 6, 4))),
}


class KeepsDense(layers.Layer):
    """A user's layer around a dense one."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return 2 * self.dense(inputs)


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def with_product(make, x, **lora):
    layer = make(**lora)
    layer(x)
    layer.weights[-1].assign(np.random.default_rng(1).normal(size=layer.weights[-1].shape))
    return layer


def test_an_adapter_leaves_the_outputs_and_freezes_the_kernel(case):
    make, x = case
    layer = make()
    before, count = layer(x), len(layer.weights)
    layer.enable_lora(2)
    a, b = layer.weights[-2:]
    assert np.array_equal(layer(x), before)
    assert len(layer.weights) == count + 2
    assert not layer.weights[0].trainable
    assert (a.shape, b.shape) == ((*layer.weights[0].shape[:-1], 2), (2, layer.weights[0].shape[-1]))
    assert (layer.lora_enabled, layer.lora_rank, layer.lora_alpha) == (True, 2, 2)
    layer.trainable = False
    layer.trainable = True
    assert [weight.trainable for weight in layer.weights] == [False] + [True] * (count + 1)


def test_the_kernel_that_counts_is_the_sum_with_the_scaled_product(case):
    make, x = case
    layer = with_product(make, x, lora_rank=2, lora_alpha=6.0, dtype="float64")
    kernel, *others, a, b = layer.get_weights()
    plain = make(dtype="float64")
    plain(x)
    plain.set_weights([kernel + 3 * a @ b, *others])
    assert np.allclose(layer(x), plain(x), rtol=1e-13, atol=1e-13)
    assert np.allclose(layer.merged()(x), plain(x), rtol=1e-13, atol=1e-13)


def test_derivatives_by_both_matrices_are_those_of_complex_steps(case):
    make, x = case
    layer = with_product(make, x, lora_rank=2, dtype="float64")
    output = layer.forward(x)
    seed = np.random.default_rng(2).normal(size=output.shape)
    gradients = layer.backward(seed)[1:]
    for index, gradient in enumerate(gradients):
        direction = np.random.default_rng(3).normal(size=gradient.shape)
        values = [value.astype(complex) for value in layer.values]
        values[index] = values[index] + 1e-30j * direction
        inputs = x if x.dtype.kind == "i" else x.astype(complex)
        moved = layer.linearize(inputs, *values)[0]
        assert np.isclose((seed * moved.imag / 1e-30).sum(), (gradient * direction).sum(), rtol=1e-12)


@pytest.mark.parametrize("ending", [".keras", ".safetensors"])
def test_training_leaves_the_kernel_and_a_file_gives_the_same_predictions(case, ending, tmp_path):
    if ending == ".keras":
        pytest.importorskip("h5py")
    make, x = case
    inputs = layers.Input(x.shape[1:], dtype="int32" if x.dtype.kind == "i" else None)
    layer = make(lora_rank=2)
    model = Model(inputs, layer(inputs))
    model.compile("adam", "mse")
    kernel = layer.weights[0].numpy()
    model.fit(x, np.ones(model(x).shape), epochs=2, verbose=0)
    assert np.array_equal(layer.weights[0].numpy(), kernel)
    assert layer.weights[-1].numpy().any()
    model.save(tmp_path / f"model{ending}")
    again = load_model(tmp_path / f"model{ending}")
    assert again.layers[-1].lora_enabled
    assert np.allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    assert np.allclose(model.predict(x, verbose=0), model(x), rtol=1e-5, atol=1e-6)


def test_a_layer_of_a_built_model_takes_an_adapter():
    x = GENERATOR.normal(size=(6, 5))
    dense = layers.Dense(4)
    inner = Sequential([layers.Input((5,)), dense])
    model = Sequential([layers.Input((5,)), inner, layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, np.ones((6, 1)), verbose=0)
    before, kernel = model.predict(x, verbose=0), dense.kernel.numpy()
    dense.enable_lora(2)
    assert np.allclose(model.predict(x, verbose=0), before, rtol=1e-6)
    model.compile("adam", "mse")
    model.fit(x, np.ones((6, 1)), verbose=0)
    assert len(model.weights) == 6
    assert np.array_equal(dense.kernel.numpy(), kernel)
    assert dense.lora_kernel_b.numpy().any()


def test_a_layer_inside_a_users_layer_takes_an_adapter():
    layer, x = KeepsDense(), np.ones((2, 4))
    before = layer(x)
    layer.dense.enable_lora(1)
    assert np.array_equal(layer(x), before)
    assert [weight.name for weight in layer.weights] == ["kernel", "bias", "lora_kernel_a", "lora_kernel_b"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("functional", [False, True])
def test_a_layer_of_a_copied_model_takes_an_adapter(copied, inside, functional):
    inputs, layer = layers.Input((4,)), KeepsDense() if inside else layers.Dense(3)
    original = Model(inputs, layer(inputs)) if functional else Sequential([inputs, layer])
    model = copied(original)
    (model.layers[-1].dense if inside else model.layers[-1]).enable_lora(1)
    names = ["kernel", "bias", "lora_kernel_a", "lora_kernel_b"]
    assert [weight.name for weight in model.parameters] == names
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)
    assert model.parameters[-1].numpy().any()


def test_a_layer_of_a_user_that_is_copied_takes_an_adapter_inside():
    layer = KeepsDense()
    layer(np.ones((2, 4)))
    twin = copy.deepcopy(layer)
    twin.dense.enable_lora(1)
    assert len(twin.parameters) == 4
    assert len(layer.parameters) == 2


@pytest.mark.parametrize("own_weight", [False, True])
def test_a_users_call_of_a_dense_layer_takes_an_adapter(own_weight):
    class Scaled(layers.Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.scale = self.add_weight((self.units,), "ones", name="scale") if own_weight else 1.0

        def call(self, inputs):
            return (ops.matmul(inputs, self.kernel) + self.bias) * self.scale

    x = GENERATOR.normal(size=(5, 4))
    layer = with_product(lambda **lora: Scaled(3, **lora), x, lora_rank=2)
    kernel = layer.kernel.numpy() + layer.lora_kernel_a.numpy() @ layer.lora_kernel_b.numpy()
    np.testing.assert_allclose(layer(x), x @ kernel, rtol=1e-5, atol=1e-6)
    layer.forward(x)
    by_inputs, *_, by_b = layer.backward(np.ones((5, 3)))
    np.testing.assert_allclose(by_inputs, np.ones((5, 3)) @ kernel.T, rtol=1e-5)
    np.testing.assert_allclose(by_b, (x @ layer.lora_kernel_a.numpy()).T @ np.ones((5, 3)), rtol=1e-5, atol=1e-6)


def test_copies_and_configs_have_the_adapter(case):
    make, x = case
    layer = with_product(make, x, lora_rank=2)
    assert np.array_equal(copy.deepcopy(layer)(x), layer(x))
    config = layer.get_config()
    assert (config["lora_rank"], config["lora_alpha"]) == (2, 2)
    assert type(layer).from_config(config).lora_rank == 2
    assert "lora_rank" not in make().get_config()


def test_what_does_not_go_is_refused():
    with pytest.raises(NotReadyError, match="enable_lora needs the kernel"):
        layers.Dense(2).enable_lora(2)
    layer = layers.Dense(2, lora_rank=1)
    layer.build((None, 3))
    with pytest.raises(ConfigError, match="has an adapter of rank 1 already"):
        layer.enable_lora(2)
    with pytest.raises(ConfigError, match="does not go with a constraint"):
        layers.Dense(2, lora_rank=1, kernel_constraint="non_neg").build((None, 3))
    with pytest.raises(ConfigError, match="does not go with sparse=True"):
        layers.Embedding(4, 2, lora_rank=1, sparse=True).build((None, 3))
