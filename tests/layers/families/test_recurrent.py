"""Recurrent layers against PyTorch and against loops written out; states, several outputs, errors, training."""

from functools import partial

import numpy as np
import pytest
from numeric import EXACT, complex_step, contract, push, relative_error
from torch_parity import assert_same, backpropagated, near, needs_torch, tensors_of, torch

from nnlite import Model, Sequential, ops
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Dense,
    Embedding,
    GRUCell,
    Input,
    LSTMCell,
    Masking,
    RNNCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)
from nnlite.random import RandomSource

SHAPES = [(1, 1, 1, 1), (2, 7, 3, 5), (5, 4, 1, 2), (3, 12, 6, 4), (4, 1, 2, 3)]  # batch, steps, features, units
PAIRS = [
    (SimpleRNN, SimpleRNNCell, {}),
    (LSTM, LSTMCell, {}),
    (GRU, GRUCell, {}),
    (GRU, GRUCell, {"reset_after": False}),
]


pytestmark = pytest.mark.usefixtures("double_precision")


def built(layer, *shapes):
    """The layer with random parameters, and inputs of these shapes."""
    random = np.random.default_rng(1)
    free = tuple((None, *shape[1:]) for shape in shapes)
    layer._ensure_built(free if len(shapes) > 1 else free[0], RandomSource(2))
    for parameter in layer.parameters:
        parameter.assign(random.normal(size=parameter.shape))
    inputs = tuple(random.normal(size=shape) for shape in shapes)
    return layer, inputs if len(shapes) > 1 else inputs[0]


def states_of(kind):
    return 2 if kind is LSTM else 1


@needs_torch
class TestAgainstPyTorch:
    ORDER = {LSTM: [0, 1, 2, 3], GRU: [1, 0, 2], SimpleRNN: [0]}  # PyTorch's gates among ours

    def to_torch(self, array, order, units):
        blocks = array.reshape(*array.shape[:-1], len(order), units)[..., order, :]
        return torch.tensor(blocks.reshape(array.shape).T.copy(), requires_grad=True)

    def twin(self, layer, kind, reverse=""):
        """PyTorch's layer with the same weights, and these as tensors, in our order."""
        order, units = self.ORDER[kind], layer.units
        kernel, recurrent, bias = layer.values
        first, second = bias if bias.ndim == 2 else (bias, 0 * bias)
        return [self.to_torch(array, order, units) for array in (kernel, recurrent, first, second)]

    def gradients(self, tensors, kind, units, bias_rank):
        back = np.argsort(self.ORDER[kind])
        found = []
        for tensor in tensors:
            array = tensor.grad.numpy().T
            found.append(array.reshape(*array.shape[:-1], len(back), units)[..., back, :].reshape(array.shape))
        return [*found[:2], np.stack(found[2:]) if bias_rank == 2 else found[2]]

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    @pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
    def test_outputs_states_and_all_gradients(self, kind, shape):
        batch, steps, features, units = shape
        count = states_of(kind)
        layer, (x, *states) = built(
            kind(units, return_sequences=True, return_state=True), (batch, steps, features), *[(batch, units)] * count
        )
        module = {SimpleRNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}[kind]
        twin = module(features, units, batch_first=True, dtype=torch.float64)
        tensors = self.twin(layer, kind)
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
        data = tensors_of(x, *states)
        first = tuple(state[None] for state in data[1:])
        call = torch.func.functional_call
        outputs, last = call(twin, dict(zip(names, tensors, strict=True)), (data[0], first if count > 1 else first[0]))
        last = last if isinstance(last, tuple) else (last,)
        found = layer.forward((x, *states))
        expected = [outputs, *(state[0] for state in last)]
        assert all(near(ours, theirs) for ours, theirs in zip(found, expected, strict=True))

        ours = layer.backward(backpropagated(expected, found))
        for mine, tensor in zip(ours, data, strict=False):
            assert near(mine, tensor.grad)
        theirs = self.gradients(tensors, kind, units, layer.bias.value.ndim)
        for mine, other in zip(ours[1 + count :], theirs, strict=True):
            assert relative_error(mine, other) <= EXACT

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_bidirectional_lstm(self, shape):
        batch, steps, features, units = shape
        layer, x = built(Bidirectional(LSTM(units, return_sequences=True)), (batch, steps, features))
        twin = torch.nn.LSTM(features, units, batch_first=True, bidirectional=True, dtype=torch.float64)
        named = {}
        for end, values in (("", layer.values[:3]), ("_reverse", layer.values[3:])):
            kernel, recurrent, bias = (torch.tensor(value.T.copy(), requires_grad=True) for value in values)
            named |= {f"weight_ih_l0{end}": kernel, f"weight_hh_l0{end}": recurrent}
            named |= {f"bias_ih_l0{end}": bias, f"bias_hh_l0{end}": torch.zeros_like(bias)}
        inputs = torch.tensor(x, requires_grad=True)
        expected, _ = torch.func.functional_call(twin, named, (inputs,))
        found = layer.forward(x)
        assert near(found, expected)
        by_inputs, *by_weights = layer.backward(*backpropagated([expected], [found]))
        assert near(by_inputs, inputs.grad)
        trained = [value for name, value in named.items() if "bias_hh" not in name]
        for ours, theirs in zip(by_weights, trained, strict=True):
            assert near(ours.T, theirs.grad)

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    @pytest.mark.parametrize("kind", [SimpleRNN, LSTM, "before", "after"], ids=str)
    @pytest.mark.parametrize("zero", [False, True])
    def test_masks_against_a_loop(self, kind, shape, zero):
        """Every step written out with PyTorch's arithmetic: states wait at masked steps, outputs are repeated."""
        batch, steps, features, units = shape
        options = {"reset_after": kind == "after"} if isinstance(kind, str) else {}
        kind = GRU if options else kind
        count = states_of(kind)
        layer, (x, *states) = built(
            kind(units, return_sequences=True, return_state=True, zero_output_for_mask=zero, **options),
            (batch, steps, features),
            *[(batch, units)] * count,
        )
        mask = np.random.default_rng(5).random((batch, steps)) < 0.6
        mask[0] = False
        assert_same(layer, (x, *states), partial(loop, kind, options, torch.tensor(mask), zero), mask=mask)


def loop(kind, options, mask, zero, x, *rest):
    """Output of all steps and last states of a layer, step by step."""
    count = states_of(kind)
    states, (kernel, recurrent, bias) = list(rest[:count]), rest[count:]
    output, outputs = torch.zeros_like(states[0]), []
    for step in range(x.shape[1]):
        new = one_step(kind, options, x[:, step], states, kernel, recurrent, bias)
        counts = mask[:, step, None]
        output = torch.where(counts, new[0], torch.zeros_like(output) if zero else output)
        states = [torch.where(counts, now, before) for now, before in zip(new, states, strict=True)]
        outputs.append(output)
    return [torch.stack(outputs, dim=1), *states]


def one_step(kind, options, x, states, kernel, recurrent, bias):
    h = states[0]
    if kind is SimpleRNN:
        return [torch.tanh(x @ kernel + h @ recurrent + bias)]
    if kind is LSTM:
        i, f, g, o = (x @ kernel + h @ recurrent + bias).chunk(4, dim=-1)
        cell = torch.sigmoid(f) * states[1] + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(cell), cell]
    first, second = bias if options["reset_after"] else (bias, 0 * bias)
    x_z, x_r, x_h = (x @ kernel + first).chunk(3, dim=-1)
    kernels = recurrent.chunk(3, dim=-1)
    h_z, h_r, h_h = (h @ recurrent + second).chunk(3, dim=-1)
    z, r = torch.sigmoid(x_z + h_z), torch.sigmoid(x_r + h_r)
    last = r * h_h if options["reset_after"] else (r * h) @ kernels[2]
    return [z * h + (1 - z) * torch.tanh(x_h + last)]


@pytest.mark.parametrize(("kind", "cell", "own"), PAIRS)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_layers_equal_their_cells_in_rnn(kind, cell, own, backwards, zero):
    options = {"go_backwards": backwards, "zero_output_for_mask": zero, "return_sequences": True, "return_state": True}
    shapes = [(3, 4, 2), *[(3, 2)] * states_of(kind)]
    fast, inputs = built(kind(2, **own, **options), *shapes)
    slow, _ = built(RNN(cell(2, **own), **options), *shapes)
    slow.set_weights(fast.get_weights())
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)
    for given in (None, mask):
        pairs = zip(fast.forward(inputs, mask=given), slow.forward(inputs, mask=given), strict=True)
        assert all(relative_error(ours, theirs) <= EXACT for ours, theirs in pairs)
        upstream = tuple(np.random.default_rng(3).normal(size=part.shape) for part in fast(inputs))
        for ours, theirs in zip(fast.backward(upstream), slow.backward(upstream), strict=True):
            assert relative_error(ours, theirs) <= EXACT


@pytest.mark.parametrize(("kind", "cell", "own"), PAIRS)
def test_dropout_is_the_same_at_all_steps_and_in_both_forms(kind, cell, own):
    fast, x = built(kind(2, dropout=0.5, seed=4, **own), (3, 4, 6))
    slow, _ = built(RNN(cell(2, dropout=0.5, seed=4, **own)), (3, 4, 6))
    slow.set_weights(fast.get_weights())
    context = {"training": True, "random": RandomSource(7)}
    outputs, jacobians = fast.linearize(x, *fast.values, **context)
    expected, others = slow.linearize(x, *slow.values, **context)
    assert relative_error(outputs, expected) <= EXACT
    upstream = np.random.default_rng(0).normal(size=outputs.shape)
    for ours, theirs in zip(jacobians.vjp(upstream), others.vjp(upstream), strict=True):
        assert relative_error(ours, theirs) <= EXACT
    dropped = jacobians.vjp(upstream)[0] == 0
    assert dropped.any()
    assert (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize("make", [GRU, lambda units, **own: RNN(GRUCell(units), **own)])
def test_going_backwards_is_going_forwards_over_the_reversed_sequence(make):
    options = {"return_sequences": True, "zero_output_for_mask": True}
    forward, x = built(make(2, **options), (3, 4, 2))
    backward, _ = built(make(2, go_backwards=True, **options), (3, 4, 2))
    mask = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)
    np.testing.assert_array_equal(backward(x, mask=mask), forward(x[:, ::-1], mask=mask[:, ::-1]))
    assert backward.linearize(x, *backward.values, mask=mask)[1].mask.tolist() == mask[:, ::-1].tolist()


@pytest.mark.parametrize("make", [LSTM, lambda units, **own: RNN(LSTMCell(units), **own)])
def test_the_mask_goes_on_with_the_steps_only(make):
    mask = np.array([[True, False, True]])
    for whole in (False, True):
        layer, x = built(make(2, return_sequences=whole), (1, 3, 2))
        found = layer.linearize(x, *layer.values, mask=mask)[1].mask
        assert found is None if not whole else found.tolist() == mask.tolist()
    embedding, indices = Embedding(3, 2), np.array([[1, 0, 2]])
    embedding._ensure_built((None, 3))
    assert embedding.linearize(indices, *embedding.values)[1].mask is None
    embedding.mask_zero = True
    assert embedding.linearize(indices, *embedding.values)[1].mask.tolist() == mask.tolist()


def test_a_seed_of_its_own_decides_dropout():
    for seed, same in ((4, True), (None, False)):
        layer, x = built(GRU(3, dropout=0.5, seed=seed), (4, 3, 5))
        first, other = (
            layer.linearize(x, *layer.values, training=True, random=RandomSource(drawn))[0] for drawn in (7, 8)
        )
        assert np.array_equal(first, other) == same


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_of_weights_in_parts_of_the_steps_are_the_same(masked, monkeypatch):
    layer, x = built(LSTM(3, return_sequences=True), (2, 7, 2))
    mask = np.random.default_rng(0).random((2, 7)) < 0.6 if masked else None
    output, jacobians = layer.linearize(x, *layer.values, mask=mask)
    upstream = np.random.default_rng(1).normal(size=output.shape)
    monkeypatch.setattr("nnlite.kernels.reference.recurrent.PART", 25)  # two steps each, and one is left
    found = jacobians.vjp(upstream, wanted=[False, True, True, True])
    for own, expected in zip(found[1:], jacobians.vjp(upstream)[1:], strict=True):
        assert relative_error(own, expected) <= EXACT


SEVERAL = [
    LSTM(2, return_state=True, return_sequences=True),
    GRU(2, return_state=True, go_backwards=True),
    GRU(2, return_state=True, reset_after=False),
    SimpleRNN(2, return_state=True, return_sequences=True),
    RNN([LSTMCell(2), SimpleRNNCell(1)], return_state=True),
    Bidirectional(LSTM(2, return_state=True)),
    Bidirectional(GRU(2, return_sequences=True), merge_mode=None),
]


@pytest.mark.parametrize("layer", SEVERAL, ids=repr)
@pytest.mark.parametrize("given", [None, [[1, 0, 1], [0, 0, 0]]], ids=["all", "masked"])
def test_each_of_several_outputs_has_its_derivatives(layer, given):
    mask = None if given is None else np.array(given, bool)
    layer, x = built(type(layer).get(layer.to_spec()), (2, 3, 2))
    arrays, random = [x, *layer.values], np.random.default_rng(0)
    outputs, jacobians = layer.linearize(*arrays, mask=mask)
    assert layer.output_shape == tuple((None, *part.shape[1:]) for part in outputs)
    upstream = tuple(random.normal(size=(2, *part.shape)) for part in outputs)
    tangents = [random.normal(size=array.shape) for array in arrays]
    pushed = [0] * len(outputs)
    pulled = jacobians.vjp(upstream)
    sums = jacobians.per_example(tuple(part[0] for part in upstream))
    for index in range(len(arrays)):
        total = 0
        for place, cotangent in enumerate(upstream):
            dense = complex_step(lambda *a, place=place: layer.linearize(*a, mask=mask)[0][place], arrays, index)
            only = tuple(part if place == other else None for other, part in enumerate(upstream))
            expected = contract(cotangent, dense, outputs[place].shape)
            assert relative_error(jacobians.vjp(only)[index], expected) <= EXACT
            pushed[place] = pushed[place] + push(dense, tangents[index], arrays[index].shape)
            total = total + expected
        assert relative_error(pulled[index], total) <= EXACT
        if index:
            assert relative_error(sums[index].sum(0), total[0]) <= EXACT
    for found, expected in zip(jacobians.jvp(*tangents), pushed, strict=True):
        assert relative_error(found, expected) <= EXACT


def test_a_cell_takes_and_returns_states():
    cell, (x, h, c) = built(LSTMCell(2), (3, 4), (3, 2), (3, 2))
    output, new_h, new_c = cell((x, h, c))
    np.testing.assert_array_equal(output, new_h)
    layer = LSTM(2, return_state=True)
    layer._ensure_built(((None, 1, 4), (None, 2), (None, 2)))
    layer.set_weights(cell.get_weights())
    for found, expected in zip(layer((x[:, None], h, c)), (output, new_h, new_c), strict=True):
        assert relative_error(found, expected) <= EXACT


def test_stateful_training_goes_on_where_the_last_batch_ended():
    x = np.random.default_rng(0).normal(size=(2, 6, 2))
    whole, layer = LSTM(3), LSTM(3, stateful=True, batch_size=2)
    whole._ensure_built((None, None, 2))
    layer._ensure_built((None, 3, 2))
    layer.set_weights(whole.get_weights())
    layer(x[:, :3], training=True)
    assert relative_error(layer(x[:, 3:], training=True), whole(x)) <= EXACT
    layer.reset_states()
    assert relative_error(layer(x[:, :3]), whole.forward(x[:, :3])) <= EXACT
    with pytest.raises(ShapeError, match="layer LSTM is stateful with batch_size=2, got 4 examples"):
        layer(np.ones((4, 3, 2)))
    with pytest.raises(ConfigError, match="is stateful, so it needs to know the examples in each batch"):
        Sequential([Input((3, 2)), GRU(3, stateful=True)])


def test_stateful_inside_a_model():
    model = Sequential([Input((3, 2)), GRU(4, stateful=True, batch_size=5), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).normal(size=(5, 3, 2)), np.zeros((5, 1))
    model.train_on_batch(x, y)
    state = model.layers[0].parameters[-1]
    assert not state.trainable
    assert state.value.any()
    model.layers[0].reset_states()
    assert not state.value.any()


def test_all_masked_steps_keep_the_first_state():
    layer, (x, h, c) = built(LSTM(2, return_state=True, return_sequences=True), (1, 3, 2), (1, 2), (1, 2))
    output, last_h, last_c = layer((x, h, c), mask=np.zeros((1, 3), bool))
    assert not output.any()
    np.testing.assert_array_equal(last_h, h)
    np.testing.assert_array_equal(last_c, c)


def test_weights_are_those_of_keras():
    lstm, _ = built(LSTM(2), (1, 1, 3))
    assert [(p.name, p.shape) for p in lstm.parameters] == [
        ("kernel", (3, 8)),
        ("recurrent_kernel", (2, 8)),
        ("bias", (8,)),
    ]
    fresh = LSTM(2)
    fresh._ensure_built((None, None, 3))
    assert fresh.bias.value.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(fresh.recurrent_kernel.value @ fresh.recurrent_kernel.value.T, np.eye(2), atol=1e-12)
    gru, _ = built(GRU(2), (1, 1, 3))
    assert [p.shape for p in gru.parameters] == [(3, 6), (2, 6), (2, 6)]
    before, _ = built(GRU(2, reset_after=False), (1, 1, 3))
    assert before.bias.shape == (6,)


class Accumulate(RNNCell):
    """A user's cell: the output is not the state."""

    units: int

    state_size = property(lambda self: self.units)
    output_size = 1

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units))

    def call(self, inputs, states):
        total = ops.tanh(states[0] * 0.5 + inputs @ self.kernel)
        return total.sum(axis=-1, keepdims=True), total


def test_a_cell_of_ones_own():
    layer, x = built(RNN(Accumulate(3), return_sequences=True, return_state=True), (2, 4, 3))
    outputs, state = layer.forward(x)
    expected, total = [], np.zeros((2, 3))
    for step in range(4):
        total = np.tanh(total * 0.5 + x[:, step] @ layer.cell.kernel.value)
        expected.append(total.sum(-1, keepdims=True))
    assert relative_error(outputs, np.stack(expected, axis=1)) <= EXACT
    assert relative_error(state, total) <= EXACT
    assert layer.output_shape == ((None, 4, 1), (None, 3))
    model = Sequential([Input((4, 3)), RNN([Accumulate(2), GRUCell(3)]), Dense(1)], seed=0)
    model.compile({"Adam": {"learning_rate": 0.05}}, "mse")
    y = x.sum(axis=(1, 2))[:, None]
    losses = model.fit(x, y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]


def test_masks_travel_to_the_loss_and_the_metrics():
    random = np.random.default_rng(0)
    x, y = random.integers(0, 4, (6, 5)), random.integers(0, 3, (6, 5))
    x[0] = 0
    layers = [
        Input((5,)),
        Embedding(4, 3, mask_zero=True),
        Bidirectional(GRU(2, return_sequences=True)),
        TimeDistributed(Dense(4, activation="tanh")),
        Dense(3, activation="softmax"),
    ]
    model = Sequential(layers, seed=0)
    model.compile({"SGD": {"learning_rate": 0.1}}, "sparse_categorical_crossentropy", metrics=["accuracy"])
    counted = x != 0
    predicted = model.predict(x, verbose=0)[counted]
    loss = -np.log(predicted[np.arange(len(predicted)), y[counted]]).mean()
    accuracy = (predicted.argmax(-1) == y[counted]).mean()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), [loss, accuracy], rtol=1e-12)
    np.testing.assert_allclose(model.train_on_batch(x, y), [loss, accuracy], rtol=1e-12)
    wrong = np.where(counted, y, (y + 1) % 3)
    again = Sequential.from_config(model.get_config())
    again._ensure_built((None, 5))
    again.compile("sgd", "sparse_categorical_crossentropy")
    again.set_weights(model.get_weights())
    assert again.train_on_batch(x, wrong) == model.evaluate(x, y, verbose=0)[0]


def test_weights_of_examples_and_masks_together():
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    x[1, 2:] = x[2, 0] = -1.0
    model = Sequential([Input((4, 2)), Masking(-1.0), LSTM(2, return_sequences=True)], seed=0)
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    y, weights = np.zeros((3, 4, 2)), np.array([1.0, 2.0, 3.0])
    counted = (x != -1.0).any(-1)
    predicted = model.predict(x, verbose=0)
    rows = (predicted**2).mean(-1) * weights[:, None] * counted
    loss, error = model.evaluate(x, y, sample_weight=weights, verbose=0)
    np.testing.assert_allclose(loss, rows.sum() / counted.sum(), rtol=1e-12)
    shares = (weights[:, None] * counted)[counted]
    np.testing.assert_allclose(error, (np.abs(predicted[counted]).mean(-1) * shares).sum() / shares.sum(), rtol=1e-12)


def test_padding_after_the_end_changes_nothing():
    layers = [Masking(), LSTM(3, return_sequences=True), GRU(2)]
    model = Sequential([Input((None, 2)), *layers], seed=0)
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    longer = np.concatenate([x, np.zeros((3, 2, 2))], axis=1)
    np.testing.assert_allclose(model.predict(longer, verbose=0), model.predict(x, verbose=0), rtol=1e-13)


def test_masking_sets_a_mask_and_clears_the_step():
    layer, x = built(Masking(2.0), (1, 3, 2))
    x[0, 1] = 2.0
    x[0, 2, 0] = 2.0
    outputs, jacobians = layer.linearize(x)
    assert jacobians.mask.tolist() == [[True, False, True]]
    assert not outputs[0, 1].any()
    np.testing.assert_array_equal(outputs[0, 2], x[0, 2])


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: LSTM(2, name="memory"), (3, 4), r"layer 'memory' \(LSTM\) needs inputs of shape \(batch, steps, feat"),
        (lambda: GRU(2), (3, 4, 5, 6), r"layer GRU needs inputs of shape .*got \(None, 4, 5, 6\)"),
        (lambda: RNN(LSTMCell(2)), (3, 4), "layer RNN needs inputs of shape"),
        (lambda: SimpleRNNCell(2), (3, 4, 5), r"layer SimpleRNNCell needs inputs of shape \(batch, features\)"),
        (lambda: Masking(), (3,), "layer Masking needs inputs of shape"),
        (lambda: TimeDistributed(Dense(2)), (3, 4), "layer TimeDistributed needs inputs of shape"),
        (lambda: SimpleRNN(2), (3, 0, 4), "layer SimpleRNN needs at least one step"),
    ],
)
def test_wrong_ranks_are_refused(make, shape, message):
    with pytest.raises(ShapeError, match=message):
        make()(np.ones(shape))


@pytest.mark.parametrize("make", [lambda: GRU(2), lambda: RNN(GRUCell(2)), lambda: Bidirectional(GRU(2))])
def test_wrong_masks_are_refused(make):
    for mask in (np.ones((3, 5), bool), np.ones((3, 4, 1), bool), np.ones((3, 4))):
        with pytest.raises(ShapeError, match=r"needs a mask of booleans of the shape \(3, 4\).*got"):
            make()(np.ones((3, 4, 2)), mask=mask)


@pytest.mark.parametrize("kind", [LSTM, lambda units: RNN(LSTMCell(units))])
def test_wrong_states_are_refused(kind):
    x, h = np.ones((3, 4, 2)), np.ones((3, 2))
    for given in ((x, h), (x, h, h, h), (x, h, np.ones((3, 3)))):
        with pytest.raises(ShapeError, match=r"needs 2 states of the shapes \(.*, 2\), \(.*, 2\), got"):
            kind(2)(given)


def test_wrong_wrappers_and_cells_are_refused():
    with pytest.raises(ConfigError, match="must differ in go_backwards"):
        Bidirectional(GRU(2), backward_layer=GRU(2))
    with pytest.raises(ConfigError, match="must agree in return_sequences"):
        Bidirectional(GRU(2), backward_layer=GRU(2, go_backwards=True, return_sequences=True))
    with pytest.raises(ConfigError, match="at least one cell"):
        StackedRNNCells([])
    with pytest.raises(ConfigError):
        RNN(Dense(2))


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_a_model_learns_to_tell_sequences_apart(kind):
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4, 2))
    y = (x[:, 0, 0] > 0).astype(int)  # only the first step tells
    model = Sequential([Input((4, 2)), kind(8), Dense(2, activation="softmax")], seed=1)
    model.compile({"Adam": {"learning_rate": 0.03}}, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=30, verbose=0).history
    assert history["accuracy"][-1] > 0.95


def test_bidirectional_gives_nothing_at_masked_steps():
    layer, mask = Bidirectional(LSTM(2, return_sequences=True)), np.array([[True, False, True], [False, False, True]])
    inputs = np.random.default_rng(0).normal(size=(2, 3, 2))
    outputs = layer.forward(inputs, mask=mask)
    assert (outputs[~mask] == 0).all()
    assert (outputs[mask] != 0).all()
    last = Bidirectional(LSTM(2)).forward(inputs, mask=mask)  # the last step that counts, not zeros
    assert (last != 0).all()


def series(steps, stateful=False, rows=2):
    own = {"stateful": True, "batch_size": rows} if stateful else {}
    model = Sequential([Input((steps, 2)), LSTM(3, **own), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("method", ["predict", "predict_on_batch", "__call__"])
def test_a_stateful_model_goes_on_from_call_to_call(method):
    x = np.random.default_rng(0).normal(size=(2, 8, 2)).astype(np.float32)
    whole, halves = series(8), series(4, stateful=True)
    states = [weight.value for weight in halves.layers[0].weights if not weight.trainable]
    halves.layers[0].set_weights([*whole.layers[0].get_weights(), *states])
    halves.layers[1].set_weights(whole.layers[1].get_weights())
    options = {"verbose": 0} if method == "predict" else {}
    call, wanted = getattr(halves, method), whole(x)
    for _ in range(2):
        first = call(x[:, :4], **options)
        np.testing.assert_allclose(call(x[:, 4:], **options), wanted, rtol=1e-6)
        halves.reset_states()
        assert not any(state.any() for state in states)
        np.testing.assert_array_equal(call(x[:, :4], **options), first)
        halves.layers[0].reset_state()


def test_a_stateful_model_is_tested_from_batch_to_batch():
    x, y = np.random.default_rng(0).normal(size=(2, 4, 2)), np.zeros(2)
    model = series(4, stateful=True)
    first, second = (model.evaluate(x, y, batch_size=2, verbose=0) for _ in range(2))
    assert first != second
    model.reset_states()
    assert model.evaluate(x, y, batch_size=2, verbose=0) == first
    assert model.test_on_batch(x, y) == second


def test_validation_leaves_the_states_of_training():
    x, y = np.random.default_rng(0).normal(size=(6, 4, 2)), np.zeros(6)
    alone, judged = series(4, stateful=True), series(4, stateful=True)
    alone.fit(x, y, batch_size=2, epochs=3, verbose=0)
    judged.fit(x, y, batch_size=2, epochs=3, verbose=0, validation_data=(x[:2], y[:2]))
    for one, other in zip(alone.get_weights(), judged.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_without_state_store_nothing_when_called():
    layer, x = built(LSTM(2), (1, 3, 2))
    np.testing.assert_array_equal(layer(x), layer(x))
    model = Sequential([Input((3, 2)), BatchNormalization(), LSTM(2)], seed=0)
    before = model.get_weights()
    model(np.ones((4, 3, 2)))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stateful_layer_goes_on_inside_layers_and_graphs():
    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    both = Bidirectional(SimpleRNN(2, stateful=True, batch_size=2))
    inputs = Input((3, 2))
    graph = Model(inputs, GRU(2, stateful=True, batch_size=2)(inputs), seed=0)
    for own in (both, graph, Sequential([Sequential([GRU(2, stateful=True, batch_size=2)])], seed=0)):
        first = own(x)
        assert not np.array_equal(own(x), first)
    both.reset_states()
    graph.reset_states()
    assert not np.array_equal(graph(x), graph(x))
