"""Tables of which a step changes few rows."""

import importlib.util
import math
import pickle

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, kernels, load_model
from nnlite.arrays import row_sums
from nnlite.arrays.row_sums import sums_by_row
from nnlite.errors import ConfigError, ModelFileError
from nnlite.jacobians import GatherRows, RowGradients
from nnlite.layers import Add, Dense, Embedding, GlobalAveragePooling1D
from nnlite.optimizers import SGD, Adam, AdamW, RMSprop
from nnlite.optimizers.base.tables import TableSums
from nnlite.training import tables

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")

generator = np.random.default_rng(2)
X, Y = generator.integers(0, 30, (64, 7)), generator.normal(size=(64, 1)).astype(np.float32)


def bag(sparse, optimizer, **options):
    layers = [Embedding(50, 4, sparse=sparse, **options), GlobalAveragePooling1D(), Dense(1)]
    model = Sequential([Input((7,)), *layers], seed=0)
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize(
    "optimizer",
    ["sgd", *[{"SGD": {name: 0.05}} for name in ("clipnorm", "clipvalue", "global_clipnorm")]],
    ids=str,
)
def test_sgd_gives_the_same_as_dense_updates(optimizer):
    models = [bag(sparse, optimizer) for sparse in (False, True)]
    histories = [model.fit(X, Y, epochs=3, verbose=0).history for model in models]
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-6)
    for dense, sparse in zip(*[model.get_weights() for model in models], strict=True):
        np.testing.assert_allclose(dense, sparse, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", {"SGD": {"momentum": 0.9}}, {"AdamW": {}}], ids=str)
def test_rows_out_of_use_rest(optimizer):
    model = bag(True, optimizer)
    model.train_on_batch(X, Y)
    before, first = model.get_weights()[0], model.optimizer.get_state()["slots"][1]
    few = np.full((4, 7), 3)
    few[:, 0] = 8
    model.train_on_batch(few, Y[:4])
    after, second = model.get_weights()[0], model.optimizer.get_state()["slots"][1]
    changed = np.flatnonzero((before != after).any(axis=1))
    assert changed.tolist() == [3, 8]
    for name, slot in first.items():
        moved = (slot != second[name]).reshape(50, 4).any(axis=1)
        assert np.flatnonzero(moved).tolist() == [3, 8]


def test_gradient_holds_the_rows_of_the_batch():
    model = bag(True, "sgd")
    model.train_on_batch(X, Y)
    gradient = model.parameters[0].gradient
    assert isinstance(gradient, RowGradients)
    assert gradient.rows.tolist() == sorted(set(X.ravel().tolist()))
    dense = bag(False, "sgd")
    dense.train_on_batch(X, Y)
    np.testing.assert_allclose(np.asarray(gradient), dense.parameters[0].gradient, rtol=1e-5, atol=1e-8)


def test_training_goes_on_after_saving(tmp_path):
    model = bag(True, "adam")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "bag.safetensors")
    again = load_model(tmp_path / "bag.safetensors")
    assert again.layers[0].sparse
    assert again.fit(X, Y, epochs=2, verbose=0).history == model.fit(X, Y, epochs=2, verbose=0).history


def test_a_table_that_is_used_twice():
    def model(sparse):
        left, right = Input((7,), name="left"), Input((7,), name="right")
        table, pool = Embedding(50, 4, sparse=sparse), GlobalAveragePooling1D()
        graph = Model([left, right], Dense(1)(Add()([pool(table(left)), pool(table(right))])), seed=0)
        graph.compile("sgd", "mse")
        graph.fit([X, X[::-1]], Y, epochs=2, verbose=0)
        return graph.get_weights()

    for dense, sparse in zip(model(False), model(True), strict=True):
        np.testing.assert_allclose(dense, sparse, rtol=1e-5, atol=1e-7)


def test_adam_is_sparse_adam_of_pytorch():
    torch = pytest.importorskip("torch")
    model = bag(True, {"Adam": {"learning_rate": 0.01, "epsilon": 1e-8}})
    table, kernel, bias = (torch.tensor(value, requires_grad=True) for value in model.get_weights())
    sparse = torch.nn.Parameter(table.detach().clone())
    optimizers = [torch.optim.SparseAdam([sparse], lr=0.01), torch.optim.Adam([kernel, bias], lr=0.01)]
    for start in range(0, 64, 16):
        x, y = X[start : start + 16] % 11 + start % 3, Y[start : start + 16]
        bags = torch.nn.functional.embedding(torch.from_numpy(x), sparse, sparse=True).mean(1)
        loss = ((bags @ kernel + bias - torch.from_numpy(y)) ** 2).mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        assert model.train_on_batch(x, y) == pytest.approx(loss.item(), rel=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], sparse.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_no_regularizer_beside_it():
    with pytest.raises(ConfigError, match="all rows; choose it or sparse"):
        Embedding(5, 2, embeddings_regularizer="l2", sparse=True)


def times(counts):
    """Each number so many times, in random order."""
    return generator.permutation(np.repeat(np.arange(len(counts)), counts))


@pytest.mark.parametrize(
    ("indices", "length"),
    [
        (times([1, 0, 3, 2]), 4),
        (times([40, 1, 0, 7, 8, 9, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), 17),
        (times([60, 50]), 2),
        (times([0, 5] * 40) + 65_500, 65_600),
        (np.zeros(0, int), 3),
    ],
    ids=["few", "some often", "often", "beyond 16 bits", "none"],
)
@pytest.mark.parametrize("run", [1, 2, 5])
@pytest.mark.parametrize("few", [0, 2**14])
def test_sums_by_row_equal_those_added_one_by_one(indices, length, run, few, monkeypatch):
    monkeypatch.setattr(row_sums, "FEW_NUMBERS", few)
    indices = indices[: len(indices) // run * run]
    values = generator.normal(size=(2, len(indices) // run, 3))
    targets, sums = sums_by_row(values, indices, length, run)
    expected = np.zeros((2, length, 3))
    np.add.at(expected, (slice(None), indices), np.repeat(values, run, axis=1))
    np.testing.assert_array_equal(targets, np.unique(indices))
    np.testing.assert_allclose(sums, expected[:, targets], rtol=0, atol=1e-13)
    assert sums_by_row(values.astype(np.float32), indices, length, run)[1].dtype == np.float32


@pytest.mark.parametrize("seeds", [(), (2,)])
def test_one_row_for_many_indices_comes_back_as_if_repeated(seeds):
    part = GatherRows(generator.integers(4, size=(4, 5)), -2, (6, 3), (4, 5, 3))
    repeated = np.broadcast_to(generator.normal(size=(*seeds, 4, 1, 3)), (*seeds, 4, 5, 3))
    into, expected = np.full((*seeds, 6, 3), 7.0), part.vjp(repeated.copy())
    part.vjp_into(repeated, into)
    for found in (part.vjp(repeated), into):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_a_table_of_which_no_row_was_taken():
    layer = Embedding(5, 3)
    layer.build((None, 4))
    outputs, jacobians = layer.linearize(np.zeros((2, 0), int), layer.values[0])
    np.testing.assert_array_equal(jacobians[1].vjp(outputs), np.zeros((5, 3)))


TABLE_OPTIMIZERS = [
    {"Adam": {"learning_rate": 0.01}},
    {
        "Adam": {
            "learning_rate": {"ExponentialDecay": {"initial_learning_rate": 0.02, "decay_steps": 50, "decay_rate": 0.5}}
        }
    },
    {"Adam": {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}},
    {"AdamW": {"learning_rate": 0.01, "weight_decay": 0.1}},
    *({"Adam": {"learning_rate": 0.01, name: 0.02}} for name in ("clipnorm", "clipvalue", "global_clipnorm")),
]


@pytest.fixture(params=["numpy", pytest.param("numba", marks=needs_numba)])
def by_rows(request, monkeypatch, choice_restored):
    """A function that makes `bag(False, ...)` with gradients of rows, or of all rows."""
    kernels.use(request.param)

    def made(optimizer, rows=True, **options):
        monkeypatch.setattr(tables, "FEWEST_NUMBERS", 1 if rows else math.inf)
        model = bag(False, optimizer, **options)
        assert (model.trainer.ready_steps().tables is not None) == rows
        return model

    return made


def trained(model, steps, start=0):
    """The losses of so many steps, of a few rows each."""
    batches = [slice(step % 16 * 4, step % 16 * 4 + 4) for step in range(start, start + steps)]
    return [model.train_step(X[rows], Y[rows]) for rows in batches]


@pytest.mark.parametrize("optimizer", TABLE_OPTIMIZERS, ids=str)
def test_gradients_of_rows_give_the_updates_of_all_rows(by_rows, optimizer):
    one, other = (by_rows(optimizer, rows) for rows in (True, False))
    np.testing.assert_allclose(trained(one, 150), trained(other, 150), rtol=1e-5)  # beyond the first look at the slots
    assert one.optimizer._sums.steps == 150 - 128
    assert other.optimizer._sums is None
    np.testing.assert_allclose(one.parameters[0].gradient, other.parameters[0].gradient, rtol=1e-5, atol=1e-8)
    for have, want in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
    for name, slot in one.optimizer.slots[0].items():
        want = other.optimizer.slots[0][name]
        np.testing.assert_allclose(slot, want, rtol=1e-4, atol=1e-6 * np.abs(want).max())
    assert one.optimizer._sums is None


def test_a_training_by_rows_goes_on_to_the_last_bit(by_rows, tmp_path):
    model = by_rows("adam")
    trained(model, 20)
    model.save(tmp_path / "bag.safetensors")
    again = load_model(tmp_path / "bag.safetensors")
    assert trained(again, 40, 20) == trained(model, 40, 20)
    for have, want in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(have, want)


def test_variables_of_the_optimizer_are_assigned_whatever_form_the_slots_have(by_rows):
    model = by_rows("adam")
    trained(model, 10)
    momentum = next(variable for variable in model.optimizer.variables if variable.name.endswith("embeddings_momentum"))
    trained(model, 10)
    assert model.optimizer._sums.steps == 10
    momentum.assign(np.full(momentum.shape, 0.5))
    again = next(variable for variable in model.optimizer.variables if variable.name == momentum.name)
    np.testing.assert_allclose(again.value, 0.5, rtol=1e-6)


def test_a_copied_model_continues_as_the_first(by_rows):
    model = by_rows("adam")
    trained(model, 10)
    again = pickle.loads(pickle.dumps(model))
    assert trained(again, 10, 10) == trained(model, 10, 10)


def test_towers_of_a_graph_are_updated_by_rows(monkeypatch):
    def tower(name):
        inputs = Input((7,), name=name)
        return inputs, GlobalAveragePooling1D()(Embedding(50, 4, name=f"{name}_table")(inputs))

    weights = []
    for fewest in (1, math.inf):
        monkeypatch.setattr(tables, "FEWEST_NUMBERS", fewest)
        (left, first), (right, second) = tower("left"), tower("right")
        model = Model([left, right], Dense(1)(Add()([first, second])), seed=0)
        model.compile({"Adam": {"learning_rate": 0.01}}, "mse")
        steps = model.trainer.ready_steps()
        assert (steps.tables and len(steps.tables.tables)) == (2 if fewest == 1 else None)
        model.fit([X, X[::-1] % 11], Y, batch_size=4, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for have, want in zip(*weights, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


def test_rows_and_all_rows_take_turns(by_rows):
    one, other = (by_rows("adam", rows) for rows in (True, False))
    for model in (one, other):
        trained(model, 10)
        model.optimizer.learning_rate_multipliers = {"bias": 0.5}
        trained(model, 10)
        gradient = np.array(model.parameters[0].gradient)
        model.optimizer.learning_rate_multipliers = {}
        trained(model, 10)
        model.kept = gradient
    np.testing.assert_allclose(one.kept, other.kept, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(one.get_weights()[0], other.get_weights()[0], rtol=1e-4, atol=1e-6)


def test_setting_the_count_of_updates_back_lets_no_sums_overflow(by_rows):
    one, other = (by_rows({"Adam": {"learning_rate": 1e-3, "beta_1": 0.75}}, rows) for rows in (True, False))
    for model in (one, other):
        for _ in range(5):
            model.optimizer.iterations = 0
            trained(model, 100)
    np.testing.assert_allclose(one.get_weights()[0], other.get_weights()[0], rtol=1e-4, atol=1e-5)


class ByHand(Adam):
    def update(self, values, gradients, slots, learning_rate, scratch, factors=None):
        values -= learning_rate * gradients


@pytest.mark.parametrize(
    "optimizer",
    [
        *(Adam(amsgrad=True), Adam(use_ema=True), Adam(gradient_accumulation_steps=2), Adam(beta_1=0.5)),
        *(Adam(learning_rate_multipliers={"bias": 0.5}), AdamW(exclude_from_weight_decay=["bias"])),
        *(ByHand(), SGD(), RMSprop()),
    ],
    ids=str,
)
def test_optimizers_that_need_gradients_of_all_rows(optimizer):
    assert not optimizer.takes_rows()
    assert Adam().takes_rows()


def test_tables_that_need_gradients_of_all_rows(monkeypatch):
    monkeypatch.setattr(tables, "FEWEST_NUMBERS", 1)
    assert bag(False, "adam").trainer.ready_steps().tables
    assert bag(False, "adam", embeddings_regularizer="l2").trainer.ready_steps().tables is None
    assert bag(True, "adam").trainer.ready_steps().tables is None
    left, right, table = Input((7,)), Input((7,)), Embedding(50, 4)
    twice = Model([left, right], Dense(1)(GlobalAveragePooling1D()(Add()([table(left), table(right)]))))
    twice.compile("adam", "mse")
    assert twice.trainer.ready_steps().tables is None


@pytest.mark.parametrize(
    "form", [[], [0.9, 0.99, 3], [0.9, 0.99, 1.5, 0, 4], [0.9, 2.0, 1, 0, 4], [0.9, 0.99, 1, 4, 0]]
)
def test_damaged_sums_of_tables_are_refused(form):
    sums = TableSums([slice(0, 4), slice(6, 9)], (0.9, 0.99), 3)
    assert vars(TableSums.of_form(sums.form())) == vars(sums)
    with pytest.raises(ModelFileError, match="sums of tables are damaged"):
        TableSums.of_form(np.array(form))
