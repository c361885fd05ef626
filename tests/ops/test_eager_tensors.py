"""What layers, models and functions return outside of training: arrays with `numpy()`."""

import copy
import pickle

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, layers, ops
from nnlite.arrays.weights import EagerTensor

X = np.arange(12, dtype="float32").reshape(3, 4)


def parts(outputs):
    """All arrays of nested outputs."""
    if isinstance(outputs, (dict, list, tuple)):
        return [array for part in getattr(outputs, "values", outputs.__iter__)() for array in parts(part)]
    return [outputs]


class Named(Model):
    """A model of a dict with a list."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return {"first": self.dense(inputs), "others": [inputs, inputs * 2]}


@pytest.mark.parametrize(
    "compute",
    [
        layers.Dense(2),
        layers.Dropout(0.5),
        layers.BatchNormalization(),
        Sequential([Input((4,)), layers.Dense(2)]),
        lambda x: Sequential([Input((4,)), layers.Dense(2)])(x, training=True),
        lambda x: layers.LSTM(3, return_state=True)(x[..., None]),
        Named(),
        ops.exp,
        ops.sum,
        ops.argmax,
        ops.shape,
        ops.zeros_like,
        ops.convert_to_tensor,
        ops.isfinite,
        lambda x: ops.split(x, 2, axis=1),
        lambda x: ops.svd(x),
        lambda x: ops.mean(layers.Dense(2)(x)),
        lambda x: layers.Dense(2)(x)[:, 1],
        lambda x: (layers.Dense(2)(x) - 1) ** 2,
        lambda x: layers.StringLookup(vocabulary=["a"])([["a"]]),
        lambda x: ops.sum(x) * 2,
        lambda x: ops.max(x) - ops.min(x),
        lambda x: ops.sum(x) > 3,
        lambda x: layers.Dense(2)(x)[0, 1],
        lambda x: list(ops.argmax(x, -1)),
    ],
)
def test_results_of_calls_have_numpy(compute):
    for result in parts(compute(X)):
        if isinstance(result, int):  # of a shape
            continue
        plain = result.numpy()
        assert type(plain) is np.ndarray and plain.dtype == result.dtype and plain.shape == result.shape
        np.testing.assert_array_equal(plain, result)


def test_predictions_weights_and_pickles_are_plain_arrays():
    model = Sequential([Input((4,)), layers.Dense(2)])
    rows = model(X)
    for plain in (model.predict(X, verbose=0), model.predict_on_batch(X), *model.get_weights()):
        assert type(plain) is np.ndarray
    assert type(pickle.loads(pickle.dumps(rows))) is np.ndarray and type(ops.convert_to_numpy(rows)) is np.ndarray
    assert type(copy.deepcopy(rows)) is EagerTensor
    assert repr(rows) == repr(rows.numpy()) and f"{ops.sum(rows):.3f}" == f"{rows.numpy().sum():.3f}"


def test_predictions_of_a_step_of_the_user_are_plain_arrays():
    class Doubled(Sequential):
        """Predicts twice what it computes."""

        def predict_step(self, data):
            return 2 * self(data, training=False)

    model = Doubled([Input((4,)), layers.Dense(2)])
    predictions = model.predict(X, batch_size=2, verbose=0)
    assert type(predictions) is np.ndarray
    np.testing.assert_array_equal(predictions, np.concatenate([2 * model(X[:2]).numpy(), 2 * model(X[2:]).numpy()]))


def test_computations_have_no_mask_of_what_they_began_with():
    rows = layers.Embedding(3, 2, mask_zero=True)(np.array([[1, 0]]))
    assert rows._keras_mask.tolist() == [[True, False]]
    assert (rows + 1)._keras_mask is None and rows[:, :1]._keras_mask is None
    assert type(rows.sum()) is np.float32


def test_sums_are_rounded_as_numbers():
    total = ops.sum(np.array([0.5, 0.756]))
    assert round(total, 2) == 1.26 and round(total) == 1


def test_a_single_number_is_a_key_and_a_scalar_as_those_of_numpy_are():
    rows = ops.convert_to_tensor([[1, 2], [2, 1]])
    assert {rows[0, 1]: "b"}[2] == "b" and len(set(rows[0])) == 2 and ["a", "b", "c"][rows[0, 1]] == "c"
    assert f"{ops.sum(rows) / 4:.2f}" == "1.50" and isinstance(ops.convert_to_tensor([["a"]])[0, 0], str)
    with pytest.raises(TypeError, match="unhashable"):
        hash(rows)


WHOLE, FLAGS = ops.array([3, 1], "int32"), ops.array([True, False])
HALVES = ops.array([1, 2], "float16")


@pytest.mark.parametrize(
    ("compute", "kind", "expected"),
    [
        (lambda: WHOLE / 2, "float32", [1.5, 0.5]),
        (lambda: 2.5 * WHOLE, "float32", [7.5, 2.5]),
        (lambda: FLAGS + 1, "int32", [2, 1]),
        (lambda: WHOLE - HALVES, "float16", [2, -1]),
        (lambda: HALVES - WHOLE, "float16", [-2, 1]),
        (lambda: X[0, 1:3] + WHOLE, "float32", [4, 3]),
        (lambda: ops.sum(WHOLE) % 2.5, "float32", 1.5),
        (lambda: 2**WHOLE, "int32", [8, 2]),
        (lambda: HALVES * 2.5, "float16", [2.5, 5]),
    ],
)
def test_operators_give_the_types_of_the_functions(compute, kind, expected):
    result = compute()
    assert type(result) is EagerTensor and result.dtype == kind and result.tolist() == expected


def test_a_single_number_is_replaced_by_operators_in_place():
    total = first = ops.convert_to_tensor([1, 2])[0]
    total += 2
    total *= 1.5
    assert (total, first) == (4.5, 1) and total.dtype == "float32"
    whole = ops.convert_to_tensor([1, 2])
    whole[1] *= 1.5
    rows = whole
    rows += 1
    assert whole.tolist() == [2, 4]


def test_a_single_integer_repeats_sequences():
    two = ops.convert_to_tensor([1, 2])[1]
    assert [0] * two == [0, 0] and two * (1,) == (1, 1) and "ab" * two == "abab"
    assert (two * np.array([1, 2])).tolist() == [2, 4]


def test_integers_that_do_not_fit_are_refused():
    with pytest.raises(OverflowError):
        ops.convert_to_tensor([1]) + 2**40


def test_numbers_are_written_with_the_digits_of_their_type():
    rows = ops.array(np.array([[0.1, 0.7]], np.float32))
    for written in (str, repr):  # not as 0.10000000149011612
        for value in (rows, rows[0], rows[0, 0]):
            assert "0.1" in written(value) and "00" not in written(value)
