"""Recurrent layers called as Keras calls them: first states, cells of users, states kept, convolutions in the gates."""

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite import ops
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM1D,
    ConvLSTM2D,
    Dense,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    SimpleRNN,
    StackedRNNCells,
    TimeDistributed,
)
from nnlite.models import Model, Sequential, load_model
from nnlite.ops.activations import Sigmoid

pytestmark = pytest.mark.usefixtures("double_precision")

X = np.random.default_rng(0).normal(size=(2, 3, 4))
H, C = np.random.default_rng(1).normal(size=(2, 2, 5))


class Mixing(Layer):
    """A cell as Keras users write it: a plain layer with `state_size`, a weight and a layer of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.inner = Dense(units, use_bias=False)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.built = True

    def call(self, inputs, states):
        output = ops.tanh(ops.matmul(inputs, self.kernel) + self.inner(states[0]))
        return output, [output]


class Lasting(Mixing):
    """The same with first states of its own."""

    def get_initial_state(self, batch_size=None):
        return [np.full((batch_size, self.units), 0.5)]


def plain(x, kernel, recurrent, state):
    for step in range(x.shape[1]):
        state = np.tanh(x[:, step] @ kernel + state @ recurrent)
    return state


def test_initial_state_stands_beside_the_sequence():
    layer = LSTM(5)
    expected = layer((X, H, C))
    assert np.array_equal(layer(X, initial_state=[H, C]), expected)
    assert not np.allclose(layer((X, C, H)), expected)
    gru = GRU(5)
    assert np.array_equal(gru(X, initial_state=H), gru((X, H)))
    with pytest.raises(ShapeError, match="layer LSTM was built for"):
        layer(X, initial_state=[H])


def test_initial_state_in_a_graph_and_inside_another_layer():
    inputs = Input((3, 4))
    _, h, c = LSTM(5, return_state=True)(inputs)
    model = Model(inputs, LSTM(5)(inputs, initial_state=[h, c]))
    first, second = model.layers[-2:]
    _, *states = first(X)
    assert relative_error(model.predict(X, verbose=0), second((X, *states))) <= EXACT

    class Twice(Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = LSTM(3, return_state=True), LSTM(3)

        def call(self, x):
            _, h, c = self.first(x)
            return self.second(x, initial_state=[h, c])

    twice = Twice()
    assert relative_error(twice(X), twice.second((X, *twice.first(X)[1:]))) <= EXACT


def test_states_of_stacked_cells_are_nested():
    layer = RNN([LSTMCell(2), GRUCell(3)], return_state=True)
    output, first, second = layer(X)
    assert [state.shape for state in first] == [(2, 2), (2, 2)]
    assert [state.shape for state in second] == [(2, 3)]
    assert np.array_equal(second[0], output)
    assert layer.state_size == [[2, 2], 3]
    again = layer(X[:, 2:], initial_state=layer(X[:, :2])[1:])[0]
    assert relative_error(again, output) <= EXACT
    assert [[s.shape for s in own] for own in layer.get_initial_state(4)] == [[(4, 2), (4, 2)], [(4, 3)]]


def test_a_cell_called_by_itself():
    cell, x = LSTMCell(5), X[:, 0]
    output, states = cell(x, [H, C])
    assert isinstance(states, list)
    assert np.array_equal(output, states[0])
    assert np.array_equal(cell((x, H, C))[2], states[1])
    gated, state = GRUCell(5)(x, H)
    assert np.array_equal(gated, state)
    assert [zeros.shape for zeros in cell.get_initial_state(3)] == [(3, 5), (3, 5)]
    stacked = StackedRNNCells([LSTMCell(2), GRUCell(3)])
    assert stacked(x, stacked.get_initial_state(2))[0].shape == (2, 3)


@pytest.mark.parametrize(("kind", "first"), [(Mixing, 0.0), (Lasting, 0.5)])
def test_a_cell_of_the_users(kind, first, tmp_path):
    layer = RNN(kind(3), return_state=True)
    output, state = layer(X)
    kernel, recurrent = layer.get_weights()
    assert relative_error(output, plain(X, kernel, recurrent, np.full((2, 3), first))) <= EXACT
    assert np.array_equal(output, state)
    given = np.ones((2, 3))
    assert relative_error(layer(X, initial_state=given)[0], plain(X, kernel, recurrent, given)) <= EXACT
    model = Sequential([Input((3, 4)), RNN([kind(3), LSTMCell(2), kind(1)])], seed=0)
    model.compile({"Adam": {"learning_rate": 0.05}}, "mse")
    y = np.tanh(X.sum((1, 2)))[:, None]
    losses = model.fit(X, y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    model.save(tmp_path / "model.safetensors")
    assert np.array_equal(load_model(tmp_path / "model.safetensors").predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_gradient_of_a_cell_of_the_users():
    layer = RNN(Mixing(2))
    layer(X)
    exact = SimpleRNN(2, use_bias=False)
    exact(X)
    exact.set_weights(layer.get_weights())
    for one, other in ((layer, exact), (exact, layer)):
        one.forward(X), other.forward(X)
        for found, wanted in zip(one.backward(1.0), other.backward(1.0), strict=True):
            assert relative_error(found, wanted) <= EXACT


def test_a_frozen_cell_of_the_users_is_not_trained():
    cell = Mixing(2)
    layer = RNN(cell)
    layer(X)
    assert layer.cell is cell
    assert len(layer.trainable_weights) == 2
    cell.trainable = False
    assert layer.trainable_weights == []


def test_what_is_no_cell():
    with pytest.raises(ConfigError, match="is not a cell: RNN needs one with the attribute state_size"):
        RNN(Dense(2))


@pytest.mark.parametrize("layer", [LSTM(2), GRU(2), SimpleRNN(2), RNN(GRUCell(2)), Bidirectional(LSTM(2))], ids=repr)
def test_another_number_of_steps(layer):
    layer(X)
    longer = np.concatenate([X, X], axis=1)
    twin = type(layer).from_config(layer.get_config())
    twin(longer)
    twin.set_weights(layer.get_weights())
    assert np.array_equal(layer(longer), twin(longer))
    with pytest.raises(ShapeError, match="was built for"):
        layer(longer[..., :3])


def test_a_stateful_layer_takes_the_batch_size_of_its_first_call():
    for layer in (LSTM(2, stateful=True), Bidirectional(LSTM(2, stateful=True))):
        once = layer(X)
        assert not np.allclose(layer(X), once)
        layer.reset_state()
        assert relative_error(layer(X), once) <= EXACT
    layer = LSTM(2, stateful=True)
    layer(X)
    assert [state.shape for state in layer.states] == [(2, 2), (2, 2)]
    assert LSTM(2).states is None
    with pytest.raises(ShapeError, match="stateful with batch_size=2, got 1"):
        layer(X[:1])


def test_accepted_for_the_sake_of_keras():
    layer = LSTM(2, unroll=True, use_cudnn=False, implementation=1)
    twin = LSTM.from_config(layer.get_config())
    assert (twin.unroll, twin.use_cudnn, twin.implementation) == (True, False, 1)
    with pytest.raises(ConfigError, match=r"GRU\.use_cudnn"):
        GRU(2, use_cudnn="always")


def test_time_distributed_masks():
    layer = TimeDistributed(Dense(2))
    assert np.array_equal(layer(X, mask=np.ones((2, 3), bool)), layer(X))
    with pytest.raises(ShapeError, match=r"mask that begins with \(2, 3\).*got \(2, 5\)"):
        layer(X, mask=np.ones((2, 5), bool))


def test_conv_lstm_of_single_cells_is_an_lstm():
    x = X[:, :, None, None]
    layer, exact = ConvLSTM2D(5, 1, return_state=True), LSTM(5, return_state=True)
    layer(x), exact(X)
    exact.set_weights([array.reshape(array.shape[-2:] if array.ndim > 1 else -1) for array in layer.get_weights()])
    states = [H[:, None, None], C[:, None, None]]
    for found, wanted in zip(layer(x, initial_state=states), exact(X, initial_state=[H, C]), strict=True):
        assert relative_error(found[:, 0, 0], wanted) <= EXACT


def correlated(x, kernel, before, after, stride=1):
    x = np.pad(x, ((0, 0), (before, after), (0, 0)))
    size = len(kernel)
    return np.stack(
        [np.einsum("nkc,kcf->nf", x[:, o : o + size], kernel) for o in range(0, x.shape[1] - size + 1, stride)], axis=1
    )


def test_conv_lstm_by_its_formula():
    x = np.random.default_rng(2).normal(size=(2, 3, 7, 2))
    layer = ConvLSTM1D(2, 3, strides=2, return_sequences=True)
    outputs = layer(x)
    assert layer.bias.value.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    layer.set_weights([np.random.default_rng(3).normal(size=w.shape) for w in layer.weights])
    outputs, (kernel, recurrent, bias) = layer(x), layer.get_weights()
    hidden = cell = np.zeros((2, 3, 2))
    sigmoid = Sigmoid()
    for step in range(3):
        z = correlated(x[:, step], kernel, 0, 0, 2) + correlated(hidden, recurrent, 1, 1) + bias
        i, f, c, o = np.split(z, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        hidden = sigmoid(o) * np.tanh(cell)
        assert relative_error(outputs[:, step], hidden) <= EXACT


def test_conv_lstm_in_a_model(tmp_path):
    x = np.random.default_rng(4).normal(size=(6, 3, 4, 4, 1))
    model = Sequential([Input((3, 4, 4, 1)), ConvLSTM2D(3, 2, dropout=0.1), "Flatten", Dense(1)], seed=0)
    model.compile({"Adam": {"learning_rate": 0.03}}, "mse")
    losses = model.fit(x, x.sum((1, 2, 3, 4))[:, None], epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.safetensors")
    assert np.array_equal(load_model(tmp_path / "model.safetensors").predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_stateful_layer_begins_with_the_first_states_of_its_cell():
    layer = RNN(Lasting(3), stateful=True)
    layer.build((2, *X.shape[1:]))
    assert (layer.states[0].value == 0.5).all()
    first = layer(X)
    kernel, recurrent = (weight.value for weight in layer.weights)
    np.testing.assert_allclose(first, plain(X, kernel, recurrent, np.full((2, 3), 0.5)), atol=1e-6)
    layer.reset_states()
    assert (layer.states[0].value == 0).all()


def test_cells_take_the_implementation_as_their_layers_do():
    for cell in (LSTMCell, GRUCell):
        assert "implementation" not in cell(2, implementation=1).get_config()
