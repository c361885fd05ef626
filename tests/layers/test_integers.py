"""Layers that keep integers what they are."""

import numpy as np
import pytest

from nnlite import layers, ops
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.models import Sequential
from nnlite.regularizers import L2


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8"])
def test_layers_that_arrange_or_compare_integers_give_integers(kind):
    rows = np.arange(24).reshape(1, 4, 3, 2).astype(kind) + (2**26 if kind != "uint8" else 0)
    for layer, expected in [
        (layers.Reshape((24,)), rows.reshape(1, 24)),
        (layers.Flatten(), rows.reshape(1, 24)),
        (layers.Permute((2, 1, 3)), rows.swapaxes(1, 2)),
        (layers.Cropping2D(1), rows[:, 1:-1, 1:-1]),
        (layers.ZeroPadding2D(1), np.pad(rows, ((0, 0), (1, 1), (1, 1), (0, 0)))),
        (layers.UpSampling2D(2), rows.repeat(2, 1).repeat(2, 2)),
        (layers.GlobalMaxPooling2D(), rows.max((1, 2))),
        (layers.Identity(), rows),
    ]:
        result = layer(rows)
        np.testing.assert_array_equal(result, expected, strict=True)
    other = rows[:, ::-1]
    for layer, expected in [
        (layers.Concatenate(), np.concatenate([rows, other], -1)),
        (layers.Add(), rows + other),
        (layers.Subtract(), rows - other),
        (layers.Multiply(), rows * other),
        (layers.Maximum(), np.maximum(rows, other)),
    ]:
        np.testing.assert_array_equal(layer([rows, other]), expected, strict=True)
    assert layers.Average()([rows, other]).dtype == layers.Add()([rows, other / 2]).dtype == np.float32
    assert layers.UpSampling2D(2, interpolation="bilinear")(rows).dtype == np.float32


@pytest.mark.parametrize("kind", ["uint8", "int64"])
def test_extremes_of_integers_are_exact_at_the_ends_of_their_range(kind):
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    one, other = np.array([[low, high, high - 1, low]], kind), np.array([[high, low, high, low]], kind)
    for layer, expected in [
        (layers.Minimum(), np.minimum(one, other)),
        (layers.Maximum(), np.maximum(one, other)),
    ]:
        np.testing.assert_array_equal(layer([one, other]), expected, strict=True)
        masked = layer([one[..., None], other[..., None]], mask=(np.array([[0, 1, 0, 1]], bool), np.ones((1, 4), bool)))
        kept = np.where([[0, 1, 0, 1]], expected, other)
        np.testing.assert_array_equal(masked[..., 0], kept, strict=True)


def test_booleans_are_arranged_as_such_and_merged_as_numbers():
    flags = np.array([[True, False], [True, True]])
    assert layers.Reshape((1, 2))(flags).dtype == layers.Concatenate()([flags, flags]).dtype == bool
    for layer, expected in [
        (layers.Subtract(), flags.astype("f4") - ~flags),
        (layers.Minimum(), np.minimum(flags, ~flags)),
        (layers.Maximum(), np.maximum(flags, ~flags)),
        (layers.Add(), np.ones((2, 2))),
    ]:
        np.testing.assert_array_equal(layer([flags, ~flags]), expected.astype("f4"), strict=True)


def test_derivatives_with_respect_to_integers_are_numbers():
    rows = np.array([[200, 100]], "uint8")
    layer = layers.Subtract()
    assert layer.forward([rows, rows + 1]).tolist() == [[-1.0, -1.0]]
    assert [gradient.tolist() for gradient in layer.backward(1)] == [[[1.0, 1.0]], [[-1.0, -1.0]]]
    single = layers.Flatten()
    assert single.forward(rows.tolist()).dtype == single.backward(0.5).dtype == np.float32


def test_penalties_on_integers_do_not_overflow():
    rows = np.array([[200, 100]], "uint8")
    for layer in (layers.ActivityRegularization(l2=1.0), layers.Reshape((2, 1), activity_regularizer=L2(1.0))):
        assert layer(rows).dtype == np.uint8
        assert layer.losses == [50000.0]


class SameAndHalf(layers.Layer):
    """An own layer whose result has the type of the inputs, and one that has not."""

    def call(self, inputs):
        return inputs, inputs * 0.5


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "bool"])
def test_own_layers_and_functions_get_integers_as_they_are(kind):
    rows = np.array([[123_456_789, 0]]).astype(kind)
    same, halves = SameAndHalf()(rows)
    np.testing.assert_array_equal(same, rows, strict=True)
    np.testing.assert_array_equal(halves, (rows * 0.5).astype("f4"), strict=True)
    np.testing.assert_array_equal(layers.Lambda(lambda inputs: inputs)(rows), rows, strict=True)
    with_numbers = layers.Lambda(lambda inputs: (inputs[0], inputs[1]))((rows, rows.astype("f8")))
    assert [result.dtype for result in with_numbers] == [rows.dtype, np.float32]


def test_layers_inside_own_ones_compute_with_integers_as_numbers():
    wrapped = layers.TimeDistributed(layers.Dense(2, kernel_initializer="ones"))
    result = wrapped(np.array([[[3, 4]]]))
    np.testing.assert_array_equal(result, np.full((1, 1, 2), 7, "f4"), strict=True)


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "bool"])
def test_a_layer_that_moves_numbers_may_have_an_integer_dtype(kind):
    rows = np.array([[0.0, 1.0], [1.0, 0.0]])
    for layer in (layers.Flatten(dtype=kind), layers.Reshape((2, 1), dtype=kind), layers.Identity(dtype=kind)):
        assert layer(rows).dtype == kind and layer(rows).ravel().tolist() == [0, 1, 1, 0]
        assert layer.dtype == layer.compute_dtype == layer.variable_dtype == layer.dtype_policy.name == kind
        assert type(layer).from_config(layer.get_config()).dtype == kind
    assert layers.Add(dtype="int32")([rows, rows]).dtype == "int32"


def test_weights_of_an_integer_dtype_are_not_drawn():
    with pytest.raises(ConfigError, match="GlorotUniform draws no weights of int32"):
        layers.Dense(2, dtype="int32")(np.ones((2, 3)))


def test_weights_before_integers_have_no_gradient():
    whole = layers.Reshape((2, 1), dtype="int32")
    model = Sequential([layers.Input((3,)), first := layers.Dense(2), whole, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ConfigError, match=r"no gradient reaches '.*': .* integers"):
        model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    first.trainable = False
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(np.ones((4, 3)), np.ones(4), verbose=0).history["loss"]).all()


def test_layers_of_an_integer_dtype_give_fractions_as_floating_point_numbers():
    rows = np.array([[1.9, 2.0, -4.0]])  # cut to integers
    for layer, expected in [
        (layers.Dropout(1e-9), [1, 2, -4]),
        (layers.GaussianNoise(1e-9), [1, 2, -4]),
        (layers.UnitNormalization(), np.array([1, 2, -4]) / 21**0.5),
        (layers.LayerNormalization(center=False, scale=False), np.array([4, 7, -11]) / 62**0.5),
        (layers.LeakyReLU(0.5), [1, 2, -2]),
        (layers.Lambda(lambda inputs: inputs / 2), [0.5, 1, -2]),
    ]:
        layer.dtype = "int32"
        result = layer(rows, training=True)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result[0], expected, atol=1e-3)
    assert layers.ReLU(dtype="int32")(rows).dtype == np.int32
    assert layers.Average(dtype="uint8")([[[200.0]], [[201.0]]]).tolist() == [[200.5]]
    steps = np.array([[[1.0], [2.0]]])
    assert layers.AveragePooling1D(2, dtype="int32")(steps).tolist() == [[[1.5]]]
    assert layers.AdaptiveAveragePooling1D(1, dtype="int32")(steps).tolist() == [[[1.5]]]
    doubled = layers.UpSampling2D(2, interpolation="bilinear", dtype="int32")(steps[..., None])
    assert doubled[0, 0, :, 0].tolist() == [1.0, 1.0] and doubled[0, :, 0, 0].tolist() == [1.0, 1.25, 1.75, 2.0]


def test_weights_of_integers_are_not_trained():
    for layer in (layers.LayerNormalization(dtype="int32"), layers.Dense(2, kernel_initializer="ones", dtype="int32")):
        with pytest.raises(WrongTypeError, match="int32 has no derivative: take a floating-point type"):
            layer(np.ones((2, 3)))


class WithSteps(layers.Layer):
    """A layer with an integer weight, which may be trained by mistake."""

    def build(self, input_shape):
        self.steps = self.add_weight((), "ones", "int32", name="steps")

    def call(self, inputs):
        return inputs * ops.cast(self.steps, "float32")


def test_training_refuses_integer_weights_by_name():
    model = Sequential([layers.Input((3,)), steps := WithSteps(), layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(WrongTypeError, match="weight 'with_steps/steps' of int32 has no derivative"):
        model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    steps.trainable = False
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
