"""Predictions of a few rows take a short way; they are those of many rows."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nnlite import NNClassifier, NNRegressor
from nnlite.inference.quick import FEW_ROWS

random = np.random.default_rng(3)
X = random.normal(size=(FEW_ROWS + 60, 4))
CODES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
TARGET = X[:, 0] - 2 * X[:, 2]
BOTH = pytest.mark.parametrize(("cls", "y"), [(NNClassifier, CODES), (NNRegressor, TARGET)])
MEMBERS = pytest.mark.parametrize("n_members", [1, 3])


def fitted(cls, y, **options):
    return cls((16, 8), epochs=3, random_state=0, **options).fit(X, y)


def outputs(model, rows):
    return model.predict_proba(rows) if isinstance(model, NNClassifier) else model.predict(rows)


@BOTH
@MEMBERS
@pytest.mark.parametrize("options", [{}, {"early_stopping": False, "standardize": False}], ids=["default", "bare"])
def test_few_rows_are_predicted_as_many_are(cls, y, n_members, options):
    model = fitted(cls, y, n_members=n_members, **options)
    many = outputs(model, X)
    for count in (1, 2, FEW_ROWS):
        few = outputs(model, X[:count])
        assert few.shape == many[:count].shape
        assert few.dtype == many.dtype
        np.testing.assert_allclose(few, many[:count], rtol=0, atol=1e-12)


@BOTH
@MEMBERS
def test_a_single_row_never_asks_the_trainer(cls, y, n_members, monkeypatch):
    model = fitted(cls, y, n_members=n_members)
    monkeypatch.setattr(type(model.model_), "predict", None)
    outputs(model, X[:1])
    with pytest.raises(TypeError):
        outputs(model, X)


@BOTH
@MEMBERS
def test_changed_weights_are_seen_at_once(cls, y, n_members):
    model = fitted(cls, y, n_members=n_members)
    before = outputs(model, X[:1])
    for layer in model.model_.layers:
        for parameter in layer.parameters if layer.name.startswith("dense") else ():
            parameter.value[...] *= -0.5
    after = outputs(model, X[:1])
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, outputs(model, X)[:1], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(outputs(pickle.loads(pickle.dumps(model)), X[:1]), after)


@BOTH
def test_threads_predict_single_rows_together(cls, y):
    model = fitted(cls, y, n_members=3)
    expected = [outputs(model, row[None]) for row in X]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: outputs(model, row[None]), X))
    np.testing.assert_array_equal(found, expected)


@BOTH
def test_what_predict_refuses_is_refused_for_a_single_row(cls, y):
    model = fitted(cls, y, n_members=1)
    with pytest.raises(ValueError, match="infinity"):
        model.predict(np.full((1, 4), np.inf))
    with pytest.raises(ValueError, match="3 features"):
        model.predict(X[:1, :3])
