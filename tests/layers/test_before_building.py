"""What layers say of shapes and states before they are built, and of inputs of integers."""

import numpy as np
import pytest

from nnlite import Input, Model, layers, ops
from nnlite.errors import DataError, ShapeError
from nnlite.layers import InputSpec


class Kernel(layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 2))

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)


class Wrapping(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(3)

    def call(self, inputs):
        return self.inner(inputs)


def test_the_output_shape_of_a_users_layer_needs_no_weights():
    layer, nested = Kernel(), Wrapping()
    assert layer.compute_output_shape((None, 4)) == (None, 2)
    assert layer.compute_output_shape((None, 3, 5)) == (None, 3, 2)
    assert nested.compute_output_shape((None, 4)) == (None, 3)
    assert not layer.built and layer.weights == [] and not nested.inner.built
    assert nested(np.ones((2, 7))).shape == (2, 3)  # another length than the one that was tried


def test_single_states_of_stacked_cells_are_symbols():
    layer = layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)], return_state=True)
    _, state, both = layer(Input((6, 4)))
    assert state.shape == (None, 2) and [one.shape for one in both] == [(None, 3), (None, 3)]
    start = Input((6, 4))
    model = Model(start, layers.Dense(1)(layer(start)[1]))
    assert model(np.ones((2, 6, 4))).shape == (2, 1)
    assert [one.shape for one in layer(np.ones((2, 6, 4)))[1]] == [(2, 2)]  # of arrays, a list, as in Keras


@pytest.mark.parametrize("kind", ["uint8", "int32"])
def test_resized_images_of_integers_are_rounded(kind):
    images = (np.arange(32) % 3 % 2 * 250).reshape(1, 4, 8, 1).astype(kind)
    resized, exact = (layers.Resizing(6, 9, "bicubic")(one) for one in (images, images.astype("float32")))
    assert resized.dtype == kind and exact.min() < 0
    limits = np.iinfo(kind)
    np.testing.assert_array_equal(resized, np.rint(exact).clip(limits.min, limits.max))


@pytest.mark.parametrize("kind", ["uint8", "int32", "uint32", "int64"])
def test_resizing_keeps_the_largest_integers(kind):
    largest = np.iinfo(kind).max
    for number in (largest, min(largest, 2**24 + 1)):
        assert (layers.Resizing(6, 6)(np.full((1, 4, 4, 1), number, kind)) == number).all()


def test_a_mel_spectrogram_of_integers():
    signal = (np.sin(np.arange(90)) * 100).astype("int32")
    layer = layers.MelSpectrogram(num_mel_bins=6, sampling_rate=800, sequence_stride=8, fft_length=32)
    np.testing.assert_array_equal(layer(signal[None]), layer(signal[None].astype("float32")))
    assert layer(signal[None]).dtype == np.float32


def test_a_rematerialized_call_is_the_call():
    layer = layers.Dense(2)
    np.testing.assert_array_equal(layer.rematerialized_call(layer)(np.ones((1, 3))), layer(np.ones((1, 3))))


SEQUENCES = [
    lambda: layers.Dense(2),
    lambda: layers.LSTM(2),
    lambda: layers.Bidirectional(layers.GRU(2)),
    lambda: layers.TimeDistributed(layers.Dense(2)),
    lambda: layers.PReLU(),
    lambda: layers.MultiHeadAttention(2, 3),
    lambda: layers.Attention(),
]


@pytest.mark.parametrize("make", SEQUENCES)
def test_a_layer_that_was_built_for_some_examples_takes_others(make):
    layer, several = make(), 2 if "Attention" in type(make()).__name__ else 1
    shapes, x = [(4, 6, 3)] * several, [np.ones((2, 6, 3))] * several
    as_list = isinstance(layer, layers.Attention)
    layer.build(shapes) if as_list else layer.build(*shapes)
    assert (layer(x) if as_list else layer(*x)).shape[0] == 2
    assert "(4, 6, 3)" in str(layer.get_build_config())


def test_a_stateful_layer_has_as_many_states_as_build_says():
    layer = layers.LSTM(2, stateful=True)
    layer.build((4, 6, 3))
    assert [state.shape for state in layer.states] == [(4, 2), (4, 2)]


class Asking(layers.Layer):
    def build(self, input_shape):
        self.asked = input_shape

    def call(self, inputs):
        return inputs * 1


def test_a_build_of_the_user_gets_the_number_of_examples():
    layer, drawn, told, free = Asking(), Asking(), Asking(), Asking()
    layer(np.ones((3, 4)))
    drawn(Input(batch_shape=(5, 4)))
    told.build((7, 4))
    free(Input((4,)))
    assert [one.asked for one in (layer, drawn, told, free)] == [(3, 4), (5, 4), (7, 4), (None, 4)]
    assert told(np.ones((2, 4))).shape == layer(np.ones((2, 4))).shape == (2, 4)


class Single(Asking):
    """Of arrays with 3 columns."""

    def build(self, input_shape):
        super().build(input_shape)
        if input_shape[-1] != 3:
            raise ShapeError("3 columns")


THREE = np.ones((2, 3))
REFUSED = {
    "build": lambda layer: layer.build((7, 4)),
    "a symbol": lambda layer: layer(Input(batch_shape=(7, 4))),
    "a tuple": lambda layer: layer((THREE, THREE)),
    "a list": lambda layer: layer([THREE, THREE]),
    "a dict": lambda layer: layer({"a": THREE, "b": THREE}),
}


@pytest.mark.parametrize("first", REFUSED)
@pytest.mark.parametrize("with_data", [False, True])
def test_a_failed_build_leaves_no_memory_of_its_data(first, with_data):
    layer = Single()
    with pytest.raises((ShapeError, KeyError)):
        REFUSED[first](layer)
    layer(THREE) if with_data else layer.build((2, 3))
    assert layer.asked == (2, 3) and layer(THREE).shape == (2, 3)


def test_requirements_in_a_dict_and_by_types_of_numpy():
    class Both(layers.Layer):
        input_spec = {"b": InputSpec(ndim=2, dtype=np.float32), "a": InputSpec(axes={1: 1})}

        def call(self, inputs):
            return inputs["a"] + inputs["b"]

    column = np.ones((2, 1))
    assert Both()({"a": column, "b": THREE}).shape == (2, 3)
    with pytest.raises(ShapeError, match="length 1 of axis 1"):
        Both()({"a": THREE, "b": column})
    with pytest.raises(DataError, match="needs inputs of float32, got int64"):
        Both()({"a": column, "b": THREE.astype("int64")})
