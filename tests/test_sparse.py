"""Tables of which a step changes few rows."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model
from nnlite.errors import ConfigError
from nnlite.jacobians import RowGradients
from nnlite.layers import Add, Dense, Embedding, GlobalAveragePooling1D

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
