"""Layers in graphs whose inputs have unknown lengths, and options that a call requires."""

import copy
from typing import NamedTuple

import numpy as np
import pytest

from nnlite import Model, Sequential, layers
from nnlite.errors import ConfigError, ShapeError, WrongTypeError

SHAPES = [
    (layers.Flatten(), (None, None, 3), (None, None)),
    (layers.Flatten(), (2, None), (2, None)),
    (layers.Reshape((-1, 2)), (None, None, 3), (None, None, 2)),
    (layers.Reshape((2, 2)), (None, None), (None, 2, 2)),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), SHAPES)
def test_an_unknown_length_gives_an_unknown_one_or_the_one_that_was_given(layer, shape, expected):
    assert layer.compute_output_shape(shape) == expected
    assert layer(layers.Input(batch_shape=shape)).shape == expected


def test_a_graph_flattens_each_batch_by_the_length_it_has():
    inputs = layers.Input((None, 3))
    model = Model(inputs, layers.Flatten()(inputs))
    assert [model.predict(np.ones((2, steps, 3)), verbose=0).shape for steps in (4, 5)] == [(2, 12), (2, 15)]


def test_reshape_says_what_does_not_fit():
    inputs = layers.Input((None, 3))
    model = Model(inputs, layers.Reshape((4, 3))(inputs))
    x = np.arange(24.0).reshape(2, 4, 3)
    assert np.array_equal(model.predict(x, verbose=0), x)
    with pytest.raises(ShapeError, match=r"cannot bring \(5, 3\) into the shape \(4, 3\)"):
        model.predict(np.ones((2, 5, 3)), verbose=0)


@pytest.mark.parametrize("axis", [0, -2])
def test_examples_follow_one_another_along_the_axis_of_the_batch(axis):
    first, second = np.ones((2, 3)), np.zeros((2, 3))
    layer = layers.Concatenate(axis=axis)
    assert np.array_equal(layer([first, second]), np.concatenate([first, second]))
    assert layer([layers.Input((3,)), layers.Input((3,))]).shape == (None, 3)
    with pytest.raises(ConfigError, match="axis 2 is not an axis"):
        layers.Concatenate(axis=2)([first, second])


class RequiredFactor(layers.Layer):
    def call(self, inputs, factor):
        return inputs * factor


class FactorByKeyword(layers.Layer):
    def call(self, inputs, **options):
        return inputs * options.get("factor", 1.0)


def test_a_call_may_require_an_option():
    layer, x = RequiredFactor(), np.ones((2, 3))
    assert layer(x, factor=2.0)[0, 0] == 2
    assert layer(x, factor=5.0)[0, 0] == 5
    with pytest.raises(WrongTypeError, match="cannot be called without 'factor'"):
        layer(x)


def test_a_graph_keeps_a_required_option_for_training_and_prediction():
    inputs = layers.Input((3,))
    model = Model(inputs, RequiredFactor()(inputs, factor=3.0))
    assert model.predict(np.ones((2, 3)), verbose=0).tolist() == [[3.0] * 3] * 2


def test_a_call_that_takes_any_keyword_gets_it():
    assert FactorByKeyword()(np.ones((1, 2)), factor=4.0).tolist() == [[4.0, 4.0]]
    assert FactorByKeyword()(np.ones((1, 2))).tolist() == [[1.0, 1.0]]


def test_two_variables_in_a_list_are_two_inputs():
    from nnlite import Variable

    values = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    by_variables = layers.Attention()([Variable(values), Variable(values)])
    assert np.array_equal(by_variables, layers.Attention()([values, values]))
    assert layers.LSTM(2)(Variable(values)).shape == (2, 2)


def test_layers_in_named_tuples_belong_to_the_layer():
    class Pair(NamedTuple):
        first: layers.Layer
        second: layers.Layer

    class Both(layers.Layer):
        def __init__(self):
            super().__init__()
            self.pair = Pair(layers.Dense(2), layers.Dense(3))

        def call(self, inputs):
            return self.pair.second(self.pair.first(inputs))

    layer = Both()
    assert layer(np.ones((2, 5))).shape == (2, 3)
    assert [weight.shape for weight in layer.weights] == [(5, 2), (2,), (2, 3), (3,)]


def test_a_whole_copy_has_the_name_and_weights_of_its_own():
    layer = layers.Dense(2)
    layer.build((None, 3))
    twin = copy.deepcopy(layer)
    assert twin.name == layer.name
    twin.kernel.assign(np.zeros((3, 2)))
    assert layer.kernel.numpy().any()


def test_an_unknown_argument_in_a_config_is_an_error_of_type_and_of_value():
    with pytest.raises(TypeError, match="unknown argument 'unit'"):
        layers.Dense.from_config({"units": 2, "unit": 3})


OF_IMAGES = [
    layers.Resizing(4, 5, pad_to_aspect_ratio=True),
    layers.CenterCrop(4, 5),
    layers.RandomCrop(4, 5),
    layers.RandomFlip(),
    layers.RandomRotation(0.1),
    layers.RandomContrast(0.1),
    layers.RandomElasticTransform(),
    layers.Equalization(),
]


@pytest.mark.parametrize("layer", OF_IMAGES, ids=lambda layer: type(layer).__name__)
def test_a_graph_takes_images_of_any_size(layer):
    inputs = layers.Input((None, None, 3))
    model = Model(inputs, layer(inputs))
    for size in ((8, 9), (6, 7)):
        x = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype("float32")
        outputs = model.predict(x, verbose=0)
        assert np.allclose(outputs, type(layer).from_config(layer.get_config())(x, training=False), rtol=1e-5)
        assert model(x, training=True).shape == outputs.shape


def test_images_of_any_size_are_resized_for_training_and_prediction():
    model = Sequential([layers.Input((None, None, 3)), layers.Resizing(6, 6), layers.Conv2D(2, 3), layers.Flatten()])
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 9, 8, 3)), np.ones((4, 1)), verbose=0)
    assert np.allclose(
        model.predict(np.ones((2, 20, 8, 3)), verbose=0), model.predict(np.ones((2, 6, 6, 3)), verbose=0)
    )


def test_spectrograms_of_signals_of_any_length():
    inputs = layers.Input((None, 1))
    spectra = layers.STFTSpectrogram(frame_length=16, frame_step=8)(inputs)
    assert spectra.shape == (None, None, 9)
    model = Model(inputs, spectra)
    for steps in (16, 40):
        x = np.random.default_rng(0).random((2, steps, 1))
        assert model.predict(x, verbose=0).shape == (2, (steps - 16) // 8 + 1, 9)
    with pytest.raises(ShapeError, match="at least frame_length = 16 steps, got 9"):
        model.predict(np.ones((2, 9, 1)), verbose=0)


EMPTY_TOO = [
    layers.Conv2D(2, 3, padding="same"),
    layers.DepthwiseConv2D(3, padding="same"),
    layers.SeparableConv2D(2, 3, padding="same"),
    layers.Conv2DTranspose(2, 3),
    layers.MaxPooling2D(padding="same"),
    layers.GlobalAveragePooling2D(),
    layers.GlobalMaxPooling2D(),
    layers.AdaptiveAveragePooling2D(2),
    layers.AdaptiveMaxPooling2D(2),
    layers.UpSampling2D(interpolation="bilinear"),
]


@pytest.mark.parametrize("layer", EMPTY_TOO, ids=lambda layer: type(layer).__name__)
def test_images_without_a_cell_are_refused(layer):
    with pytest.raises(ShapeError, match=r"needs at least one cell along each axis, got \(0, 4\)"):
        layer(np.zeros((2, 0, 4, 3)))


def test_no_example_and_no_step_give_empty_outputs():
    empty = np.zeros((0, 4, 3))
    assert layers.Flatten()(empty).shape == (0, 12)
    assert layers.GlobalAveragePooling1D()(empty).shape == (0, 3)
    steps = np.zeros((2, 0, 3))
    assert layers.MultiHeadAttention(2, 2)(steps, steps).shape == (2, 0, 3)
