"""Losses along other axes, in other types, of single rows, with ignored classes, and of functions."""

import warnings

import numpy as np
import pytest
from numeric import relative_error, stencil

from nnlite import losses
from nnlite.errors import ConfigError
from nnlite.layers import Dense
from nnlite.models import Sequential
from nnlite.ops.tracing import Trace

generator = np.random.default_rng(7)


def test_single_rows():
    loss = losses.MeanSquaredError()
    assert loss([1, 2], [1, 4]) == loss.forward([1, 2], [1, 4]) == losses.mean_squared_error([1, 2], [1, 4]) == 2.0
    assert loss.backward().tolist() == [0, 2] and loss.jvp([1.0, 1.0]) == 2
    assert losses.SparseCategoricalCrossentropy()(1, [0.25, 0.75]) == pytest.approx(-np.log(0.75))


@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "BinaryFocalCrossentropy", "CosineSimilarity"])
def test_another_axis_is_the_last_one_of_moved_arrays(name):
    y_true = np.eye(3)[generator.integers(0, 3, (2, 4))]
    y_pred = generator.uniform(0.2, 0.8, y_true.shape)
    weights = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    last, first = losses.Loss.get(name), losses.get({name: {"axis": 1}})
    expected = last.forward(y_true, y_pred, weights)
    found = first.forward(y_true.transpose(0, 2, 1), y_pred.transpose(0, 2, 1), weights)
    assert found == pytest.approx(expected, rel=1e-14)
    assert relative_error(first.backward().transpose(0, 2, 1), last.backward()) <= 1e-14
    columns = losses.get({name: {"axis": 0, "reduction": "none"}})
    by_columns = losses.get({name: {"reduction": "none"}})(y_true.transpose(1, 2, 0), y_pred.transpose(1, 2, 0))
    np.testing.assert_allclose(columns(y_true, y_pred), by_columns, rtol=1e-14)
    with pytest.raises(ConfigError, match=f"{name}.axis"):
        losses.get({name: {"axis": 3}})(y_true, y_pred)


def test_ignored_classes_do_not_count():
    logits = generator.normal(size=(4, 3))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    kept = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss.forward([0, -1, 2, -1], logits) == pytest.approx(kept.forward([0, 2], logits[[0, 2]]))
    assert not loss.backward()[[1, 3]].any()
    np.testing.assert_allclose(loss.backward()[[0, 2]], kept.backward())


def test_dtype():
    y_pred = generator.normal(size=(5, 2)).astype(np.float32)
    loss = losses.LogCosh(dtype="float64")
    assert loss.forward(np.zeros((5, 2)), y_pred) == losses.LogCosh()(np.zeros((5, 2)), y_pred.astype(np.float64))
    assert loss.backward().dtype == np.float32


def plain(y_true, y_pred):
    return np.mean(np.sinh(np.asarray(y_pred) - np.asarray(y_true)) ** 2, axis=-1)


def whole(y_true, y_pred):
    return float(np.sqrt(np.mean((np.asarray(y_pred) - np.asarray(y_true)) ** 2)))


@pytest.mark.parametrize("function", [plain, whole])
def test_a_plain_function_is_differentiated_by_differences_with_one_warning(function):
    y_true, y_pred = generator.normal(size=(3, 2)), generator.normal(size=(3, 2))
    loss = losses.Loss.get(function)
    with pytest.warns(UserWarning, match="its derivative is numerical"):
        loss.forward(y_true, y_pred)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss.forward(y_true, y_pred) == pytest.approx(np.mean(function(y_true, y_pred)))
    expected = stencil(lambda p: np.mean(function(y_true, p)), [y_pred])
    assert relative_error(loss.backward(), expected) <= 1e-8
    with pytest.raises(ConfigError, match="second derivative"):
        loss.output_hessian(y_true, y_pred)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda t, p: np.round(np.asarray(p)).mean(-1), "has no derivative"),
        (lambda t, p: np.asarray(p).mean(-1) + generator.normal(size=len(p)), "different numbers"),
        (lambda t, p: np.asarray(p).mean(0), "one for each row"),
    ],
)
def test_functions_without_a_derivative_are_refused(function, message):
    with pytest.raises(ConfigError, match=message):
        losses.Loss.get(function)(np.zeros((3, 2)), generator.normal(size=(3, 2)))


def test_functions_in_compile():
    x, y = generator.normal(size=(8, 2)), generator.normal(size=(8, 1))
    values = []
    for loss in ("mse", losses.mean_squared_error, lambda t, p: ((p - t) ** 2).mean(axis=-1)):
        model = Sequential([Dense(1)], seed=0)
        model.compile("sgd", loss)
        values.append([model.train_on_batch(x, y) for _ in range(3)][-1])
    assert values[0] == pytest.approx(values[1]) == pytest.approx(values[2])


def test_circle_loss_of_traced_embeddings_with_labels_of_references():
    labels, embeddings = np.array([0, 1, 1]), np.eye(3)
    traced = losses.circle(labels, Trace().variable(embeddings), ref_labels=labels)
    np.testing.assert_allclose(traced.value, losses.circle(labels, embeddings))
