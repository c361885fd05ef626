"""Layers of users that keep state: weights that `call` assigns, and variables that are attributes."""

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, layers, ops
from nnlite.errors import ConfigError, ShapeError

X = np.arange(12.0).reshape(4, 3).astype("float32")


class Counting(layers.Layer):
    """Counts its calls, and keeps a running mean of the inputs that it subtracts."""

    def __init__(self):
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.inner = layers.Dense(2, kernel_initializer="ones")

    def build(self, input_shape):
        self.mean = self.add_weight((input_shape[-1],), "zeros", trainable=False, name="mean")

    def call(self, inputs):
        self.count.assign_add(1.0)
        self.mean.assign(0.5 * self.mean + 0.5 * ops.mean(inputs, axis=0))
        return self.inner(inputs - self.mean)


def test_what_call_assigns_is_there_for_the_rest_of_the_call_and_for_the_next():
    layer = Counting()
    first = layer(X)
    np.testing.assert_allclose(layer.mean.numpy(), 0.5 * X.mean(0))
    np.testing.assert_allclose(first[:, 0], (X - 0.5 * X.mean(0)).sum(1), rtol=1e-6)
    layer(X)
    assert layer.count.numpy() == 2
    np.testing.assert_allclose(layer.mean.numpy(), 0.75 * X.mean(0))


def test_assigned_state_moves_on_in_fit_and_predict_and_in_any_model():
    inputs = Input((3,))
    for make in (lambda layer: Sequential([layer]), lambda layer: Model(inputs, layer(inputs))):
        layer = Counting()
        model = make(layer)
        model.compile("sgd", "mse")
        model.fit(X, X[:, :2], batch_size=2, epochs=2, verbose=0)
        assert layer.count.numpy() == 4
        model.predict(X, batch_size=4, verbose=0)
        assert layer.count.numpy() == 5


def test_a_stateless_call_returns_what_was_assigned():
    layer = Counting()
    layer.build((None, 3))
    state = layer.stateless_call(layer.trainable_variables, [np.array(7.0), np.zeros(3)], X)[1]
    assert state[0] == 8 and layer.count.numpy() == 0
    np.testing.assert_allclose(state[1], 0.5 * X.mean(0))


def test_assigning_another_shape_is_refused():
    class Wrong(Counting):
        def call(self, inputs):
            self.mean.assign(ops.mean(inputs))
            return inputs

    with pytest.raises(ShapeError, match=r"'mean' has the shape \(3,\), got \(\)"):
        Wrong()(X)


def test_a_trained_weight_is_assigned_before_the_optimizer_changes_it():
    class Halved(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight((), "ones", name="scale")

        def call(self, inputs):
            self.scale.assign(self.scale * 0.5)
            return inputs * self.scale

    layer = Halved()
    model = nnlite.Sequential([nnlite.Input((3,)), layer])
    assert float(layer.scale.value) == 1  # building it assigns nothing
    model.compile(nnlite.optimizers.SGD(0.1), "mse")
    model.train_on_batch(X, 0.5 * X + 1)
    slope = 2 * np.mean((0.5 * X - (0.5 * X + 1)) * X)
    assert float(layer.scale.value) == pytest.approx(0.5 - 0.1 * slope, rel=1e-5)
    np.testing.assert_allclose(layer(X), X * float(layer.scale.value), rtol=1e-6)


def test_a_variable_that_is_an_attribute_is_a_weight():
    class Scaled(layers.Layer):
        def __init__(self):
            super().__init__(name="scaled")
            self.first = nnlite.Variable(np.full(3, 2.0), name="v")
            self.second = nnlite.Variable(np.ones(()), trainable=False, name="v")

        def call(self, inputs):
            self.second.assign_add(1.0)
            return inputs * self.first

    layer = Scaled()
    np.testing.assert_allclose(layer(X), 2 * X)
    assert [own.path for own in layer.weights] == ["scaled/v", "scaled/v_1"] and layer.second.numpy() == 2
    layer.forward(X)
    np.testing.assert_allclose(layer.backward(1)[1], X.sum(0))


@pytest.mark.parametrize("base", [layers.Layer, Model])
def test_variables_in_lists_and_dicts_are_weights_once_the_layer_is_built(base):
    class Scaled(base):
        def __init__(self):
            super().__init__(name="scaled")
            self.scales = [nnlite.Variable(np.full(3, 2.0), name="v"), (nnlite.Variable(np.full(3, 3.0), name="v"),)]
            self.counts = {"calls": nnlite.Variable(np.zeros(()), trainable=False, name="calls")}

        def build(self, input_shape):
            self.scales.append(nnlite.Variable(np.full(3, 5.0), name="last"))

        def call(self, inputs):
            self.counts["calls"].assign_add(1.0)
            return inputs * self.scales[0] * self.scales[1][0] * self.scales[2]

    layer = Scaled()
    np.testing.assert_allclose(layer(X), 30 * X)
    assert [own.path for own in layer.trainable_weights] == ["scaled/v", "scaled/v_1", "scaled/last"]
    assert [own.path for own in layer.non_trainable_weights] == ["scaled/calls"]
    assert layer.counts["calls"].numpy() == 1
    model = Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(X, X, batch_size=2, epochs=1, verbose=0)
    assert layer.counts["calls"].numpy() == 3 and (layer.scales[1][0].numpy() != 3).all()


def test_a_function_that_graphs_do_not_apply_is_told_from_one_that_does_not_exist():
    with pytest.raises(ConfigError, match=r"nnlite\.ops\.fori_loop is not applied by layers of a graph: apply it"):
        layers.Operation("fori_loop")
    with pytest.raises(ConfigError, match="there is no function 'agmax'"):
        layers.Operation("agmax")
