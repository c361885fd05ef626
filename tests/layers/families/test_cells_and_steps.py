"""What Keras asks of cells, wrapped layers and attention after they were built: factors, lengths, numbers of inputs."""

import numpy as np
import pytest

from nnlite import ops
from nnlite.errors import ShapeError
from nnlite.layers import (
    LSTM,
    RNN,
    AdditiveAttention,
    Attention,
    Bidirectional,
    ConvLSTM1D,
    ConvLSTM2D,
    Dense,
    Flatten,
    GroupQueryAttention,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    MultiHeadAttention,
    PReLU,
    SimpleRNNCell,
    SpectralNormalization,
    TimeDistributed,
)

X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")


@pytest.mark.parametrize("make", [SimpleRNNCell, LSTMCell, GRUCell])
def test_dropout_factors_of_cells_are_kept_until_they_are_reset(make):
    cell, step = make(3, dropout=0.5, recurrent_dropout=0.25, seed=1), np.ones((40, 5), "float32")
    factors = cell.get_dropout_mask(step)
    assert set(factors.ravel().tolist()) == {0.0, 2.0} and factors.shape == step.shape
    assert cell.get_dropout_mask(step) is factors
    assert {round(float(factor), 4) for factor in cell.get_recurrent_dropout_mask(step).ravel()} == {0.0, 1.3333}
    cell.reset_dropout_mask()
    cell.reset_recurrent_dropout_mask()
    assert not np.array_equal(cell.get_dropout_mask(step), factors)
    assert make(3).get_dropout_mask(step) is None and make(3).get_recurrent_dropout_mask(step) is None


def test_factors_are_those_of_a_sequence_in_a_cell_of_the_user():
    class Doubled(LSTMCell):
        def call(self, inputs, states):
            return inputs * self.get_dropout_mask(inputs)[:, :1], states

    outputs = RNN(Doubled(1, dropout=0.5), return_sequences=True)(np.ones((50, 4, 1), "float32"))
    assert set(np.unique(outputs).tolist()) == {0.0, 2.0} and (outputs == outputs[:, :1]).all()


def test_a_step_may_ignore_its_inputs():
    class Counting(Layer):
        state_size, output_size = [1], 2

        def call(self, inputs, states):
            return ops.ones((ops.shape(inputs)[0], 2)), [states[0] + 1]

    outputs, count = RNN(Counting(), return_state=True)(X)
    assert outputs.tolist() == [[1.0, 1.0]] * 2 and count.tolist() == [[6.0]] * 2
    assert [end.shape for end in RNN(Counting(), return_state=True)(Input((6, 3)))] == [(None, 2), (None, 1)]


def test_paths_in_a_recurrent_layer_name_the_cell_of_the_user():
    class Cell(Layer):
        state_size = 3

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")

        def call(self, inputs, states):
            return inputs @ self.kernel, states

    layer = RNN(Cell(name="cell"), name="steps")
    layer.build((None, 6, 3))
    assert [weight.path for weight in layer.weights] == ["steps/cell/kernel"]


def test_a_layer_at_each_step_takes_any_number_of_steps():
    layer = TimeDistributed(Dense(2))
    outputs = layer(X)
    np.testing.assert_array_equal(layer(X[:, :4]), outputs[:, :4])
    assert layer(np.concatenate([X, X], axis=1)).shape == (2, 12, 2)
    for wrong in (X[:, :, :2], X[0]):
        with pytest.raises(ShapeError):
            layer(wrong)
    with pytest.raises(ShapeError, match=r"shape \(batch, steps, ...\), got \(2, 5\)"):
        layer.compute_output_shape((2, 5))
    images = TimeDistributed(Flatten())
    assert images(np.ones((1, 2, 3, 4))).shape == (1, 2, 12)


@pytest.mark.parametrize(
    "make", [lambda: MultiHeadAttention(2, 3), lambda: GroupQueryAttention(3, 2, 1), Attention, AdditiveAttention]
)
@pytest.mark.parametrize("first", [2, 3])
def test_attention_takes_a_key_or_none_whatever_it_was_built_with(make, first):
    layer, others = make(), X[:, :4]
    as_list = isinstance(layer, (Attention, AdditiveAttention))

    def attended(*inputs):
        return layer(list(inputs)) if as_list else layer(*inputs)

    attended(*[X] * first)
    np.testing.assert_allclose(attended(X, others, others), attended(X, others), rtol=1e-6)
    with pytest.raises(ShapeError):
        attended(X, others, others[..., :2])


@pytest.mark.parametrize("make, rank", [(ConvLSTM1D, 1), (ConvLSTM2D, 2)])
def test_sizes_of_convolutional_steps_are_numbers_for_each_axis(make, rank):
    layer = make(4, 3, strides=2)
    for owner in (layer, layer.cell):
        assert (owner.kernel_size, owner.strides, owner.dilation_rate) == ((3,) * rank, (2,) * rank, (1,) * rank)
    assert layer.to_spec()[make.__name__]["kernel_size"] == 3
    assert make.from_config(layer.get_config()).get_config() == layer.get_config()


def test_lengths_are_free_in_lstm_at_each_step():
    layer = TimeDistributed(LSTM(2))
    assert layer(np.ones((2, 3, 4, 5))).shape == layer(np.ones((2, 3, 7, 5))).shape == (2, 3, 2)


@pytest.mark.parametrize("name", ["q", None])
def test_both_directions_have_names(name):
    layer = Bidirectional(LSTM(2, name=name), name="both")
    stem = layer.forward_layer.name.removeprefix("forward_")
    assert name in (stem, None) and layer.backward_layer.name == f"backward_{stem}"
    layer(X)
    assert [weight.path.split("/")[1] for weight in layer.weights] == [f"forward_{stem}"] * 3 + [f"backward_{stem}"] * 3
    again = Bidirectional.from_config(layer.get_config())
    assert (again.forward_layer.name, again.backward_layer.name) == (f"forward_{stem}", f"backward_{stem}")
    given = Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, name="other"), name="both")
    given(X)
    assert given.weights[3].path == "both/other/lstm_cell/kernel"


def test_variables_of_a_normalized_kernel_are_in_the_order_of_weights():
    layer = SpectralNormalization(Dense(2))
    layer.build((None, 3))
    assert [variable.name for variable in layer.variables] == ["kernel", "vector_u", "bias"]


def test_trainable_is_a_flag():
    layer = Dense(2)
    layer.trainable = 0
    assert layer.trainable is False


@pytest.mark.parametrize("make", [SimpleRNNCell, LSTMCell, GRUCell])
def test_a_cell_that_calls_the_one_it_extends_drops_once_for_a_sequence(make):
    class Plain(make):
        def call(self, inputs, states, training=False):
            return super().call(inputs, states, training=training)

    cell = Plain(2, dropout=0.5, activation=None, recurrent_initializer="zeros", seed=1)
    rows = np.ones((30, 4, 1), "float32")
    layer = RNN(cell, return_sequences=True)
    outputs, again = layer(rows, training=True), layer(rows, training=True)
    dropped = ~outputs.any(axis=(1, 2))
    assert 0 < dropped.sum() < 30 and outputs[~dropped].all()
    assert not np.array_equal(outputs, again)  # each call draws
    assert layer(rows).all()


def test_arguments_as_keras_keeps_them():
    assert GroupQueryAttention(3, 4, 2).num_repeats == 2
    layer = PReLU(shared_axes=1)
    layer.build((None, 6, 3))
    assert layer.shared_axes == (1,) and layer.alpha.shape == (1, 3)


def test_custom_objects_of_a_config_are_found_by_name():
    class Doubling(Layer):
        def call(self, inputs):
            return 2 * inputs

    config = TimeDistributed(Doubling()).get_config()
    again = TimeDistributed.from_config(config, custom_objects={"Doubling": Doubling})
    np.testing.assert_array_equal(again(X[..., None]), 2 * X[..., None])
