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
