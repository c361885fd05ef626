"""Layers as users put them together: masks inside layers, shared and frozen layers, calls that go wrong."""

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite import Input, Model, Sequential, load_model
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import (
    GRU,
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Lambda,
    Layer,
    Masking,
    Normalization,
    Reshape,
    SpectralNormalization,
    StringLookup,
    TextVectorization,
    TimeDistributed,
    Wrapper,
)
from nnlite.metrics import MeanAbsoluteError
from nnlite.random import RandomSource

CODES = np.array([[3, 4, 0, 0], [5, 6, 0, 0]])


pytestmark = pytest.mark.usefixtures("double_precision")


class DropThenGRU(Layer):
    """A layer whose `call` says nothing of masks."""

    def build(self, input_shape):
        self.drop = Dropout(0.5)
        self.dense = Dense(3)
        self.gru = GRU(3, return_sequences=True)

    def call(self, inputs):
        return self.gru(self.drop(inputs))


class OpsBetween(DropThenGRU):
    """Ops between the layers: no mask beyond them."""

    def call(self, inputs):
        return self.gru(self.drop(inputs) * 2.0)


class NormThenDense(Layer):
    def __post_init__(self):
        super().__post_init__()
        self.steps = [BatchNormalization(), Dense(2)]

    def call(self, inputs):
        return self.steps[1](self.steps[0](inputs))


def ends_at(length, layer):
    """What `layer` makes of the first codes, with so many steps, by weights that do not depend on it."""
    chain = [Input((length,)), Embedding(8, 3, mask_zero=True), layer, GlobalAveragePooling1D()]
    return Sequential(chain, seed=0).predict(CODES[:, :length], verbose=0)


@pytest.mark.parametrize("kind", [DropThenGRU, lambda: Wrapper(GRU(3, return_sequences=True))])
def test_masks_reach_the_layers_inside_a_layer_and_leave_it(kind):
    assert relative_error(ends_at(4, kind()), ends_at(2, kind())) <= EXACT


def test_masks_pass_through_spectral_normalization():
    def averaged(length):
        layers = [SpectralNormalization(Embedding(8, 3, mask_zero=True)), SpectralNormalization(Dense(2))]
        model = Sequential([Input((length,)), *layers, GlobalAveragePooling1D()], seed=0)
        return model.predict(CODES[:, :length], verbose=0)

    assert relative_error(averaged(4), averaged(2)) <= EXACT


def test_ops_inside_a_layer_end_the_mask():
    assert relative_error(ends_at(4, OpsBetween()), ends_at(2, OpsBetween())) > 1e-3


def test_a_mask_that_call_is_told_goes_before_the_one_that_comes():
    class ToldMask(DropThenGRU):
        def call(self, inputs, mask=None):
            return self.gru(inputs, mask=np.ones(inputs.shape[:2], bool))

    x, mask = np.random.default_rng(0).normal(size=(2, 4, 3)), np.zeros((2, 4), bool)
    layer = ToldMask()
    assert relative_error(layer(x, mask=mask), layer.gru(x)) <= EXACT


@pytest.mark.parametrize("kind", [LSTM, lambda *a, **k: Bidirectional(LSTM(*a, **k))])
def test_the_mask_of_a_sequence_is_not_that_of_the_last_states(kind):
    codes = Input((4,))
    sequence, *states = kind(3, return_sequences=True, return_state=True)(Embedding(8, 3, mask_zero=True)(codes))
    model = Model(codes, [Concatenate()(states), GlobalAveragePooling1D()(sequence)], seed=0)
    joined, means = model.predict(CODES, verbose=0)
    alone = Model(codes, [*states, sequence], seed=0).predict(CODES, verbose=0)
    np.testing.assert_array_equal(joined, np.concatenate(alone[:-1], axis=-1))
    np.testing.assert_allclose(means, alone[-1][:, :2].mean(axis=1), rtol=1e-12)


def test_each_output_of_a_nested_model_has_its_own_mask():
    codes, inner = Input((4,)), Input((4, 3))
    nested = Model(inner, [Lambda(lambda steps: steps * 2.0)(inner), Dense(3)(inner)], seed=0)
    first, second = nested(Embedding(8, 3, mask_zero=True)(codes))
    model = Model(codes, [GRU(2)(first), GRU(2)(second)], seed=0)
    changed = CODES.copy()
    changed[:, 2:] = 0
    embedding = model.layers[1]
    before = model.predict(changed, verbose=0)
    embedding.parameters[0].value[0] += 1
    after = model.predict(changed, verbose=0)
    assert not np.array_equal(before[0], after[0])  # an op ended the mask
    np.testing.assert_array_equal(before[1], after[1])


def test_each_use_of_a_shared_layer_moves_its_averages():
    left, right, shared = Input((3,)), Input((3,)), BatchNormalization(momentum=0.5)
    model = Model([left, right], Add()([shared(left), shared(right)]), seed=0)
    tower = Sequential([Input((3,)), shared])
    nested = Model([left, right], Add()([tower(left), tower(right)]), seed=0)
    for own in (model, nested):
        shared.set_weights([np.ones(3), np.zeros(3), np.zeros(3), np.ones(3)])
        own.forward([np.full((4, 3), 1.0), np.full((4, 3), 3.0)], training=True)
        np.testing.assert_allclose(shared.get_weights()[2], 1.75)
        np.testing.assert_allclose(shared.get_weights()[3], 0.25)


def test_each_use_inside_call_moves_the_averages():
    class NormTwice(Layer):
        def build(self, input_shape):
            self.norm = BatchNormalization(momentum=0.5)

        def call(self, inputs):
            return self.norm(inputs) + self.norm(inputs + 2.0)

    layer = NormTwice()
    layer(np.full((4, 3), 1.0), training=True)
    np.testing.assert_allclose(layer.norm.get_weights()[2], 1.75)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("kind", [NormThenDense, lambda: TimeDistributed(BatchNormalization())])
def test_frozen_layers_freeze_the_averages_inside(kind, early):
    layer, x = kind(), np.random.default_rng(0).normal(3, 2, size=(8, 5, 3))
    layer.trainable = not early
    model = Sequential([Input((5, 3)), layer, Flatten(), Dense(1)], seed=0)
    if not early:
        layer.trainable = False
    model.compile("sgd", "mse")
    before = layer.get_weights()
    model.fit(x, x[:, 0, :1], epochs=2, verbose=0)
    assert all(map(np.array_equal, before, layer.get_weights()))
    layer.trainable = True
    model.compile("sgd", "mse")
    model.fit(x, x[:, 0, :1], verbose=0)
    assert not any(map(np.array_equal, before, layer.get_weights()))


def test_a_partly_frozen_model_stays_so_inside_another():
    base = Sequential([Input((3,)), Dense(4), Dense(4)], seed=0)
    base.layers[0].trainable = False
    assert len(Sequential([Input((3,)), base, Dense(1)], seed=0).trainable_weights) == 4


def test_weights_that_were_set_before_the_model_was_made_stay():
    pretrained = np.random.default_rng(0).normal(size=(8, 3))
    ways = [
        lambda layer: layer.set_weights([pretrained]),
        lambda layer: layer.parameters[0].assign(pretrained),
        lambda layer: np.copyto(layer.parameters[0].value, pretrained),
    ]
    for way in ways:
        codes, layer = Input((4,)), Embedding(8, 3)
        outputs = Dense(2)(Flatten()(layer(codes)))
        way(layer)
        model = Model(codes, outputs, seed=0)
        np.testing.assert_array_equal(layer.get_weights()[0], pretrained)
        again = Input((4,))
        other = Model(again, Dense(2)(Flatten()(Embedding(8, 3)(again))), seed=0)
        np.testing.assert_array_equal(model.get_weights()[1], other.get_weights()[1])


def test_a_seed_decides_frozen_layers_too_and_needs_no_registered_function():
    def drawn():
        inputs, layer = Input((3,)), Dense(2)
        layer.trainable = False
        return Model(inputs, Lambda(lambda x: x * 2.0)(layer(inputs)), seed=0)

    np.testing.assert_array_equal(drawn().get_weights()[0], drawn().get_weights()[0])


def test_lambda_takes_several_inputs():
    left, right = Input((3,)), Input((3,))
    model = Model([left, right], Lambda(lambda pair: pair[0] * pair[1])([left, right]), seed=0)
    np.testing.assert_array_equal(model.predict([np.full((2, 3), 2.0), np.full((2, 3), 5.0)], verbose=0), 10.0)


def test_recurrent_layers_take_a_list_of_arrays():
    x, state = np.ones((2, 4, 3)), np.full((2, 2), 0.5)
    layer = GRU(2)
    listed = layer([x, state])
    np.testing.assert_array_equal(listed, layer((x, state)))


def test_adapt_reads_a_dict_by_name():
    left, right = Input((1,), name="left"), Input((1,), name="right")
    norms = Normalization(), Normalization()
    model = Model([left, right], Concatenate()([norms[0](left), norms[1](right)]), seed=0)
    model.adapt({"right": np.full((4, 1), 7.0), "left": np.full((4, 1), 2.0)})
    assert [float(norm.get_weights()[0].ravel()[0]) for norm in norms] == [2.0, 7.0]
    with pytest.raises(DataError, match="needs data for left, right, got left"):
        model.adapt({"left": np.ones((4, 1))})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: GRU(2)(a, mask=np.ones((2, 4), bool)), "takes another symbol for a mask"),
        (lambda a: np.asarray(Dense(2)(a)), "has no values yet"),
        (lambda a: Dense(2)(a, a), "training must be True or False"),
        (lambda a: Dense(2)([a, a]), "Dense.* takes one input, got 2 of the shapes"),
    ],
)
def test_what_a_call_cannot_mean_is_said(call, message):
    with pytest.raises((ConfigError, ShapeError), match=message):
        call(Input((4, 3)))


def test_a_second_input_inside_call_is_no_flag():
    class TakesTwo(Layer):
        def build(self, input_shape):
            self.dense = Dense(2)

        def call(self, inputs):
            return self.dense(inputs, inputs)

    with pytest.raises(ConfigError, match="training must be True or False, got Traced"):
        TakesTwo()(np.ones((2, 4, 3)))


def test_a_layer_of_several_outputs_before_one_of_one_input():
    with pytest.raises(ShapeError, match="takes one input, got 2"):
        Sequential([Input((4, 3)), GRU(2, return_state=True), Dense(2)])


@pytest.mark.parametrize(("merge", "message"), [(Concatenate(), "differ in axis 2 alone"), (Dot(1), "of one length")])
def test_free_lengths_that_differ_are_told_by_the_merge_layer(merge, message):
    left, right = Input((None, 3)), Input((None, 3))
    model = Model([left, right], merge([left, right]), seed=0)
    with pytest.raises(ShapeError, match=message):
        model.predict([np.ones((2, 4, 3)), np.ones((2, 5, 3))], verbose=0)


def test_class_weight_needs_one_output():
    inputs = Input((3,))
    model = Model(inputs, [Dense(1)(inputs), Dense(1)(inputs)], seed=0)
    model.compile("sgd", "binary_crossentropy")
    targets = [np.zeros((4, 1)), np.ones((4, 1))]
    for options in ({"class_weight": {0: 1, 1: 2}}, {"stratify": True, "validation_split": 0.5}):
        with pytest.raises(DataError, match="need a model with one output, this one has 2"):
            model.fit(np.ones((4, 3)), targets, verbose=0, **options)


def test_stateful_layers_name_their_batch_size():
    model = Sequential([Input((4, 3)), Masking(), GRU(2, stateful=True, batch_size=2)], seed=0)
    with pytest.raises(ShapeError, match="is stateful with batch_size=2, got 3 examples"):
        model.predict(np.ones((3, 4, 3)), verbose=0)
    predictor = model.compile_predict(batch_size=2)
    np.testing.assert_array_equal(predictor(np.ones((2, 4, 3))), model.predict(np.ones((2, 4, 3)), verbose=0))


def test_a_predictor_of_several_inputs_and_outputs_owns_what_it_gives():
    numbers, kind, lookup = Input((2,)), Input((1,)), StringLookup(vocabulary=["a", "b"])
    coded = Flatten()(Embedding(3, 2)(lookup(kind)))
    model = Model([numbers, kind], [Concatenate()([numbers, coded]), numbers], seed=0)
    x = [np.ones((2, 2)), np.array([["a"], ["?"]], dtype=object)]
    found = model.compile_predict()(x)
    for one, other in zip(found, model.predict(x, verbose=0), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.shares_memory(found[1], x[0])


def test_a_predictor_keeps_no_result_and_few_lengths():
    model = Sequential([Input((3,)), Dense(4), Reshape((2, 2))], seed=0)
    predictor = model.compile_predict()
    first = predictor(np.ones((2, 3)))
    before = first.copy()
    predictor(np.zeros((2, 3)))
    np.testing.assert_array_equal(first, before)
    for rows in range(1, 30):
        predictor(np.ones((rows, 3)))
    assert len(predictor._local.prepared) <= 8


def test_metrics_of_several_outputs_leave_masked_steps_out():
    codes, random = Input((4,)), np.random.default_rng(0)
    embedded = Embedding(8, 3, mask_zero=True)(codes)
    steps = Dense(3, activation="softmax", name="steps")(GRU(2, return_sequences=True)(embedded))
    model = Model(codes, [steps, Dense(1, name="whole")(GRU(2)(embedded))], seed=0)
    model.compile("sgd", {"steps": "sparse_categorical_crossentropy", "whole": "mse"}, metrics={"steps": "accuracy"})
    targets, numbers = random.integers(0, 3, (2, 4)), random.normal(size=(2, 1))
    total, steps_loss, whole_loss, accuracy = model.evaluate(CODES, [targets, numbers], verbose=0)
    found, whole = model.predict(CODES, verbose=0)
    surprise = -np.log(np.take_along_axis(found, targets[..., None], -1))[:, :2].mean()
    np.testing.assert_allclose([steps_loss, whole_loss], [surprise, np.mean((whole - numbers) ** 2)], rtol=1e-12)
    np.testing.assert_allclose(total, steps_loss + whole_loss, rtol=1e-12)
    assert accuracy == np.mean((found.argmax(-1) == targets)[:, :2])


def test_one_metric_object_counts_for_each_output_by_itself():
    inputs, error = Input((3,)), MeanAbsoluteError()
    model = Model(inputs, [Dense(1, name="a")(inputs), Dense(1, name="b")(inputs)], seed=0)
    model.compile("sgd", "mse", metrics={"a": [error], "b": [error]})
    x, targets = np.ones((4, 3)), [np.zeros((4, 1)), np.ones((4, 1))]
    wanted = [np.mean(abs(found - y)) for found, y in zip(model.predict(x, verbose=0), targets, strict=True)]
    np.testing.assert_allclose(model.evaluate(x, targets, verbose=0)[3:], wanted, rtol=1e-12)


def test_places_deep_or_far_inside_a_model_draw_by_themselves():
    def places(source, depth):
        if depth == 0:
            return [source.place]
        return [place for index in (0, 8) for place in places(source.child(index), depth - 1)]

    deep = places(RandomSource(0), 9)
    wide = [RandomSource(0, 0, place).child(index).place for place in range(3) for index in range(3000)]
    assert len(set(deep)) == len(deep)
    assert len(set(wide)) == len(wide)


@pytest.mark.parametrize("functional", [False, True])
def test_an_input_of_strings(functional, tmp_path):
    texts, y = np.array([["a b"], ["b c c"], ["a"], ["c"]]), np.array([0, 1, 0, 1])
    words = TextVectorization(vocabulary=["a", "b", "c"], output_sequence_length=4)
    given, layers = Input((1,), dtype="string"), [words, Embedding(5, 2), Flatten(), Dense(1, "sigmoid")]
    if functional:
        value = given
        for layer in layers:
            value = layer(value)
        model = Model(given, value, seed=0)
    else:
        model = Sequential([given, *layers], seed=0)
    model.compile("adam", "binary_crossentropy")
    model.fit(texts, y, verbose=0)
    model.save(tmp_path / "text.safetensors")
    np.testing.assert_array_equal(
        load_model(tmp_path / "text.safetensors").predict(texts, verbose=0), model.predict(texts, verbose=0)
    )


def test_an_input_of_indices():
    model = Sequential([Input((3,), dtype="int32"), Embedding(5, 2), Flatten(), Dense(1)], seed=0)
    assert model.predict(np.array([[0, 4, 2]]), verbose=0).shape == (1, 1)
    with pytest.raises(ConfigError, match="dtype"):
        Input((3,), dtype="complex64")
