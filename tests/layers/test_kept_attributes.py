"""Attributes that the `call` of a user's class sets: they are there after it, as those that other methods set."""

import numpy as np

from nnlite import Model, Sequential
from nnlite.layers import Dense, Layer

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")


class Watching(Layer):
    """Counts its calls, and keeps what it was told and what it computed."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense, self.calls, self.seen = Dense(2), 0, {}

    def call(self, inputs, training=False):
        features = self.dense(inputs)
        self.calls += 1
        self.training_before, self.seen, self.last = training, {"features": features}, self.dense
        return features


def test_attributes_that_call_sets_are_kept():
    layer = Watching()
    layer.build((None, 4))
    assert layer.calls == 0  # what layers are tried on does not count
    outputs = layer(X, training=True)
    assert (layer.calls, layer.training_before, layer.last) == (1, True, layer.dense)
    assert type(layer.seen["features"]) is np.ndarray
    np.testing.assert_array_equal(layer.seen["features"], outputs)


def test_training_keeps_them_in_models_and_in_layers_inside():
    class CountingNet(Model):
        def __init__(self):
            super().__init__()
            self.watching, self.steps = Watching(), 0

        def call(self, inputs):
            self.steps += 1
            return self.watching(inputs)

    model = CountingNet()
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], batch_size=8, verbose=0)
    assert model.steps == model.watching.calls == 2


def test_a_weight_stays_the_weight_of_its_name():
    class Shifted(Layer):
        def build(self, input_shape):
            self.shift = self.add_weight((4,), "ones", name="shift")

        def call(self, inputs):
            self.shift = self.shift * 2
            return inputs + self.shift

    shifted = Shifted()
    model = Sequential([shifted])
    np.testing.assert_allclose([model(X), model(X)], [X + 2] * 2)
    assert shifted.shift is model.weights[0]
