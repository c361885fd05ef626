"""Branches inside a chain: what they compute, what training does to the layers inside, names of columns, errors."""

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, relative_error

from nnlite import Sequential, load_model
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    LSTM,
    BatchNormalization,
    CenterCrop,
    ColumnBranch,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Layer,
    LayerNormalization,
    MultiHeadAttention,
    Normalization,
    Parallel,
    Pipeline,
    RandomBrightness,
    Residual,
)
from nnlite.random import RandomSource

generator = np.random.default_rng(5)


pytestmark = pytest.mark.usefixtures("double_precision")


normal = stream(generator)


def built(layer, shape=(None, 3)):
    layer._ensure_built(shape, RandomSource(1))
    return layer


X, Y = normal(64, 3), normal(64, 1)


class TestFormulas:
    def test_residual(self):
        body, shortcut = [Dense(4, activation="tanh"), Dense(5)], [Dense(5, use_bias=False)]
        layer = built(Residual(body, shortcut))
        expected = X @ shortcut[0].kernel.value + body[1](body[0](X))
        assert relative_error(layer(X), expected) <= EXACT
        plain = built(Residual([Dense(3)]))
        assert relative_error(plain(X), X + plain.body[0](X)) <= EXACT
        assert plain.compute_output_shape((7, 3)) == (7, 3)

    @pytest.mark.parametrize(
        ("merge", "joined"),
        [
            ("add", lambda parts: sum(parts)),
            ("multiply", lambda parts: parts[0] * parts[1] * parts[2]),
            ("average", lambda parts: sum(parts) / 3),
            ("max", lambda parts: np.maximum(parts[0], np.maximum(parts[1], parts[2]))),
            ("concat", lambda parts: np.concatenate(parts, -1)),
        ],
    )
    def test_parallel(self, merge, joined):
        one, two, three = Dense(3), Dense(2), Dense(3)
        layer = built(Parallel([one, [two, three], []], merge=merge))
        parts = [one(X), three(two(X)), X]
        assert relative_error(layer(X), joined(parts)) <= EXACT
        assert layer.compute_output_shape((5, 3)) == (5, 9 if merge == "concat" else 3)

    def test_parallel_along_another_axis(self):
        images = normal(2, 4, 4, 3)
        layer = built(Parallel([[], Conv2D(3, 1)], axis=1), (None, 4, 4, 3))
        assert layer(images).shape == (2, 8, 4, 3)
        np.testing.assert_array_equal(layer(images)[:, :4], images)

    def test_pipeline_is_a_chain(self):
        layers = [Dense(4, activation="relu"), LayerNormalization(), Dense(2)]
        layer = built(Pipeline(layers))
        assert relative_error(layer(X), layers[2](layers[1](layers[0](X)))) <= EXACT

    def test_pipeline_of_image_layers(self):
        """A dict goes through it as through each layer; random ones draw, as by themselves, unless told not to."""
        by = {"bounding_box_format": "xyxy"}
        layer = Pipeline([RandomBrightness((0.1, 0.1), **by), CenterCrop(2, 2, **by)])
        images, boxes = np.full((2, 4, 4, 3), 100.0), {"boxes": [[[1.0, 1, 3, 4]]] * 2, "labels": [[5]] * 2}
        assert layer.compute_output_shape((None, 4, 4, 3)) == (None, 2, 2, 3)
        changed = layer({"images": images, "bounding_boxes": boxes})
        np.testing.assert_allclose(changed["images"], np.full((2, 2, 2, 3), 125.5))
        np.testing.assert_allclose(changed["bounding_boxes"]["boxes"], [[[0.0, 0, 2, 2]]] * 2, atol=1e-6)
        np.testing.assert_allclose(layer(images), np.full((2, 2, 2, 3), 125.5))
        np.testing.assert_allclose(layer(images, training=False), np.full((2, 2, 2, 3), 100.0))

    def test_column_branch(self):
        codes = np.column_stack([X[:, 0], generator.integers(0, 4, 64), X[:, 1:]])
        vectors, dense = Embedding(4, 2), Dense(3)
        layer = built(ColumnBranch({"1": [vectors, Flatten()], "3,0": dense, "0-2": []}), (None, 4))
        own = [vectors.embeddings.value[codes[:, 1].astype(int)], dense(codes[:, [3, 0]]), codes[:, :3]]
        assert relative_error(layer(codes), np.hstack(own)) <= EXACT
        assert layer.compute_output_shape((None, 4)) == (None, 8)
        assert ColumnBranch({"0-1": Dense(2), "2": Dense(2)}, merge="add")(X).shape == (64, 2)

    def test_gradients_of_both_paths_are_summed(self):
        layer = built(Residual([Dense(3, use_bias=False)]))
        upstream = normal(64, 3)
        layer.forward(X)
        by_inputs, _ = layer.backward(upstream)
        assert relative_error(by_inputs, upstream + upstream @ layer.body[0].kernel.value.T) <= EXACT


class TestTraining:
    def test_batch_normalization_inside_keeps_its_averages(self, tmp_path):
        inner = BatchNormalization(momentum=0.5)
        model = Sequential([Residual([inner, Dense(3)]), Dense(1)], seed=0)
        model.compile("sgd", "mse")
        model.fit(X + 5, Y, epochs=2, verbose=0)
        assert (inner.moving_mean.value > 2).all()
        model.save(tmp_path / "m.safetensors")
        again = load_model(tmp_path / "m.safetensors")
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
        for one, two in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_all_layers_inside_learn(self):
        nested = Parallel([Residual([Dense(3)]), [ColumnBranch({"0": Dense(2), "1-2": [Pipeline([Dense(2)])]})]])
        model = Sequential([nested, Dense(1)], seed=0)
        model.compile("sgd", "mse")
        model.build((None, 3))
        before = model.get_weights()
        assert len(before) == 8
        model.train_on_batch(X, Y)
        assert all((one != two).any() for one, two in zip(before, model.get_weights(), strict=True))

    @pytest.mark.parametrize("outer", [True, False])
    def test_frozen_layers_stay(self, outer):
        inner = Dense(3)
        branch = Residual([inner, Dense(3)])
        (branch if outer else inner).trainable = False
        model = Sequential([branch, Dense(1)], seed=0)
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        first = inner.kernel.value.copy(), branch.body[1].kernel.value.copy()
        model.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(inner.kernel.value, first[0])
        assert (branch.body[1].kernel.value == first[1]).all() == outer
        assert len(branch.trainable_weights) == (0 if outer else 2)

    def test_freezing_reaches_what_is_inside(self):
        inner = BatchNormalization()
        branch = Residual([inner, Dense(3)])
        model = Sequential([branch, Dense(1)], seed=0)
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        before = branch.get_weights()
        branch.trainable = False
        model.compile("sgd", "mse")
        model.fit(X + 5, Y, verbose=0)
        for one, two in zip(before, branch.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
        branch.trainable = True
        model.compile("sgd", "mse")
        model.fit(X + 5, Y, verbose=0)
        assert all((one != two).any() for one, two in zip(before, branch.get_weights(), strict=True))

    def test_a_branch_frozen_from_the_start_keeps_its_averages(self):
        inner = BatchNormalization()
        branch = Residual([inner])
        branch.trainable = False
        model = Sequential([branch, Dense(1)], seed=0)
        model.compile("sgd", "mse")
        model.fit(X + 5, Y, verbose=0)
        assert not inner.moving_mean.value.any()

    def test_penalties_inside_count(self):
        def loss(penalty):
            model = Sequential([Residual([Dense(3, kernel_regularizer=penalty)]), Dense(1)], seed=0)
            model.compile("sgd", "mse")
            found = model.evaluate(X, Y, verbose=0)
            return found, (model.layers[0].body[0].kernel.value ** 2).sum()

        plain, size = loss(None)
        assert loss({"L2": {"l2": 0.1}})[0] == pytest.approx(plain + 0.1 * size)

    def test_each_dropout_draws_for_itself_and_the_seed_decides(self):
        layer = built(Parallel([Dropout(0.5), Dropout(0.5)]))
        ones = np.ones((50, 3))
        outputs = layer.linearize(ones, training=True, random=RandomSource(2))[0]
        assert (outputs[:, :3] != outputs[:, 3:]).any()
        np.testing.assert_array_equal(outputs, layer.linearize(ones, training=True, random=RandomSource(2))[0])
        assert (outputs != layer.linearize(ones, training=True, random=RandomSource(3))[0]).any()
        np.testing.assert_array_equal(layer(ones), np.ones((50, 6)))

    def test_layers_inside_learn_from_data_what_reaches_them(self):
        first, second = Normalization(), Normalization()
        model = Sequential([ColumnBranch({"0": [first], "1-2": [Dense(2), second]}), Dense(1)], seed=0)
        assert not model.adapted
        model.adapt(X * [1, 10, 100] + 3)
        assert model.adapted
        outputs = model.layers[0](X * [1, 10, 100] + 3)
        np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(outputs.std(axis=0), 1, rtol=1e-6)

    def test_what_waits_for_adapt_says_so(self):
        model = Sequential([Residual([Normalization()])], seed=0)
        with pytest.raises(Exception, match="adapt"):
            model.predict(X, verbose=0)

    @pytest.mark.parametrize(
        "layers",
        [
            lambda: [Residual([LayerNormalization(), MultiHeadAttention(2, 3)]), GlobalAveragePooling1D()],
            lambda: [Pipeline([Dense(4), MultiHeadAttention(2, 3)]), GlobalAveragePooling1D()],
            lambda: [Parallel([Dense(4), []]), LSTM(3)],
            lambda: [Residual([Residual([Dense(4)]), MultiHeadAttention(1, 3)]), LSTM(2)],
        ],
    )
    def test_masks_go_through(self, layers):
        model = Sequential([Embedding(9, 4, mask_zero=True), *layers(), Dense(1)], seed=0)
        model.build((None, None))
        words = generator.integers(1, 9, (5, 6))
        filled = np.pad(words, ((0, 0), (0, 3)))
        assert relative_error(model.predict(filled, verbose=0), model.predict(words, verbose=0)) <= EXACT

    def test_a_layer_of_another_dtype_inside(self):
        layer = Residual([Dense(3, dtype="float32"), Dense(3)])
        assert layer(X).dtype == np.float64
        rounded = layer.body[0](X).astype(np.float64)
        assert relative_error(layer(X), X + layer.body[1](rounded)) <= EXACT

    def test_the_seed_decides_the_weights_inside(self):
        def weights(seed):
            model = Sequential([Residual([Dense(3)]), Parallel([Dense(3), Dense(3)])], seed=seed)
            model.build((None, 3))
            return [value for value in model.get_weights() if value.ndim == 2]

        for one, two in zip(weights(1), weights(1), strict=True):
            np.testing.assert_array_equal(one, two)
        assert all((one != two).all() for one, two in zip(weights(1), weights(2), strict=True))
        assert (weights(1)[1] != weights(1)[2]).all()


class TestNames:
    def test_names_become_places(self):
        layer = ColumnBranch({"age, place": [Dense(2)], "income": [], "0-1": []})
        layer.name_columns({"age": [0], "income": [1], "place": [2, 3]})
        assert list(layer.columns) == ["0,2,3", "1", "0-1"]
        layer.name_columns({"age": [5], "income": [6], "place": [7]})
        assert list(layer.columns) == ["0,2,3", "1", "0-1"]
        twin = Layer.get(layer.to_spec())
        assert twin.to_spec() == layer.to_spec()

    def test_unknown_names(self):
        with pytest.raises(ConfigError, match=r"columns\.ag, b: .*names a column 'ag'; did you mean 'age'"):
            ColumnBranch({"ag, b": []}).name_columns({"age": [0], "b": [1]})
        with pytest.raises(ConfigError, match="the data have no names; give positions, such as 0-7"):
            ColumnBranch({"age": []}).name_columns({})
        with pytest.raises(ConfigError, match="two entries for the columns 0,1"):
            ColumnBranch({"0,1": [Dense(2)], "age, b": []}).name_columns({"age": [0], "b": [1]})
        with pytest.raises(ConfigError, match=r"columns must be places such as 3, 0-7 or 0,2,5.* got 'age'"):
            ColumnBranch({"age": []})(X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Residual([Dense(4)]), r"cannot add \(None, 3\) and \(None, 4\).*`shortcut` takes"),
        (lambda: Residual([Dense(4)], [Dense(5)]), r"cannot add \(None, 5\) and \(None, 4\)"),
        (lambda: Parallel([Dense(4), []], merge="add"), r"'add'.*\(None, 4\) and \(None, 3\)"),
        (lambda: ColumnBranch({"0": [], "2-3": []}), r"needs columns from 0 to 2, got \[2, 3\]"),
        (lambda: ColumnBranch({"2-1": []}), "columns '2-1' end before they begin"),
        (lambda: ColumnBranch({}), "needs one entry of columns"),
        (lambda: ColumnBranch({"": []}), "columns must be places"),
        (lambda: ColumnBranch({"-1": []}), "columns must be places"),
        (lambda: ColumnBranch({"0": []}, merge="concatenate"), "unknown value 'concatenate'; did you mean 'concat'"),
        (lambda: Parallel([Dense(4)]), "needs two branches or more, got 1"),
        (lambda: Pipeline([same := Dense(3), same]), "a layer occurs twice"),
        (lambda: Residual([same := Dense(3)], [same]), "a layer occurs twice"),
        (lambda: Pipeline([Dense(3), "dens"]), r"layers\[1\]: unknown layer 'dens'"),
        (lambda: Residual([Dense(3), Conv2D(2, 1)]), r"\(Conv2D\) needs inputs of shape .* got \(None, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises((ConfigError, ShapeError), match=message):
        make()(X)
