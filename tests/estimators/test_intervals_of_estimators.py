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


@pytest.mark.parametrize("outputs", [None, 2])
def test_cv_plus_is_made_of_members_and_their_folds(outputs):
    (x, y), (new, _) = draw(60, 0, outputs), draw(7, 1)
    model = NNRegressor(n_members=3, **FAST).fit(x, y)
    low, high = model.predict_interval(new, 0.8, method="cv+")
    members, errors = model._out_of_fold
    assert sorted(np.bincount(members).tolist()) == [20, 20, 20]
    predictions = model._by_members(new)
    unseen = model.oof_prediction_.reshape(60, -1)
    judges = np.abs(model._by_members(x) - unseen[:, None]).sum(axis=-1).argmin(axis=1)
    pairs = sorted(zip(judges, np.abs(unseen - y.reshape(60, -1)).tolist(), strict=True))
    kept = sorted(zip(members, errors.tolist(), strict=True))
    assert [member for member, _ in pairs] == [member for member, _ in kept]
    np.testing.assert_allclose([error for _, error in pairs], [error for _, error in kept], rtol=1e-3, atol=1e-3)
    lows, highs = (np.sort(predictions[:, members] + sign * errors, axis=1) for sign in (-1, 1))
    np.testing.assert_allclose(low, lows[:, 60 - 49].reshape(low.shape))  # 49 = ceil(61 * 0.8)
    np.testing.assert_allclose(high, highs[:, 48].reshape(low.shape))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_interval(new, 0.8, method="cv+")[0], low)


def test_cv_plus_holds_its_level_in_forty_draws():
    """Of 40 draws with 100 new targets each, the share held is within four standard errors of the level."""
    held = []
    for seed in range(40):
        (x, y), (new, targets) = draw(100, seed), draw(100, 1000 + seed)
        model = NNRegressor(n_members=5, hidden_layer_sizes=(), epochs=15, random_state=seed).fit(x, y)
        low, high = model.predict_interval(new, 0.8, method="cv+")
        held.append(((low <= targets) & (targets <= high)).mean())
    error = np.std(held) / 40**0.5
    assert error < 0.015 and abs(np.mean(held) - 0.8) < 4 * error


def test_cv_plus_needs_folds():
    judges = dict(zip(("X_val", "y_val"), draw(30, 2), strict=True))
    for options, more in (({"n_members": 1}, {}), ({"n_members": 2, "early_stopping": False}, {}), ({}, judges)):
        model = NNRegressor(**{**FAST, "epochs": 1}, **options).fit(*draw(60, 0), **more)
        with pytest.raises(DataError, match="needs members that each left a fold out"):
            model.predict_interval(draw(5, 1)[0], method="cv+")
    model = NNRegressor(n_members=2, **{**FAST, "epochs": 1}).fit(*draw(20, 0))
    with pytest.raises(DataError, match="need more than the 20 samples"):
        model.predict_interval(draw(5, 1)[0], 0.99, method="cv+")
    with pytest.raises(ConfigError, match="expected 'conformal' or 'cv\\+'"):
        model.predict_interval(draw(5, 1)[0], method="delta")
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        model.predict_interval(draw(5, 1)[0], 1.5, method="cv+")


def test_jackknife_plus_leaves_out_each_sample_once():
    options = {"hidden_layer_sizes": (8,), "epochs": 15, "random_state": 0}
    held = []
    for seed in range(4):
        x, y = draw(24, 2 * seed)
        model = NNRegressor(n_members=24, **options).fit(x, y)
        assert sorted(model._out_of_fold.members.tolist()) == list(range(24))
        new, targets = draw(200, 2 * seed + 1)
        low, high = model.predict_interval(new, 0.9, method="jackknife+")
        np.testing.assert_array_equal(model.predict_interval(new, 0.9, method="cv+"), (low, high))
        held.append(((low <= targets) & (targets <= high)).mean())
    assert 0.8 < np.mean(held) < 0.98
    with pytest.raises(DataError, match=r"a member for each of 24 samples, but there are 3: take .cv\+."):
        NNRegressor(n_members=3, **options).fit(x, y).predict_interval(new, method="jackknife+")
    with pytest.raises(DataError, match=r"method='jackknife\+' needs members that each left a fold out"):
        NNRegressor(n_members=1, **options).fit(x, y).predict_interval(new, method="jackknife+")
    with pytest.raises(ConfigError, match=r"expected 'conformal' or 'cv\+' or 'jackknife\+'"):
        model.predict_interval(new, method="delta")
