"""What programs of Keras's guides do beside the usual: layers made within call, graphs of nodes, odd constructors."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model, ops
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.layers import (
    Activation,
    Add,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Layer,
    add,
)
from nnlite.utils import normalize

GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=(12, 4)).astype("float32")
Y = GENERATOR.normal(size=(12, 1)).astype("float32")


class Residual(Layer):
    """Makes layers without weights where it uses them."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = Dense(4)

    def call(self, inputs):
        hidden = Activation("tanh")(self.dense(inputs))
        return add([inputs, Dropout(0.5)(Concatenate()([hidden, inputs])[:, :4])])


def test_layers_without_weights_may_be_made_within_call():
    inputs = Input((4,))
    layer = Residual()
    model = Model(inputs, layer(inputs), seed=0)
    kernel = layer.dense.kernel.value
    np.testing.assert_allclose(model(X), X + np.tanh(X @ kernel), rtol=1e-5, atol=1e-6)
    weights = GENERATOR.normal(size=(12, 4)).astype("float32")
    by_dense = (weights * (1 - np.tanh(X @ kernel) ** 2)) @ kernel.T
    np.testing.assert_allclose(model.vjp(X, weights)[0], weights + by_dense, rtol=1e-4, atol=1e-5)
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(X, X, epochs=2, verbose=0).history["loss"]).all()


def test_a_layer_with_weights_is_not_made_within_call():
    class Forgetful(Layer):
        def call(self, inputs):
            return Dense(2)(inputs)

    with pytest.raises(ConfigError, match="has weights: keep it as an attribute"):
        Forgetful()(X)


def test_arguments_at_their_defaults_are_no_options():
    class Optional(Layer):
        def call(self, inputs, shift=None, scale=1.0):
            return scale * inputs if shift is None else scale * inputs + shift

    inputs, shift = Input((4,)), Input((4,))
    assert Model(inputs, Optional()(inputs, shift=None, scale=1.0))(X).tolist() == X.tolist()
    assert Model([inputs, shift], Optional()(inputs, shift))([X, X]).tolist() == (X + X).tolist()


def test_a_kernel_may_be_read_before_its_layer_is_used():
    class Masked(Layer):
        def __init__(self):
            super().__init__()
            self.conv = Conv2D(2, 3, padding="same")

        def build(self, input_shape):
            self.conv.build(input_shape)
            self.mask = np.ones(self.conv.kernel.shape)
            self.mask[1:] = 0

        def call(self, inputs):
            self.conv.kernel.assign(self.conv.kernel * self.mask)
            return self.conv(inputs)

    layer = Masked()
    model = Sequential([Input((5, 5, 1)), layer])
    model.compile("sgd", "mse")
    model.fit(GENERATOR.normal(size=(4, 5, 5, 1)), GENERATOR.normal(size=(4, 5, 5, 2)), verbose=0)
    model(np.zeros((1, 5, 5, 1)))
    assert not layer.conv.kernel.value[1:].any() and layer.conv.kernel.value[0].any()


def test_a_layer_that_needs_a_mask_is_built_with_one():
    class Shares(Layer):
        supports_masking = True

        def call(self, inputs, mask=None):
            assert mask is not None
            numbers = ops.exp(inputs) * ops.expand_dims(ops.cast(mask, "float32"), -1)
            return numbers / ops.sum(numbers, axis=1, keepdims=True)

    steps = Input((None,), dtype="int32")
    model = Model(steps, Shares()(Dense(1)(Embedding(10, 4, mask_zero=True)(steps))))
    shares = model.predict(np.array([[1, 2, 0], [3, 0, 0]]), verbose=0)[..., 0]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert (shares == 0).tolist() == [[False, False, True], [False, True, True]]


class Neighbours(Layer):
    """The sum over the neighbours of each of as many nodes as there are."""

    def __init__(self):
        super().__init__()
        self.dense = Dense(3)

    def call(self, inputs):
        nodes, edges = inputs
        given = ops.take(self.dense(nodes), edges[:, 1], axis=0)
        return nodes[:, :3] + ops.segment_sum(given, edges[:, 0], num_segments=len(X))


class OfGraph(Model):
    """Is trained on the numbers of nodes, which is not what `call` takes."""

    def __init__(self, nodes, edges):
        super().__init__(seed=0)
        self.nodes, self.edges, self.hidden, self.last = nodes, edges, Neighbours(), Dense(1)

    def call(self, inputs):
        return self.last(self.hidden(inputs))

    def train_step(self, data):
        chosen, targets = data
        loss = ops.mean(ops.square(ops.take(self([self.nodes, self.edges]), chosen, axis=0) - targets))
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.gradient for weight in weights], weights)
        return {"loss": loss}


def test_nodes_and_edges_have_numbers_of_rows_of_their_own():
    edges = GENERATOR.integers(len(X), size=(30, 2))
    model = OfGraph(X, edges)
    assert model([X, edges]).shape == (12, 1)
    model.compile("adam")
    losses = model.fit(np.arange(12), Y, epochs=30, batch_size=12, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_stated_batch_size_is_what_a_layer_is_tried_on():
    class Flat(Layer):
        def __init__(self):
            super().__init__()
            self.dense = Dense(4)

        def call(self, inputs):
            return ops.reshape(self.dense(ops.reshape(inputs, (6 * 2, 4))), (6, 2, 4))

    inputs = Input((2, 4), batch_size=6)
    outputs = Flat()(inputs)
    assert outputs.shape == (6, 2, 4)
    assert Model(inputs, outputs).predict(np.ones((12, 2, 4)), batch_size=6, verbose=0).shape == (12, 2, 4)


def test_the_config_of_a_class_that_writes_its_own_begins_with_that_of_nnlite():
    class Repeated(Layer):
        def __init__(self, times=2, **options):
            super().__init__(**options)
            self.times = times

        def call(self, inputs):
            return inputs * self.times

        def get_config(self):
            return dict(times=self.times, **super().get_config())

    assert list(Repeated(3).get_config())[:2] == ["times", "name"]
    model = Sequential([Input((4,)), Repeated(3), Dense(1)])
    again = Sequential.from_config(model.get_config(), custom_objects={"Repeated": Repeated})
    assert again.layers[0].times == 3
    graph = Model(model.input, model.output)
    assert Model.from_config(graph.get_config(), custom_objects={"Repeated": Repeated}).operations[1].times == 3


class Compiling(Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def compile(self, optimizer, measure):
        super().compile(optimizer=optimizer, loss=measure)


class Fixed(Sequential):
    def __init__(self):
        super().__init__([Input((4,)), Dense(1)])


def test_classes_with_constructors_and_compile_of_their_own_are_loaded(tmp_path):
    model = Compiling()
    model.compile("sgd", measure="mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "compiling.safetensors")
    with pytest.warns(TrainingWarning, match="compile the model by its own compile"):
        again = load_model(tmp_path / "compiling.safetensors")
    assert not again.compiled and again(X).tolist() == model(X).tolist()
    fixed = Fixed()
    fixed.save(tmp_path / "fixed.safetensors")
    again = load_model(tmp_path / "fixed.safetensors")
    assert type(again) is Fixed and again(X).tolist() == fixed(X).tolist()


def test_what_train_step_normalizes_has_a_derivative():
    class Direction(Compiling):
        def train_step(self, data):
            outputs = normalize(self.dense(data[0]) + 1, axis=0)
            loss = ops.mean(outputs)
            self.zero_grad()
            loss.backward()
            return {"loss": loss, "slope": np.abs(self.dense.bias.gradient).sum()}

    model = Direction(seed=0)
    model.compile("sgd", "mse")
    assert model.train_on_batch(X, Y, return_dict=True)["slope"] > 0
    assert Add()([X, X]).tolist() == (X + X).tolist()
