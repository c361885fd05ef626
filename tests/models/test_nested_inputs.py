"""Data that are nested, or a tuple, reach `call` in the form in which they were given, as in Keras 3."""

import copy

import numpy as np
import pytest

from nnlite import Input, Model, load_model
from nnlite.errors import ConfigError
from nnlite.layers import Dense, Layer
from nnlite.models import clone_model
from nnlite.utils import register_keras_serializable

X = np.sin(np.arange(24.0)).reshape(6, 4)
Y = X.sum(-1, keepdims=True)


def total(inputs):
    """The sum of all arrays, with the last one of a tuple or list counted twice."""
    if isinstance(inputs, dict):
        return sum(map(total, inputs.values()))
    if isinstance(inputs, (tuple, list)):
        return sum(map(total, inputs)) + total(inputs[-1])
    return inputs


@register_keras_serializable("tests")
class OfNested(Model):
    """A dense layer of the sum."""

    def __init__(self, **options):
        super().__init__(**{"seed": 0, **options})
        self.dense = Dense(1)

    def call(self, inputs):
        return self.dense(total(inputs))


@register_keras_serializable("tests")
class DenseOfNested(Layer):
    """A dense layer of the sum, as a layer."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = Dense(1)

    def call(self, inputs):
        return self.dense(total(inputs))


class Kind(Model):
    """The type of its data."""

    def call(self, inputs):
        self.kind = type(inputs)
        return inputs[0] + inputs[1]


FORMS = {
    "tuples": (X, (2 * X, X)),
    "lists": [X, [2 * X, X]],
    "dicts": {"n": {"a": X}, "m": X},
    "mixed": {"n": (X, {"a": X}), "m": [X, X]},
}


@pytest.fixture(params=FORMS)
def data(request):
    return FORMS[request.param]


class TestModels:
    def test_a_call_computes_what_is_nested(self, data):
        model = OfNested()
        output = model(data)
        kernel, bias = model.get_weights()
        np.testing.assert_allclose(output, total(data) @ kernel + bias, rtol=1e-5)
        np.testing.assert_allclose(model.predict(data, batch_size=4, verbose=0), output, rtol=1e-6)

    def test_training_builds_it_and_equals_that_on_the_sum(self, data):
        whole, nested = OfNested(), OfNested()
        logs = []
        for model, x in ((whole, total(data)), (nested, data)):
            model.compile("sgd", "mse")
            logs.append(model.fit(x, Y, epochs=2, batch_size=4, verbose=0, validation_split=0.5).history)
        assert logs[1]["loss"] == pytest.approx(logs[0]["loss"])
        assert logs[1]["val_loss"] == pytest.approx(logs[0]["val_loss"])
        assert nested.evaluate(data, Y, verbose=0) == pytest.approx(whole.evaluate(total(data), Y, verbose=0))

    @pytest.mark.parametrize("name", ["model.keras", "model.safetensors"])
    def test_files(self, data, name, tmp_path):
        model = OfNested()
        model.compile("sgd", "mse")
        model.fit(data, Y, verbose=0)
        model.save(tmp_path / name)
        again = load_model(tmp_path / name)
        np.testing.assert_allclose(again.predict(data, verbose=0), model.predict(data, verbose=0), rtol=1e-6)

    def test_copies(self, data):
        model = OfNested()
        output = model(data)
        np.testing.assert_array_equal(copy.deepcopy(model)(data), output)
        twin = clone_model(model)
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin(data), output)

    def test_keys_may_come_in_another_order(self):
        model = OfNested()
        expected = model({"n": {"a": X, "b": (X, 2 * X)}, "m": X})
        np.testing.assert_allclose(model({"m": X, "n": {"b": (X, 2 * X), "a": X}}), expected, rtol=1e-6)

    def test_another_nesting_is_refused(self):
        model = OfNested()
        model((X, (X, X)))
        with pytest.raises(ConfigError, match=r"built for data nested as \(0, \(1, 2\)\)|expected a list of 2"):
            model(((X, X), X))

    @pytest.mark.parametrize("kind", [tuple, list])
    def test_a_flat_tuple_stays_one(self, kind):
        model = Kind()
        model.compile("sgd", "mse")
        model.predict(kind((X, X)), verbose=0)
        assert model.kind is kind


class TestLayers:
    def symbols(self, data):
        if isinstance(data, dict):
            return {key: self.symbols(item) for key, item in data.items()}
        return type(data)(map(self.symbols, data)) if isinstance(data, (tuple, list)) else Input((4,))

    def leaves(self, data):
        if not isinstance(data, (dict, tuple, list)):
            return [data]
        return [leaf for item in (data.values() if isinstance(data, dict) else data) for leaf in self.leaves(item)]

    @pytest.mark.parametrize("name", ["model.keras", "model.safetensors"])
    def test_in_a_graph_and_in_files(self, data, name, tmp_path):
        symbols = self.symbols(data)
        model = Model(self.leaves(symbols), DenseOfNested()(symbols), seed=0)
        kernel, bias = model.get_weights()
        outputs = model.predict(self.leaves(data), verbose=0)
        np.testing.assert_allclose(outputs, total(data) @ kernel + bias, rtol=1e-5)
        model.save(tmp_path / name)
        np.testing.assert_array_equal(load_model(tmp_path / name).predict(self.leaves(data), verbose=0), outputs)

    def test_its_config_builds_it(self, data):
        layer, twin = DenseOfNested(), DenseOfNested()
        output = layer(data)
        twin.build_from_config(layer.get_build_config())
        twin.set_weights(layer.get_weights())
        np.testing.assert_array_equal(twin(data), output)


def test_outputs_in_tuples_stay_in_tuples():
    inputs = Input((4,))
    model = Model(inputs, (Dense(1)(inputs), {"v": [Dense(1)(inputs), Dense(1)(inputs)]}), seed=0)
    for outputs in (model(X), model.predict(X, verbose=0), Model.from_config(model.get_config())(X)):
        assert isinstance(outputs, tuple)
        assert isinstance(outputs[1]["v"], list)
    model.compile("sgd", "mse")
    assert len(model.fit(X, (Y, {"v": [Y, Y]}), verbose=0).history) == 4


class Steps(Model):
    """A graph with a step of its own."""

    def train_step(self, data):
        x, y = data
        outputs = self(x, training=True)
        self.zero_grad()
        loss = self.compute_loss(x=x, y=y, y_pred=outputs)
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.gradient for weight in weights], weights)
        return {**self.compute_metrics(x, y, outputs), "loss": loss}


def test_outputs_in_tuples_reach_losses_in_steps_of_the_users():
    losses = []
    for kind in (Model, Steps):
        inputs = Input((4,))
        model = kind(inputs, (Dense(1)(inputs), {"v": Dense(1)(inputs)}), seed=0)
        model.compile("sgd", "mse")
        losses.append(model.fit(X, (Y, {"v": 2 * Y}), batch_size=6, verbose=0).history["loss"])
    assert losses[1] == pytest.approx(losses[0])
