"""Subclasses of Model that write call, or steps of their own."""

import copy
from typing import Any, cast

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, load_model, ops
from nnlite.errors import ConfigError, DivergenceError, NotReadyError
from nnlite.layers import (
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    Layer,
    TextVectorization,
)
from nnlite.losses import BinaryCrossentropy
from nnlite.metrics import Mean

GENERATOR = np.random.default_rng(5)
X = GENERATOR.normal(size=(40, 4)).astype("float32")
Y = (X @ np.array([1.0, -2.0, 0.5, 1.5]) + 0.3).astype("float32")
SECOND = GENERATOR.normal(size=(40, 2)).astype("float32")


class Net(Model):
    def __init__(self, units=8, rate=0.2, **options):
        super().__init__(**options)
        self.first = Dense(units, activation="tanh", kernel_regularizer="l2")
        self.norm = BatchNormalization()
        self.drop = Dropout(rate)
        self.last = Dense(1)

    def call(self, inputs, training=False):
        hidden = self.norm(self.first(inputs), training=training)
        return self.last(self.drop(hidden, training=training))


class Stepping(Net):
    """Does by hand what the default step does."""

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.gradient for weight in weights], weights)
        for metric in self.metrics:
            metric.update_state(*([loss] if metric.name == "loss" else [y, y_pred]))
        return {metric.name: metric.result() for metric in self.metrics}


class Delegating(Net):
    def train_step(self, data):
        return super().train_step(data)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight) | {"rows": len(x)}


def trained(cls, epochs=3, **options):
    model = cls(seed=1)
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=epochs, batch_size=20, verbose=0, **options)
    return model, history.history


def test_a_subclass_is_what_the_chain_of_its_layers_is():
    model = Net(rate=0.0, seed=1)
    model.build((None, 4))
    chain = Sequential([Input((4,)), *map(copy.deepcopy, model.layers)], seed=1)
    histories = []
    for one in (model, chain):
        one.compile("adam", "mse", metrics=["mae"])
        histories.append(one.fit(X, Y, epochs=4, verbose=0, validation_split=0.25).history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=2e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0), chain.predict(X, verbose=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.jacobian(X[:3]).todense(), chain.jacobian(X[:3]).todense(), rtol=1e-3, atol=1e-5)


def test_the_gradient_of_a_subclass_is_right():
    model = Net(rate=0.0, dtype="float64", seed=1)
    model.build((None, 4))
    model.first.kernel.regularizer = None
    model.compile("sgd", "mse")
    gradient = np.concatenate([np.ravel(part) for part in model.gradient(X, Y)])
    kernel, step = model.first.kernel.value, 1e-6
    numerical = []
    for sign in (1, -1):
        kernel[1, 2] += sign * step
        numerical.append(model.evaluate(X, Y, verbose=0))
        kernel[1, 2] -= sign * step
    slope = (numerical[0] - numerical[1]) / (2 * step)
    names = model.derivatives.parameter_names()
    assert names[:2] == ["dense.kernel", "dense.bias"] and "batch_normalization.gamma" in names
    assert gradient[1 * 8 + 2] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("cls", [Stepping, Delegating])
def test_a_step_written_by_hand_trains_as_the_default_one(cls):
    model, history = trained(Net)
    other, written = trained(cls)
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=2e-6)
    np.testing.assert_allclose(history["loss"], written["loss"], rtol=1e-4)
    np.testing.assert_allclose(history["mae"], written["mae"], rtol=1e-4)
    if cls is Delegating:
        assert written["rows"] == [20, 20, 20]


def test_evaluation_and_validation_call_the_test_step():
    class DoubledNet(Net):
        def test_step(self, data):
            logs = super().test_step(data)
            return logs | {"loss": 2 * logs["loss"]}

    model, history = trained(Net, validation_data=(X, Y))
    other, doubled = trained(DoubledNet, validation_data=(X, Y))
    np.testing.assert_allclose(2 * np.array(history["val_loss"]), doubled["val_loss"], rtol=1e-4)
    loss = other.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(2 * model.evaluate(X, Y, verbose=0)[0], rel=1e-4)
    assert other.test_on_batch(X, Y)[0] == pytest.approx(loss, rel=1e-5)


def test_predict_calls_the_predict_step():
    class Clipped(Net):
        def predict_step(self, data):
            return ops.clip(super().predict_step(data), 0.0, 0.1)

    outputs = trained(Clipped)[0].predict(X, verbose=0)
    assert outputs.shape == (40, 1) and outputs.min() >= 0.0 and outputs.max() <= np.float32(0.1)


def test_a_loss_of_its_own_is_trained_with_its_penalties():
    class Quartic(Net):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.mean((y_pred[:, 0] - y) ** 4)

    model = Quartic(rate=0.0, seed=1)
    model.compile("sgd")
    expected = model.train_on_batch(X, Y, return_dict=True)["loss"]
    again = Quartic(rate=0.0, seed=1)
    again.compile("sgd")
    again._as_input(X)
    outputs = again(X, training=True)
    assert expected == pytest.approx(np.mean((outputs[:, 0] - Y) ** 4), rel=1e-5)
    again.compile({"adam": {"learning_rate": 0.01}})
    history = again.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]


def test_sample_and_class_weights_reach_the_step():
    seen = []

    class Weighing(Net):
        def train_step(self, data):
            seen.append(data)
            return super().train_step(data)

    model = Weighing(seed=1)
    model.compile("sgd", "mse")
    model.fit(X, Y, sample_weight=np.arange(40.0), batch_size=40, shuffle=False, verbose=0)
    x, y, weights = seen[0]
    assert x.shape == (40, 4) and y.shape == (40,) and weights.tolist() == list(range(40))
    labels = (Y > 0).astype(int)
    model = Weighing(seed=1)
    model.compile("sgd", BinaryCrossentropy(from_logits=True))
    model.fit(X, labels, class_weight={0: 1.0, 1: 3.0}, batch_size=40, shuffle=False, verbose=0)
    np.testing.assert_array_equal(seen[-1][2], np.where(labels, 3.0, 1.0))


def test_a_model_without_targets_and_without_loss():
    class TwoPartModel(Model):
        def __init__(self):
            super().__init__(seed=3)
            self.down, self.up = Dense(2), Dense(4)
            self.tracker = Mean(name="reconstruction")

        def call(self, x):
            return self.up(self.down(x))

        def train_step(self, data):
            loss = ops.mean(ops.square(self(data, training=True) - data))
            loss = loss + 0.01 * ops.mean(ops.square(self.down(data)))
            self.zero_grad()
            loss.backward()
            self.optimizer.apply([weight.gradient for weight in self.trainable_weights], self.trainable_weights)
            self.tracker.update_state(loss)
            return {"reconstruction": self.tracker.result()}

    model = TwoPartModel()
    with pytest.raises(NotReadyError, match=r"call compile\(optimizer=...\) before fit"):
        model.fit(X, verbose=0)
    model.compile({"Adam": {"learning_rate": 0.05}})
    history = model.fit(X, epochs=30, verbose=0).history["reconstruction"]
    assert history[-1] < 0.7 * history[0]


def test_two_models_are_trained_in_turn():
    critic = Sequential([Input((4,)), Dense(1)], seed=0)
    maker = Sequential([Input((2,)), Dense(4)], seed=0)

    class Pair(Model):
        def __init__(self):
            super().__init__(seed=0)
            self.critic, self.maker = critic, maker

        def train_step(self, real):
            judge = BinaryCrossentropy(from_logits=True)
            rows = len(real)
            made = self.maker(np.ones((rows, 2)))
            labels = np.concatenate([np.ones((rows, 1)), np.zeros((rows, 1))])
            loss = judge(labels, self.critic(ops.concatenate([real, made], axis=0)))
            self.zero_grad()
            loss.backward()
            assert all(weight.gradient.any() for weight in self.maker.trainable_weights)  # through the critic
            weights = self.critic.trainable_weights
            self.optimizer.apply([weight.gradient for weight in weights], weights)
            return {"critic": loss}

    model = Pair()
    model.compile("sgd")
    before, kept = critic.get_weights(), maker.get_weights()
    assert list(model.fit(X, epochs=2, verbose=0).history) == ["critic"]
    assert all((old != new).any() for old, new in zip(before, critic.get_weights(), strict=True))
    assert all((old == new).all() for old, new in zip(kept, maker.get_weights(), strict=True))


def test_gradients_add_up_until_they_are_zeroed():
    class Twice(Net):
        def train_step(self, data):
            x, y = data
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=False))
            self.zero_grad()
            loss.backward()
            once = self.last.kernel.gradient.copy()
            loss.backward()
            np.testing.assert_allclose(self.last.kernel.gradient, 2 * once, rtol=1e-6)
            self.zero_grad()
            loss.backward()
            np.testing.assert_allclose(self.last.kernel.gradient, once, rtol=1e-6)
            return {"loss": loss}

    trained(Twice, epochs=1)


def test_a_loss_that_is_not_finite_stops_before_the_weights_change():
    class Broken(Net):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.mean(y_pred) * np.nan

    model = Broken(seed=1)
    model.compile("sgd")
    model.build((None, 4))
    before = [weight.value.copy() for weight in model.trainable_weights]
    with pytest.raises(DivergenceError, match="the loss is nan"):
        model.fit(X, Y, verbose=0, on_divergence="stop")
    assert all((old == new.value).all() for old, new in zip(before, model.trainable_weights, strict=True))


def test_a_subclass_is_saved_with_the_arguments_of_its_constructor(tmp_path):
    model, _ = trained(Net)
    model.save(tmp_path / "net.safetensors")
    again = nnlite.load_model(tmp_path / "net.safetensors")
    assert type(again) is Net and again.first.units == 8 and again.optimizer.iterations == 6
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    model.save_weights(tmp_path / "weights.safetensors")
    other = Net(seed=2)
    other.build((None, 4))
    other.load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    clone = nnlite.models.clone_model(model)
    assert clone.built and (clone.first.kernel.value != model.first.kernel.value).all()


class Tower(Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.table, self.pool = Embedding(9, 3), GlobalAveragePooling1D()
        self.last = Dense(3, activation="softmax")

    def call(self, inputs):
        words, numbers = inputs
        return self.last(ops.concatenate([self.pool(self.table(words)), numbers], axis=-1))


def test_several_inputs_of_several_kinds():
    words, labels = GENERATOR.integers(0, 9, (40, 6)), GENERATOR.integers(0, 3, 40)
    model = Tower(seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit([words, SECOND], labels, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and model.predict([words, SECOND], verbose=0).shape == (40, 3)


class Words(Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.vectors = TextVectorization(vocabulary=["good", "bad"], output_sequence_length=3)
        self.table, self.pool, self.last = Embedding(4, 2), GlobalAveragePooling1D(), Dense(1)

    def call(self, texts):
        return self.last(self.pool(self.table(self.vectors(texts))))


def test_a_subclass_takes_strings_and_remembers_it(tmp_path):
    texts, y = np.array(["good", "bad", "good day", "bad day"], object), np.array([1.0, 0.0, 1.0, 0.0])
    model = Words(seed=0)
    model.compile("adam", "mse")
    model.fit(texts, y, epochs=2, verbose=0)
    model.save(tmp_path / "words.safetensors")
    again = nnlite.load_model(tmp_path / "words.safetensors")
    np.testing.assert_array_equal(again.predict(texts, verbose=0), model.predict(texts, verbose=0))


def test_several_outputs_may_be_told_before_compile_or_found_by_fit():
    class Forked(Model):
        def __init__(self):
            super().__init__(seed=0)
            self.one, self.two = Dense(1), Dense(2)

        def call(self, x):
            return self.one(x), self.two(x)

    model = Forked()
    model.build((None, 4))
    model.compile("sgd", ["mse", "mse"], loss_weights=[1.0, 0.5])
    history = model.fit(X, [Y[:, None], SECOND], epochs=3, verbose=0).history
    assert set(history) == {"loss", "mse_loss"} and history["loss"][-1] < history["loss"][0]
    late = Forked()
    late.compile("sgd", "mse")  # one loss for all, before anybody knows how many there are
    assert set(late.fit(X, [Y[:, None], SECOND], epochs=3, verbose=0).history) == set(history)
    assert [output.shape for output in late.predict(X, verbose=0)] == [(40, 1), (40, 2)]
    wrong = Forked()
    wrong.compile("sgd", ["mse"])
    for _ in range(2):
        with pytest.raises(ConfigError, match="loss has 1 entries for 2 outputs: output_1, output_2"):
            wrong.fit(X, [Y[:, None], SECOND], verbose=0)
    wrong.compile("sgd", "mse")
    assert set(wrong.fit(X, [Y[:, None], SECOND], verbose=0).history) == set(history)
    wrong = Forked()
    wrong.compile("sgd", {"a": "mse", "b": "mse"})
    with pytest.raises(ConfigError, match="returns the outputs output_1, output_2; compile was given losses for a, b"):
        wrong.fit(X, [Y, SECOND], verbose=0)


def test_a_subclass_inside_a_graph_and_a_layer_inside_a_subclass():
    class Scaled(Layer):
        def build(self, shape):
            self.factor = self.add_weight((shape[-1],), "ones")

        def call(self, x):
            return x * self.factor

    class Outer(Model):
        def __init__(self):
            super().__init__(seed=0)
            self.scaled, self.net = Scaled(), Net(rate=0.0)

        def call(self, x):
            return self.net(self.scaled(x))

    model = Outer()
    model.compile("adam", "mse")
    assert model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert len(model.trainable_weights) == 7
    inputs = Input((4,))
    graph = Model(inputs, Net(rate=0.0)(inputs), seed=0)
    graph.compile("adam", "mse")
    history = graph.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_what_cannot_be_is_told():
    with pytest.raises(ConfigError, match="needs inputs and outputs"):
        Model()(X)
    with pytest.raises(ConfigError, match="it has no symbol 'output'"):
        Net(seed=0).output  # noqa: B018

    class Wrong(Net):
        def train_step(self, data):
            return 3.0

    with pytest.warns(UserWarning, match="takes them for probabilities"):

        class Raw(Net):
            pass

        raw = Raw(seed=0)
        raw.build((None, 4))
        raw.compile("sgd", "binary_crossentropy")
    with pytest.raises(ConfigError, match="train_step must return a dict"):
        trained(Wrong)
    with pytest.raises(ConfigError, match="folds trains by steps of its own"):
        trained(Stepping, folds=2)


def test_build_may_make_the_layers():
    class Built(Model):
        def build(self, input_shape):
            self.inner = Dense(input_shape[-1], name="inner")
            self.inner.build(input_shape)
            self.built = True

        def call(self, inputs):
            return self.inner(inputs)

    model: Any = cast(Any, Built)(name="whole")
    model.build((None, 4))
    assert [weight.path for weight in model.weights] == ["whole/inner/kernel", "whole/inner/bias"]
    assert model(np.ones((2, 4))).shape == (2, 4)
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    model.fit(np.ones((2, 4)), np.ones((2, 4)), verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 0


def test_call_may_need_training():
    class Doubling(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(2, kernel_initializer="ones")

        def call(self, inputs, training):
            return self.dense(inputs) * (2.0 if training else 1.0)

    model = Doubling()
    assert [model(np.ones((1, 3)), training=told).tolist() for told in (True, False)] == [[[6, 6]], [[3, 3]]]


def test_a_chain_without_a_shape_has_no_symbols():
    model = Sequential([Dense(2)])
    assert not hasattr(model, "inputs") and not hasattr(model, "output")
    with pytest.raises(NotReadyError, match="before it is built"):
        model.count_params()


class GraphWithCall(Model):
    """A graph that its class runs, and changes."""

    def __init__(self, **options):
        inputs = Input((3,))
        outputs = Dropout(0.0)(Dense(2, kernel_initializer="ones", name="inside")(inputs))
        super().__init__(inputs, outputs, **options)

    def call(self, inputs, training=False):
        return 2 * super().call(inputs, training=training)


class GraphWithHead(GraphWithCall):
    def __init__(self, **options):
        super().__init__(**options)
        self.head = Dense(4, kernel_initializer="ones", name="head")

    def call(self, inputs):
        return self.head(Model.call(self, inputs))


@pytest.mark.parametrize(
    ("cls", "weights", "loss", "after"),
    [(GraphWithCall, 2, 25.0, 5.2), (GraphWithHead, 4, 25.0, 4.785)],  # the values of Keras
)
@pytest.mark.parametrize("name", ["m.safetensors", "m.keras"])
def test_a_class_may_run_its_graph_in_its_call(cls, weights, loss, after, name, tmp_path):
    model, x = cls(), np.ones((5, 3))
    width = model(x).shape[1]
    np.testing.assert_array_equal(model(x), np.full((5, width), 6.0))
    assert len(model.weights) == len(model.trainable_weights) == weights and model.output_shape == (None, width)
    model.compile("sgd", "mse")
    assert model.evaluate(x, np.ones((5, width)), verbose=0) == loss
    model.fit(x, np.ones((5, width)), batch_size=5, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), np.full((5, width), after), rtol=1e-6)
    model.save(tmp_path / name)
    again = load_model(tmp_path / name)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_call_of_a_graph_takes_and_gives_what_the_graph_does():
    class Halves(Model):
        def __init__(self):
            first, second = Input((2,), name="first"), Input((2,), name="second")
            super().__init__([first, second], {"sum": first + second, "both": [first, second]})

        def call(self, inputs):
            outputs = super().call(inputs)
            return {"sum": outputs["sum"] / 2, "both": outputs["both"]}

    model, x = Halves(), np.ones((4, 2))
    for data in ([x, 3 * x], {"first": x, "second": 3 * x}):
        outputs = model(data)
        np.testing.assert_array_equal(outputs["sum"], 2 * x)
        np.testing.assert_array_equal(outputs["both"][1], 3 * x)
