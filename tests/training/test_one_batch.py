"""Batches that users pass one by one: read in full once for each signature, and no fault is missed afterwards."""

import warnings

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.errors import DataError, NotReadyError, ShapeError
from nnlite.layers import Dense, Embedding, Flatten
from nnlite.losses import MeanSquaredError
from nnlite.training.compiled.compiled import Compiled

X = np.random.default_rng(0).standard_normal((8, 4)).astype("float32")
Y = X[:, :2].copy()


def net(loss="mse", units=2, **options):
    model = Sequential([Input((4,)), Dense(5, "relu"), Dense(units)], seed=0)
    model.compile("adam", loss, **options)
    return model


@pytest.fixture
def read_in_full(monkeypatch):
    """How many batches were."""
    found, method = [], Compiled.step_batch
    monkeypatch.setattr(Compiled, "step_batch", lambda *arguments: found.append(1) or method(*arguments))
    return found


@pytest.mark.parametrize(
    "types", [("float32", "float32"), ("float64", "float64"), ("float32", "int64"), ("int64", "f4")]
)
@pytest.mark.parametrize("column", [False, True])
def test_the_numbers_are_those_of_fit(types, column, read_in_full):
    x, y = (3 * X).astype(types[0]), (3 * Y).astype(types[1])
    y, units = (y[:, 0], 1) if column else (y, 2)
    one, whole = net(units=units, metrics=["mae"]), net(units=units, metrics=["mae"])
    for epoch in range(4):
        logs = one.train_on_batch(x, y, return_dict=True)
        history = whole.fit(x, y, batch_size=8, shuffle=False, verbose=0).history
        assert logs == pytest.approx({name: values[0] for name, values in history.items()}, rel=1e-6)
        assert one.test_on_batch(x, y) == pytest.approx(whole.evaluate(x, y, verbose=0), rel=1e-6), epoch
    assert len(read_in_full) == 1 + 8  # those of fit and evaluate too


def test_another_signature_is_read_in_full(read_in_full):
    model = net()
    for x, y in [(X, Y), (X[:4], Y[:4]), (X.astype(float), Y), (X, Y.astype(float)), (X.tolist(), Y), (X, Y.tolist())]:
        model.train_on_batch(x, y)
    assert len(read_in_full) == 6
    model.train_on_batch(X[4:], Y[4:])
    assert len(read_in_full) == 6
    model.train_on_batch(X, Y, sample_weight=np.ones(8))
    model.train_on_batch(X.tolist(), Y)
    assert len(read_in_full) == 8


def test_a_new_loss_reads_anew(read_in_full):
    model = net()
    model.train_on_batch(X, Y)
    model.compile("adam", "mae", metrics=["mse"])
    assert len(model.train_on_batch(X, Y)) == 2
    model.pop()
    with pytest.raises(ShapeError):
        model.train_on_batch(X, Y)
    assert len(read_in_full) == 3


def test_a_signature_does_not_outlive_the_loss():
    model = net()
    model.train_on_batch(X, Y)
    model.compile("adam")
    for method in ("train_on_batch", "test_on_batch"):
        with pytest.raises(NotReadyError, match=method):
            getattr(model, method)(X, Y)


def test_integers_beyond_the_type_of_an_input_are_told_each_time():
    begin = Input((4,), dtype="int32")
    model = Model(begin, Dense(1)(Flatten()(begin)), seed=0)
    model.compile("sgd", "mse")
    rows = np.ones((8, 4), np.int64)
    model.train_on_batch(rows, Y[:, :1])
    with pytest.raises(DataError, match="beyond int32"):
        model.train_on_batch(rows + 2**40, Y[:, :1])


def test_a_loss_that_prepares_its_targets_is_asked_each_time():
    class Doubled(MeanSquaredError):
        def prepare_targets(self, y_true, output_shape, dtype):
            return 2 * super().prepare_targets(y_true, output_shape, dtype)

    model = net()
    model.compile("sgd", Doubled())
    model.test_on_batch(X, Y)
    first, second = model.test_on_batch(X, Y), model.test_on_batch(X, Y)
    assert first == second == pytest.approx(float(np.mean((model.predict(X, verbose=0) - 2 * Y) ** 2)), rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["x", "y"])
def test_numbers_that_are_not_finite_are_told(value, place):
    model = net()
    arrays = {"x": X.copy(), "y": Y.copy()}
    model.train_on_batch(**arrays)
    before = model.get_weights()
    arrays[place][3, 1] = value
    with pytest.raises(DataError, match="row 3"):
        model.train_on_batch(**arrays)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize("place", ["x", "y"])
def test_numbers_too_large_for_the_type_are_told(place):
    model = net()
    arrays = {"x": X.astype(float), "y": Y.astype(float)}
    model.train_on_batch(**arrays)
    arrays[place][3, 1] = 1e300
    with pytest.raises(DataError, match="row 3"):
        model.train_on_batch(**arrays)


def test_finite_numbers_whose_sum_is_not_are_taken(read_in_full):
    model = net("mae")
    model.train_on_batch(X, Y)
    with np.errstate(over="ignore"):
        assert model.test_on_batch(X, np.full_like(Y, 3e38)) > 1e38
    assert len(read_in_full) == 2


def test_classes_out_of_range_are_told():
    model = net({"SparseCategoricalCrossentropy": {"from_logits": True}}, 3)
    classes = np.arange(8) % 3
    model.train_on_batch(X, classes)
    with pytest.raises(DataError, match="class 3"):
        model.train_on_batch(X, classes + 1)


def test_indices_are_read_each_time(read_in_full):
    model = Sequential([Input((2,), dtype="int64"), Embedding(5, 3), Flatten(), Dense(1)], seed=0)
    model.compile("adam", "mse")
    x = np.arange(8).reshape(4, 2) % 5
    for _ in range(2):
        model.train_on_batch(x, np.ones(4))
    with pytest.raises(DataError):
        model.train_on_batch(x + 1, np.ones(4))


def test_large_numbers_of_a_known_signature_warn_of_nothing():
    model = Sequential([Dense(2)], seed=0)
    model.compile("sgd", "mse")
    x, y = np.ones((200, 6), np.float32), np.full((200, 2), 1000, np.float16)  # whose sum is beyond float16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(np.isfinite(model.train_on_batch(x, y)) for _ in range(2))
