"""Graphs of layers: several inputs and outputs, shared layers, training, files, errors."""

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from numeric import EXACT, complex_step, relative_error

from nnlite import Input, Model, Sequential, layers, load_model
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import (
    Add,
    BatchNormalization,
    Columns,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Multiply,
    Normalization,
)
from nnlite.models import clone_model
from nnlite.models.drawn import drawing

generator = np.random.default_rng(8)


def two_by_two(seed=0):
    """Two inputs, a shared layer, two outputs of which one ends in a softmax."""
    left, right = Input((3,), name="left"), Input((2,), name="right")
    shared = Dense(4, activation="tanh", name="shared")
    both = Concatenate(name="both")([shared(left), Dense(4, name="own")(right)])
    mixed = Add(name="mixed")([shared(left), Dense(4, name="narrow")(both)])
    price, kind = Dense(1, name="price")(mixed), Dense(3, activation="softmax", name="kind")(mixed)
    return Model([left, right], [price, kind], seed=seed)


def compiled(model, **options):
    losses = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
    model.compile({"Adam": {"learning_rate": 0.01}}, losses, {"kind": ["accuracy"]}, **options)
    return model


X = [generator.normal(size=(120, 3)), generator.normal(size=(120, 2))]
Y = [X[0].sum(1, keepdims=True), (X[1][:, 0] > 0).astype(int) + (X[1][:, 1] > 0)]


class TestOneInputOneOutput:
    def test_a_chain_is_the_same_as_sequential(self):
        given = Input((3,))
        hidden, dropout, last = Dense(8, activation="relu"), Dropout(0.2), Dense(3, activation="softmax")
        graph = Model(given, last(dropout(hidden(given))), seed=4)
        chain = Sequential(
            [Input((3,)), Dense(8, activation="relu"), Dropout(0.2), Dense(3, activation="softmax")], seed=4
        )
        histories = []
        for model in (graph, chain):
            model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
            histories.append(model.fit(X[0], Y[1], epochs=3, validation_split=0.2, verbose=0).history)
        assert histories[0] == histories[1]
        np.testing.assert_array_equal(graph.predict(X[0], verbose=0), chain.predict(X[0], verbose=0))

    def test_the_loss_takes_a_final_softmax_over(self):
        given = Input((3,))
        model = Model(given, Dense(3, activation="softmax")(given), seed=0)
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.set_weights([np.diag([1e3, 0, 0]), np.zeros(3)])
        assert model.evaluate(np.array([[1.0, 0, 0]]), [1], verbose=0) == pytest.approx(1000)

    def test_but_not_one_that_something_else_needs(self):
        given = Input((3,))
        p = Dense(3, activation="softmax", name="p")(given)
        model = Model(given, Multiply()([p, p]), seed=0)
        model.compile("sgd", "mse")
        assert model._until_loss(model.loss)[2] is None

    @pytest.mark.usefixtures("double_precision")
    def test_a_shared_layer_gets_the_sum_of_both_gradients(self):
        given, layer = Input((2,)), Dense(2, activation="tanh")
        model = Model(given, layer(layer(given)), seed=0)
        x, upstream = generator.normal(size=(5, 2)), generator.normal(size=(5, 2))
        kernel, bias = model.get_weights()

        def output(kernel, bias):
            return np.tanh(np.tanh(x @ kernel + bias) @ kernel + bias)

        _, found = model.vjp(x, upstream)
        expected = [np.tensordot(upstream, complex_step(output, [kernel, bias], index), 2).ravel() for index in (0, 1)]
        assert relative_error(found, np.concatenate(expected)) <= EXACT
        assert len(model.parameters) == 2

    def test_batch_normalization_keeps_its_averages(self):
        given = Input((3,))
        model = Model(given, Dense(1)(BatchNormalization()(given)), seed=0)
        model.compile("sgd", "mse")
        model.fit(X[0] + 5, Y[0], epochs=1, verbose=0)
        assert (model.layers[1].get_weights()[2] > 0.1).all()

    def test_a_frozen_layer_stays(self):
        given, frozen = Input((3,)), Dense(4, trainable=False)
        model = Model(given, Dense(1)(frozen(given)), seed=0)
        before = frozen.get_weights()
        model.compile("adam", "mse")
        model.fit(X[0], Y[0], verbose=0)
        np.testing.assert_array_equal(frozen.get_weights()[0], before[0])
        assert len(model.trainable_weights) == 2

    def test_seed_decides_the_weights_of_new_layers_only(self):
        known = Dense(4)
        known._ensure_built((None, 3))
        known.set_weights([np.full((3, 4), 7.0), np.zeros(4)])

        def kernels(seed, layer):
            given = Input((3,))
            return [value for value in Model(given, Dense(2)(layer(given)), seed=seed).get_weights() if value.ndim > 1]

        first, second, third = kernels(0, Dense(4)), kernels(0, Dense(4)), kernels(1, Dense(4))
        np.testing.assert_array_equal(first[0], second[0])
        assert (first[0] != third[0]).any()
        assert (kernels(0, known)[0] == 7).all()

    def test_a_graph_goes_on_where_another_ends(self):
        given = Input((3,))
        base = Model(given, Dense(4, activation="relu", name="hidden")(given), seed=0)
        longer = Model(base.input, Dense(1)(base.output), seed=1)
        assert longer.layers[1] is base.layers[1]
        np.testing.assert_array_equal(longer.predict(X[0], verbose=0), longer.layers[-1](base.predict(X[0], verbose=0)))
        assert two_by_two().input[1].name == "right"
        assert base.input is given
        assert [symbol.layer.name for symbol in two_by_two().output] == ["price", "kind"]

    def test_embedding_and_numbers_from_one_table(self):
        given = Input((3,))
        codes = Flatten()(Embedding(5, 2)(Columns([2])(given)))
        model = Model(given, Dense(1)(Concatenate()([Columns([0, 1])(given), codes])), seed=0)
        x = np.column_stack([generator.normal(size=(10, 2)), generator.integers(0, 5, 10)])
        assert model.predict(x, verbose=0).shape == (10, 1)
        model.compile("adam", "mse")
        before = model.get_weights()[0].copy()
        model.train_on_batch(x, x[:, :1])
        assert (model.get_weights()[0] != before).any()

    def test_normalization_inside_learns_its_data(self):
        given = Input((3,))
        model = Model(given, Dense(1)(Normalization()(given)), seed=0)
        assert not model.adapted
        model.adapt(X[0] * 10 + 3)
        np.testing.assert_allclose(model.layers[1](X[0] * 10 + 3).mean(0), 0, atol=1e-5)


class TestSeveral:
    def test_training_lowers_both_losses(self):
        model = compiled(two_by_two())
        history = model.fit(X, Y, epochs=40, batch_size=16, validation_split=0.2, verbose=0).history
        assert history.keys() == {
            *("loss", "price_loss", "kind_loss", "kind_accuracy"),
            *("val_loss", "val_price_loss", "val_kind_loss", "val_kind_accuracy"),
        }
        for name in ("loss", "price_loss", "kind_loss"):
            assert history[name][-1] < 0.7 * history[name][0]
        assert history["kind_accuracy"][-1] > 0.65

    def test_the_loss_is_the_weighted_sum(self):
        model = compiled(two_by_two(), loss_weights={"price": 0.25})
        found = model.evaluate(X, Y, return_dict=True, verbose=0)
        price, kind = model.predict(X, verbose=0)
        assert found["price_loss"] == pytest.approx(np.mean((price - Y[0]) ** 2), rel=1e-5)
        assert found["kind_loss"] == pytest.approx(-np.log(kind[np.arange(120), Y[1]]).mean(), rel=1e-5)
        assert found["loss"] == pytest.approx(0.25 * found["price_loss"] + found["kind_loss"], rel=1e-5)

    @pytest.mark.usefixtures("double_precision")
    def test_gradient_and_curvature_of_the_sum(self):
        model = compiled(two_by_two(), loss_weights=[0.5, 2])
        weights = np.concatenate([value.ravel() for value in model.get_weights()])

        def loss(vector):
            stops = np.cumsum([value.size for value in model.get_weights()])[:-1]
            pieces = np.split(vector, stops)
            values = [piece.reshape(own.shape) for piece, own in zip(pieces, model.values, strict=True)]
            price, kind = model.linearize(model._as_input(X), *values)[0]
            return np.array(0.5 * ((price - Y[0]) ** 2).mean() - 2 * np.log(kind[np.arange(120), Y[1]]).mean())

        assert relative_error(model.gradient(X, Y), complex_step(loss, [weights])) <= EXACT
        v = generator.normal(size=weights.shape)
        step = 1e-5
        moved = [two_by_two_with(weights + sign * step * v) for sign in (1, -1)]
        quotient = (moved[0].gradient(X, Y) - moved[1].gradient(X, Y)) / (2 * step)
        np.testing.assert_allclose(model.hvp(X, Y, v), quotient, rtol=1e-6, atol=1e-8)
        assert v @ model.ggn_vp(X, Y, v) > 0

    def test_data_by_name(self):
        model = compiled(two_by_two())
        by_name = {"right": X[1], "left": X[0]}
        targets = {"kind": Y[1], "price": Y[0]}
        assert model.evaluate(by_name, targets, verbose=0) == model.evaluate(X, Y, verbose=0)
        for one, two in zip(model.predict(by_name, verbose=0), model.predict(X, verbose=0), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_an_output_without_a_loss_is_not_trained_on(self):
        model = two_by_two()
        model.compile("adam", {"price": "mse"})
        before = model.get_layer("kind").get_weights()[0]
        history = model.fit(X, Y, verbose=0).history
        assert history.keys() == {"loss"}
        np.testing.assert_array_equal(model.get_layer("kind").get_weights()[0], before)

    def test_batches_by_a_generator(self):
        model = compiled(two_by_two())
        batches = [
            ((X[0][start : start + 30], X[1][start : start + 30]), (Y[0][start : start + 30], Y[1][start : start + 30]))
            for start in range(0, 120, 30)
        ]
        assert model.fit(batches, epochs=2, verbose=0).history["loss"][1] > 0

    @pytest.mark.parametrize(
        "copied",
        [
            lambda m, p: load_model(saved(m, p)),
            lambda m, p: pickle.loads(pickle.dumps(m)),
            lambda m, p: copy.deepcopy(m),
        ],
        ids=["file", "pickle", "deepcopy"],
    )
    def test_file_pickle_and_copy(self, copied, tmp_path):
        model = compiled(two_by_two())
        model.fit(X, Y, verbose=0)
        twin = copied(model, tmp_path)
        for one, two in zip(twin.predict(X, verbose=0), model.predict(X, verbose=0), strict=True):
            np.testing.assert_array_equal(one, two)
        assert twin.get_config() == model.get_config()
        assert twin.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history

    @pytest.mark.usefixtures("double_precision")
    def test_jacobian_by_each_input(self):
        left, right = Input((3,), name="left"), Input((2,), name="right")
        model = Model([left, right], Dense(2, activation="tanh")(Concatenate()([left, right])), seed=0)
        x = [X[0][:4], X[1][:4]]
        for index, name in enumerate(("left", "right")):
            expected = complex_step(lambda *given: model.linearize(given, *model.values)[0], x, index)
            assert relative_error(model.jacobian(x, name).todense(), expected) <= EXACT
        by_inputs, _ = model.vjp(x, np.ones((4, 2)))
        assert [part.shape for part in by_inputs] == [(4, 3), (4, 2)]
        tangent = model.jvp(x, [None, np.ones((4, 2))])
        np.testing.assert_allclose(tangent, model.jacobian(x, "right").jvp(np.ones((4, 2))))
        assert model.per_example_gradients is not None

    def test_a_model_inside_a_model(self):
        inner_input = Input((3,))
        inner = Model(inner_input, Dense(2, activation="relu")(inner_input), name="inner")
        left, right = Input((3,)), Input((3,))
        model = Model([left, right], Dense(1)(Concatenate()([inner(left), inner(right)])), seed=0)
        model.compile("adam", "mse")
        model.fit([X[0], X[0]], Y[0], verbose=0)
        assert len(model.parameters) == 4
        twin = Model.from_config(model.get_config())
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin.predict([X[0], X[0]], verbose=0), model.predict([X[0], X[0]], verbose=0))


def two_by_two_with(vector):
    model = compiled(two_by_two(), loss_weights=[0.5, 2])
    stops = np.cumsum([value.size for value in model.get_weights()])[:-1]
    model.set_weights(
        [piece.reshape(own.shape) for piece, own in zip(np.split(vector, stops), model.values, strict=True)]
    )
    return model


def saved(model, folder):
    model.save(folder / "model.safetensors")
    return folder / "model.safetensors"


class TestErrors:
    def test_an_input_that_was_forgotten(self):
        left, right = Input((3,), name="left"), Input((2,), name="right")
        with pytest.raises(ConfigError, match=r"'right'.*not among the inputs"):
            Model(left, Dense(1)(Concatenate()([left, right])))

    def test_outputs_that_are_no_graph(self):
        with pytest.raises(ConfigError, match="outputs must be"):
            Model(Input((3,)), Dense(1))
        given = Input((3,))
        with pytest.raises(ConfigError, match="not among the inputs"):
            Model(Dense(2)(given), Dense(1)(given))

    def test_two_layers_of_one_name(self):
        given = Input((3,))
        with pytest.raises(ConfigError, match="two layers named 'a'"):
            Model(given, Dense(1, name="a")(Dense(2, name="a")(given)))

    def test_shapes_that_do_not_fit(self):
        layer = Dense(2)
        layer(Input((3,)))
        with pytest.raises(ShapeError, match=r"built for inputs of shape \(None, 3\), got \(None, 4\)"):
            layer(Input((4,)))

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (X[0], "a list of 2 arrays"),
            ([X[0]], "a list of 2 arrays"),
            ({"left": X[0]}, "data for left, right, got left"),
            ([X[0], X[1][:5]], "have 120, 5 rows"),
            ([X[1], X[0]], "built for inputs of shape"),
            ([X[0], np.full((120, 2), np.nan)], "x holds nan in row 0"),
        ],
        ids=str,
    )
    def test_data_that_do_not_fit(self, x, message):
        with pytest.raises(DataError, match=message):
            two_by_two().predict(x, verbose=0)

    @pytest.mark.parametrize(
        ("y", "message"),
        [(Y[0], "a list of 2 targets"), ({"price": Y[0]}, "targets for price, kind"), ([Y[0], Y[0]], "output 'kind'")],
    )
    def test_targets_that_do_not_fit(self, y, message):
        with pytest.raises(DataError, match=message):
            compiled(two_by_two()).fit(X, y, verbose=0)

    def test_losses_that_do_not_fit(self):
        with pytest.raises(ConfigError, match="loss has 1 entries for 2 outputs: price, kind"):
            two_by_two().compile("adam", ["mse"])
        with pytest.raises(ConfigError, match="names 'prise'"):
            two_by_two().compile("adam", {"price": "mse", "prise": "mse"})
        given = Input((3,))
        for weights in ([1, 2], "a"):
            with pytest.raises(ConfigError, match="loss_weights: expected a number"):
                Model(given, Dense(1)(given)).compile("adam", "mse", loss_weights=weights)

    def test_derivatives_of_several_outputs(self):
        with pytest.raises(ConfigError, match="several outputs"):
            two_by_two().jacobian(X, "left")


def test_a_graph_may_be_deeper_than_calls_of_python_and_naming_it_takes_few_steps(monkeypatch):
    count, asked = sys.getrecursionlimit() + 50, []
    numbered = drawing._numbered
    monkeypatch.setattr(drawing, "_numbered", lambda *given: asked.append(given) or numbered(*given))
    start = value = Input((1,))
    for _ in range(count):
        value = layers.Identity()(value)
    model = Model(start, value)
    assert len(model.layers) == count + 1 and len(asked) < 4 * count
    assert len({layer.name for layer in model.layers}) == count + 1
    assert value.dtype == "float32"


@pytest.mark.parametrize("ends", [lambda end: end, lambda end: [end]], ids=["single", "list"])
@pytest.mark.parametrize("way", ["file", "clone", "pickle"])
def test_a_single_end_stays_as_it_was_given(ends, way, tmp_path):
    entry = Input((4,), name="entry")
    model = Model(ends(entry), ends(Dense(2)(entry)), seed=0)
    if way == "file":
        model.save(tmp_path / "m.safetensors")
        twin: Any = load_model(tmp_path / "m.safetensors")
    else:
        twin = clone_model(model) if way == "clone" else copy.deepcopy(model)
    assert type(twin.input) is type(model.input) and type(twin.output) is type(model.output)
    assert np.asarray(twin(np.ones((3, 4)))).shape == (3, 2)
