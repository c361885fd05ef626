"""Prediction intervals of regressors: conformal, by samples that were not learned from."""

import pickle

import numpy as np
import pytest

from nnlite.errors import ConfigError, DataError
from nnlite.estimators import NNRegressor

FAST = {"hidden_layer_sizes": (16,), "epochs": 20, "random_state": 0}


def draw(count, seed, outputs=None):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 3))
    noise = random.normal(size=count if outputs is None else (count, outputs))
    return x, (x[:, 0] if outputs is None else x[:, :1]) * 10 + 5 * noise


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("outputs", [None, 2])
def test_intervals_hold_their_level(members, outputs):
    model = NNRegressor(n_members=members, validation_fraction=0.3, **FAST).fit(*draw(400, 0, outputs))
    x, y = draw(1000, 1, outputs)
    for level in (0.5, 0.9):
        low, high = model.predict_interval(x, level)
        assert low.shape == y.shape
        assert ((low <= y) & (y <= high)).mean() == pytest.approx(level, abs=0.07)
        np.testing.assert_allclose((low + high) / 2, model.predict(x), rtol=1e-5, atol=1e-4)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_interval(x)[0], model.predict_interval(x)[0])


@pytest.mark.parametrize("members", [1, 3])
def test_samples_of_ones_own_judge(members):
    model = NNRegressor(n_members=members, **FAST).fit(*draw(200, 0), X_val=draw(19, 2)[0], y_val=draw(19, 2)[1])
    x, y = draw(19, 2)
    widths = np.diff(model.predict_interval(x, 0.95), axis=0)[0] / 2
    np.testing.assert_allclose(widths, np.abs(model.predict(x) - y).max(), rtol=1e-4)
    with pytest.raises(DataError, match="more than the 19 validation rows"):
        model.predict_interval(x, 0.96)
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        model.predict_interval(x, 1.0)


def test_without_such_samples_there_are_none():
    model = NNRegressor(early_stopping=False, **FAST).fit(*draw(60, 0))
    with pytest.raises(DataError, match="fit with early_stopping=True, or with X_val and y_val"):
        model.predict_interval(draw(5, 1)[0])
