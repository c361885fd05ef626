"""Models and layers whose outputs are dicts and nested lists."""

import json
from collections import namedtuple

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, layers, ops
from nnlite.errors import ConfigError, DataError
from nnlite.layers.base.contract.structure import arranged_as, leaves_in, leaves_of, structure_of

X = np.random.default_rng(0).normal(size=(8, 3))
PRICE, KIND = np.random.default_rng(1).normal(size=(8, 2)), (X[:, :1] > 0).astype(float)


def drawn(**names):
    inputs = Input((3,), name="in")
    hidden = layers.Dense(4, "tanh", name="hidden")(inputs)
    price, kind = layers.Dense(2, name="first")(hidden), layers.Dense(1, "sigmoid", name="second")(hidden)
    return Model(inputs, {"price": price, "kind": kind}, seed=0, **names)


class Written(Model):
    def __init__(self):
        super().__init__(seed=0)
        self.price, self.kind = layers.Dense(2), layers.Dense(1, activation="sigmoid")

    def call(self, inputs):
        return {"price": self.price(inputs), "kind": self.kind(inputs)}


def test_leaves_and_structure_are_put_together_again():
    value = {"a": "x", "b": ["y", {"c": "z"}]}
    assert leaves_of(value) == ["x", "y", "z"] and structure_of(value) == {"a": 0, "b": [1, {"c": 2}]}
    assert arranged_as(structure_of(value), leaves_of(value)) == value
    assert leaves_in(structure_of(value), {"b": ["y", {}]}) == [None, "y", None]
    with pytest.raises(ConfigError, match="no output 'd'"):
        leaves_in(structure_of(value), {"d": 1})
    with pytest.raises(ConfigError, match="a list of 2 outputs"):
        leaves_in(structure_of(value), {"b": ["y"]})


def test_a_model_returns_its_outputs_in_the_form_they_were_drawn_in():
    model = drawn()
    predicted, called = model.predict(X, verbose=0), model(X)
    assert list(predicted) == list(called) == model.output_names == ["kind", "price"]
    assert predicted["price"].shape == (8, 2) and predicted["kind"].shape == (8, 1)
    for name in predicted:
        np.testing.assert_allclose(predicted[name], called[name], rtol=1e-6)
    batch = model.predict_on_batch(X)
    np.testing.assert_array_equal(batch["kind"], called["kind"])
    assert {name: symbol.shape for name, symbol in model.output.items()} == {"price": (None, 2), "kind": (None, 1)}


def test_nested_outputs_keep_their_form_in_a_config_and_in_a_graph(tmp_path):
    inputs = Input((3,))
    first = layers.Dense(2)(inputs)
    model = Model(inputs, {"deep": {"left": first}, "list": [layers.Dense(1)(first), first]}, seed=0)
    twin = Model.from_config(json.loads(json.dumps(model.get_config())))
    twin.set_weights(model.get_weights())
    for one in (model, twin):
        outputs = one(X)
        np.testing.assert_array_equal(outputs["deep"]["left"], outputs["list"][1])
        np.testing.assert_array_equal(outputs["list"][0], model(X)["list"][0])
    outer = Model(inputs, ops.relu(model(inputs)["deep"]["left"]))
    np.testing.assert_allclose(outer(X), np.maximum(model(X)["deep"]["left"], 0))
    model.save(tmp_path / "model.nnlite")
    np.testing.assert_array_equal(nnlite.load_model(tmp_path / "model.nnlite")(X)["list"][0], model(X)["list"][0])


def test_a_config_with_a_structure_of_other_numbers_is_refused():
    config = drawn().to_spec()["Model"]
    with pytest.raises(ConfigError, match="numbers below 2"):
        Model.from_config({**config, "structure": {"price": 0, "kind": 2}})


@pytest.mark.parametrize("make", [drawn, Written])
def test_losses_and_metrics_by_the_keys_of_the_outputs(make):
    model = make()
    model.compile("sgd", {"price": "mse", "kind": "binary_crossentropy"}, {"kind": ["accuracy"]})
    history = model.fit(X, {"kind": KIND, "price": PRICE}, epochs=2, verbose=0).history
    assert set(history) == {"loss", "price_loss", "kind_loss", "kind_accuracy"}
    logs, predicted = model.evaluate(X, {"price": PRICE, "kind": KIND}, verbose=0, return_dict=True), model(X)
    assert logs["price_loss"] == pytest.approx(np.mean((predicted["price"] - PRICE) ** 2), rel=1e-5)
    assert logs["kind_accuracy"] == pytest.approx(np.mean((predicted["kind"] > 0.5) == KIND))


def test_a_written_model_takes_its_outputs_in_another_order_than_the_losses():
    model = Written()
    model.compile("sgd", {"kind": "binary_crossentropy", "price": "mse"})
    model.fit(X, {"kind": KIND, "price": PRICE}, epochs=1, verbose=0)
    logs = model.evaluate(X, {"kind": KIND, "price": PRICE}, verbose=0, return_dict=True)
    assert logs["price_loss"] == pytest.approx(np.mean((model(X)["price"] - PRICE) ** 2), rel=1e-5)


def test_losses_for_other_outputs_than_call_returns_are_refused():
    model = Written()
    model.compile("sgd", {"cost": "mse", "kind": "mse"})
    with pytest.raises(ConfigError, match="the outputs price, kind; compile was given losses for cost, kind"):
        model.fit(X, {"cost": PRICE, "kind": KIND}, verbose=0)


def test_an_output_without_loss_needs_no_target():
    model = drawn()
    model.compile("sgd", {"price": "mse"})
    logs = model.evaluate(X, {"price": PRICE}, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(np.mean((model(X)["price"] - PRICE) ** 2), rel=1e-5)
    model.compile("sgd", {"price": "mse"}, {"kind": ["mae"]})
    with pytest.raises(DataError, match="needs targets for kind, price"):
        model.evaluate(X, {"price": PRICE}, verbose=0)


def test_a_dict_of_one_output():
    inputs = Input((3,))
    model = Model(inputs, {"price": layers.Dense(2)(inputs)}, seed=0)
    model.compile("sgd", {"price": "mse"}, {"price": ["mae"]})
    model.fit(X, {"price": PRICE}, verbose=0)
    loss, mae = model.evaluate(X, {"price": PRICE}, verbose=0)
    outputs = model.predict(X, verbose=0)["price"]
    assert loss == pytest.approx(np.mean((outputs - PRICE) ** 2), rel=1e-5)
    assert mae == pytest.approx(np.mean(abs(outputs - PRICE)), rel=1e-5)


class OwnStep(Written):
    def train_step(self, data):
        x, y = data
        assert set(y) == {"price", "kind"}
        outputs = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=outputs)
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.gradient for weight in weights], weights)
        return {"loss": loss, **self.compute_metrics(x, y, outputs)}


def test_a_training_step_of_ones_own_sees_targets_and_outputs_as_dicts():
    plain, own = Written(), OwnStep()
    for model in (plain, own):
        model.build((None, 3))
        model.compile("sgd", {"price": "mse", "kind": "mse"})
    own.set_weights(plain.get_weights())
    for model in (plain, own):
        model.fit(X, {"price": PRICE, "kind": KIND}, batch_size=8, epochs=2, verbose=0, shuffle=False)
    for first, second in zip(plain.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5)


class Pair(layers.Layer):
    def call(self, inputs):
        return {"same": inputs, "twice": [2 * inputs]}


def test_a_layer_returns_a_dict_to_arrays_graphs_and_other_layers():
    outputs = Pair()(X)
    np.testing.assert_allclose(outputs["twice"][0], 2 * X.astype("float32"))

    class Sum(layers.Layer):
        def __init__(self):
            super().__init__()
            self.pair = Pair()

        def call(self, inputs):
            both = self.pair(inputs)
            return both["same"] + both["twice"][0]

    np.testing.assert_allclose(Sum()(X), 3 * X.astype("float32"), rtol=1e-6)
    inputs = Input((3,))
    model = Model(inputs, Pair()(inputs)["twice"][0] - inputs)
    np.testing.assert_allclose(model(X), X.astype("float32"), rtol=1e-6)


def test_a_model_has_named_tuples_of_symbols():
    Pair = namedtuple("Pair", "left right")
    ends = Pair(Input((2,)), Input((2,)))
    model = Model(ends, Pair(ends.left + ends.right, ends.left - ends.right))
    total, difference = model.predict(Pair(np.full((1, 2), 3.0), np.ones((1, 2))), verbose=0)
    assert (total.tolist(), difference.tolist()) == ([[4, 4]], [[2, 2]])


def nested_list():
    inputs = Input((3,))
    ends = [layers.Dense(1, name=name, kernel_initializer="ones")(inputs) for name in "pqr"]
    return Model(inputs, [ends[0], [ends[1], ends[2]]], seed=0)


def test_losses_metrics_and_targets_may_be_nested_like_the_outputs():
    targets = [KIND, [KIND, KIND]]
    flat, nested = nested_list(), nested_list()
    flat.compile("sgd", ["mse", "mae", "mse"], metrics=[None, "mse", "mae"], loss_weights=[1.0, 2.0, 3.0])
    nested.compile("sgd", ["mse", ["mae", "mse"]], metrics=[None, ["mse", "mae"]], loss_weights=[1.0, [2.0, 3.0]])
    histories = [model.fit(X, y, verbose=0).history for model, y in ((flat, [KIND] * 3), (nested, targets))]
    assert histories[0] == histories[1] and sorted(histories[0]) == [
        "1/q_loss",
        "1/r_loss",
        "loss",
        "p_loss",
        "q_mse",
        "r_mae",
    ]
    with pytest.raises(ConfigError, match="loss has 2 entries for 3 outputs"):
        nested.compile("sgd", ["mse", "mae"])


def test_losses_may_be_nested_dicts_like_the_outputs():
    inputs = Input((3,))
    model = Model(inputs, {"u": layers.Dense(1)(inputs), "w": {"z": layers.Dense(1)(inputs)}}, seed=0)
    model.compile("sgd", {"u": "mse", "w": {"z": "mae"}})
    y = {"u": KIND, "w": {"z": KIND}}
    logs, predicted = model.evaluate(X, y, verbose=0, return_dict=True), model.predict(X, verbose=0)
    assert logs["u_loss"] == pytest.approx(np.square(predicted["u"] - KIND).mean(), rel=1e-5)
    assert logs["w/z_loss"] == pytest.approx(np.abs(predicted["w"]["z"] - KIND).mean(), rel=1e-5)


def test_weights_of_rows_may_be_nested_like_the_outputs():
    first, second, third = (np.linspace(start, 1, len(X)) for start in (0.0, 0.2, 0.4))
    results = []
    for weights in ([first, second, third], [first, [second, third]]):
        model = nested_list()
        model.compile("sgd", "mse")
        results.append(model.fit(X, [KIND, [KIND, KIND]], sample_weight=weights, verbose=0).history)
    assert results[0] == results[1]


def test_tuples_of_inputs_and_outputs_stay_tuples():
    first, second = Input((2,)), Input((2,))
    model = Model((first, second), (first + second, (second, [first])))
    for ends in (model.output, model([np.ones((1, 2)), np.zeros((1, 2))])):
        assert type(ends) is tuple and type(ends[1]) is tuple and type(ends[1][1]) is list
    assert type(model.input) is tuple


@pytest.mark.parametrize(
    "loss, plain",
    [({"price": ["mse"], "kind": "mae"}, {"price": "mse", "kind": "mae"}), ([["mae"], "mse"], ["mae", "mse"])],
)
def test_the_loss_of_an_output_may_be_a_list_of_one(loss, plain):
    in_list, alone = drawn(), drawn()
    in_list.compile("sgd", loss)
    alone.compile("sgd", plain)
    targets = {"price": PRICE, "kind": KIND}
    assert in_list.evaluate(X, targets, verbose=0) == alone.evaluate(X, targets, verbose=0)


def test_no_metrics_may_be_an_empty_dict():
    model = nnlite.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", metrics={})
    assert list(model.evaluate(X, KIND, verbose=0, return_dict=True)) == ["loss"]
