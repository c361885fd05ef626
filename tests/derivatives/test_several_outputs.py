"""Rows that matter, and spreads of predictions, of models of several outputs: formulas of multivariate regression."""

import numpy as np
import pytest

from nnlite import Input, Model
from nnlite.errors import ConfigError
from nnlite.layers import Dense

RANDOM = np.random.default_rng(0)
ROWS = 40
X = RANDOM.normal(size=(ROWS, 3)).astype("float32").astype("float64")  # as models of no dtype take it
NEW = RANDOM.normal(size=(5, 3)).astype("float32").astype("float64")
KERNEL = RANDOM.normal(size=(3, 3))
Y = (X @ KERNEL + RANDOM.normal(size=(ROWS, 3)) * [0.3, 0.5, 0.2]).astype("float32").astype("float64")
TARGETS, WEIGHTS = [Y[:, :1], Y[:, 1:]], [1.0, 0.3]
DESIGN, AT_NEW = (np.concatenate([rows, np.ones((len(rows), 1))], axis=1) for rows in (X, NEW))


def regression(rows=slice(None), sample_weight=None):
    x = Input((3,), dtype="float64")
    model = Model(x, [Dense(units, name=name, dtype="float64")(x) for name, units in (("a", 1), ("b", 2))], seed=0)
    model.compile({"GaussNewton": {"min_grad": 1e-12}}, "mse", loss_weights=WEIGHTS)
    model.fit(X[rows], [part[rows] for part in TARGETS], sample_weight=sample_weight, epochs=60, verbose=0)
    return model


def hat(weights=None):
    design = DESIGN if weights is None else DESIGN * np.sqrt(weights)[:, None]
    return (design @ np.linalg.solve(design.T @ design, design.T)).diagonal()


def errors(model):
    return Y - np.concatenate(model.predict(X, verbose=0), axis=1)


def test_leverage_is_the_sum_of_that_of_each_number():
    np.testing.assert_allclose(regression().leverage(X, TARGETS), 3 * hat(), rtol=1e-9)
    weights = RANDOM.uniform(0.5, 2, ROWS).astype("float32").astype("float64")
    found = regression(sample_weight=weights).leverage(X, TARGETS, weights)
    np.testing.assert_allclose(found, 3 * hat(weights), rtol=1e-9)


def test_influence_is_that_of_training_without_the_row():
    model, row = regression(), 7
    changes = model.influence(X, TARGETS, NEW)
    assert [change.shape for change in changes] == [(5, 1, ROWS), (5, 2, ROWS)]
    other = regression(np.delete(np.arange(ROWS), row))
    before, after = model.predict(NEW, verbose=0), other.predict(NEW, verbose=0)
    for change, old, new in zip(changes, before, after, strict=True):
        np.testing.assert_allclose(change[..., row], new - old, atol=1e-6)  # predictions are float32
    wanted = [np.zeros((5, 1)), np.zeros((5, 2))]
    slopes = [2 * old / old.shape[1] * weight for old, weight in zip(before, WEIGHTS, strict=True)]
    expected = sum(np.einsum("tu,tur->tr", slope, change) for slope, change in zip(slopes, changes, strict=True))
    np.testing.assert_allclose(model.influence(X, TARGETS, NEW, wanted), expected, rtol=1e-5, atol=1e-9)


def test_distance_and_self_influence_are_those_of_multivariate_regression():
    model, share = regression(), hat()
    scales = np.array([1.0, 0.15, 0.15])  # of each square: the weight over how many the output has
    squares = (scales * errors(model) ** 2).sum(axis=1)
    dispersion = squares.sum() / (3 * ROWS - 12)
    np.testing.assert_allclose(
        model.cooks_distance(X, TARGETS), squares * share / (1 - share) ** 2 / (12 * dispersion), rtol=1e-5
    )
    np.testing.assert_allclose(model.self_influence(X, TARGETS), 2 * squares * share / (1 - share), rtol=1e-5)


def test_spreads_are_those_of_each_regression_alone():
    model = regression()
    sure, noise = model.uncertainty(X, TARGETS), np.sqrt((errors(model) ** 2).sum(axis=0) / (ROWS - 4))
    np.testing.assert_allclose(sure.residual_std, noise, rtol=1e-5)
    assert sure.effective_parameters == pytest.approx(12)
    predictions, spreads = sure.predict(NEW, return_std=True)
    shares = np.sqrt(np.einsum("ni,ij,nj->n", AT_NEW, np.linalg.inv(DESIGN.T @ DESIGN), AT_NEW))
    for spread, part in zip(spreads, (noise[:1], noise[1:]), strict=True):
        np.testing.assert_allclose(spread, shares[:, None] * part, rtol=1e-5)
    for method in ("delta", "jackknife+"):
        low, high = sure.predict_interval(NEW, 0.9, method)
        assert [end.shape for end in low] == [(5, 1), (5, 2)]
        assert all(((a < p) & (p < b)).all() for a, p, b in zip(low, predictions, high, strict=True))
    low, high = sure.calibrate(X, TARGETS).predict_interval(X, 0.9)
    for under, target, over in zip(low, TARGETS, high, strict=True):
        assert (((under <= target) & (target <= over)).mean(axis=0) >= 0.9).all()


def test_pieces_of_the_rows_add_up(monkeypatch):
    expected = regression().leverage(X, TARGETS)
    monkeypatch.setattr("nnlite.training.full_batch.objective.PIECE_BYTES", 0)  # 16 rows at a time
    np.testing.assert_allclose(regression().leverage(X, TARGETS), expected, rtol=1e-12)


def test_an_output_of_classes_has_leverage_and_no_interval():
    x = Input((3,), dtype="float64")
    outputs = [Dense(1, name="a", dtype="float64")(x), Dense(3, "softmax", name="b", dtype="float64")(x)]
    model = Model(x, outputs, seed=0)
    model.compile("LBFGS", ["mse", "sparse_categorical_crossentropy"])
    targets = [Y[:, :1], Y.argmax(axis=1)]
    model.fit(X, targets, epochs=50, verbose=0)
    assert (model.leverage(X, targets, damping=1e-3) > 0).all()
    assert model.influence(X, targets, X, targets, damping=1e-3).shape == (ROWS, ROWS)
    with pytest.raises(ConfigError, match="of several outputs, none may be classes"):
        model.uncertainty(X, targets, damping=1e-3)
    with pytest.raises(ConfigError, match="no layer is the last one of all"):
        regression().uncertainty(X, TARGETS, layers="last")
    model.compile("LBFGS", ["mse", None])
    assert model.leverage(X, targets, damping=1e-9).sum() == pytest.approx(4, rel=1e-4)
    with pytest.raises(ConfigError, match="a loss for each output"):
        model.uncertainty(X, targets, damping=1e-9)
