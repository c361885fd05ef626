"""Leaving rows out without retraining, against formulas of regression and against training again."""

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.errors import ConfigError, DataError
from nnlite.layers import Activation, BatchNormalization, Dense

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.3 * RANDOM.normal(size=60)
CLASSES = np.where(RANDOM.uniform(size=60) < 0.1, 1, (Y > 0).astype(int))
NEW = RANDOM.normal(size=(7, 3))


def fitted(*layers, loss="mse", x=X, y=Y, weights=None, optimizer="GaussNewton", start=None):
    model = Sequential([Input((3,)), *layers], seed=0, dtype="float64")
    if start is not None:
        model.set_weights(start)
    model.compile({optimizer: {"min_grad": 1e-10}}, loss)
    model.fit(x, y, sample_weight=weights, epochs=500, verbose=0)
    return model


def linear(**options):
    return fitted(Dense(1), **options)


def logistic(**options):
    last = Dense(1, "sigmoid", kernel_regularizer={"L2": {"l2": 0.01}})
    return fitted(last, loss="binary_crossentropy", **{"y": CLASSES, **options})


def without(row, *arrays):
    return [None if array is None else np.delete(array, row, axis=0) for array in arrays]


def hat_matrix(weights=None):
    design = np.concatenate([X, np.ones((60, 1))], axis=1)
    scaled = design if weights is None else design * np.sqrt(weights)[:, None]
    return scaled @ np.linalg.solve(scaled.T @ scaled, scaled.T)


@pytest.mark.parametrize("weights", [None, RANDOM.uniform(0.5, 2, 60)], ids=["alike", "weights"])
def test_linear_regression_has_the_formulas_of_the_textbook(weights):
    model, hat = linear(weights=weights), hat_matrix(weights)
    leverage = model.leverage(X, Y, weights)
    np.testing.assert_allclose(leverage, hat.diagonal(), rtol=1e-9)
    assert leverage.sum() == pytest.approx(4)
    scale = np.ones(60) if weights is None else weights
    errors = model.predict(X, verbose=0)[:, 0] - Y
    dispersion = (scale * errors**2).sum() / (60 - 4)
    cook = scale * errors**2 / (4 * dispersion) * leverage / (1 - leverage) ** 2
    np.testing.assert_allclose(model.cooks_distance(X, Y, weights), cook, rtol=1e-7)
    found = model.influence(X, Y, NEW, sample_weight=weights)
    assert found.shape == (7, 1, 60)
    before = model.predict(NEW, verbose=0)
    for row in (0, 13, 59):
        x, y, own = without(row, X, Y, weights)
        exact = linear(x=x, y=y, weights=own).predict(NEW, verbose=0) - before
        np.testing.assert_allclose(found[:, 0, row], exact[:, 0], rtol=1e-7, atol=1e-11)


def test_influence_on_the_loss_is_its_slope_times_the_change_of_the_outputs():
    model, targets = linear(), RANDOM.normal(size=7)
    by_outputs = model.influence(X, Y, NEW)
    slopes = 2 * (model.predict(NEW, verbose=0)[:, 0] - targets)
    np.testing.assert_allclose(model.influence(X, Y, NEW, targets), slopes[:, None] * by_outputs[:, 0], rtol=1e-10)
    own = model.influence(X, Y, X, Y)
    np.testing.assert_allclose(model.self_influence(X, Y), own.diagonal(), rtol=1e-9)
    assert (own.diagonal() > 0).all()


def retrained(make, count):
    """The outputs before the sigmoid at NEW of models without each of the first rows, less those of the whole one."""
    whole = make()

    def raw(model):
        chances = model.predict(NEW, verbose=0)[:, 0]
        return np.log(chances / (1 - chances))

    changes = []
    for row in range(count):
        x, y = without(row, X, CLASSES)
        # the penalty stays what it was: the loss without a row is the sum of the others over the number of all
        weights = np.full(59, 1.0)
        model = make(x=np.concatenate([x, X[row : row + 1]]), y=np.append(y, 0), weights=np.append(weights, 0.0))
        changes.append(raw(model) - raw(whole))
    return whole, np.array(changes).T


def test_logistic_regression_against_training_without_each_row():
    from scipy.stats import spearmanr

    model, exact = retrained(logistic, 60)
    newton = model.influence(X, CLASSES, NEW)[:, 0]
    first = model.influence(X, CLASSES, NEW, order="first")[:, 0]
    assert spearmanr(newton.ravel(), exact.ravel())[0] > 0.999
    assert spearmanr(first.ravel(), exact.ravel())[0] > 0.99
    np.testing.assert_allclose(newton, exact, atol=0.15 * np.abs(exact).max())
    assert np.abs(newton - exact).max() < np.abs(first - exact).max()


def test_inverse_is_that_of_the_hessian_to_rounding():
    model = logistic()
    chances = model.predict(X, verbose=0)[:, 0]
    design = np.concatenate([X, np.ones((60, 1))], axis=1)
    hessian = design.T @ (design * (chances * (1 - chances))[:, None]) / 60 + np.diag([0.02, 0.02, 0.02, 0])
    gradients = design * (chances - CLASSES)[:, None] / 60
    at_new = np.concatenate([NEW, np.ones((7, 1))], axis=1)
    exact = at_new @ np.linalg.solve(hessian, gradients.T)
    np.testing.assert_allclose(model.influence(X, CLASSES, NEW, order="first")[:, 0], exact, rtol=1e-6)


def test_a_small_network_against_training_without_each_row():
    from scipy.stats import spearmanr

    def make(start=None, **options):
        penalty = {"L2": {"l2": 0.01}}
        hidden = Dense(4, "tanh", kernel_regularizer=penalty, bias_regularizer=penalty)
        last = Dense(1, "sigmoid", kernel_regularizer=penalty, bias_regularizer=penalty)
        return fitted(hidden, last, loss="binary_crossentropy", optimizer="LBFGS", start=start, **options)

    start = make(y=CLASSES).get_weights()

    def again(**options):
        return make(start=start, **{"y": CLASSES, **options})

    model, exact = retrained(again, 60)
    found = model.influence(X, CLASSES, NEW, damping=1e-8)[:, 0, :]
    assert spearmanr(found.ravel(), exact.ravel())[0] > 0.7


@pytest.mark.parametrize("structure", ["block", "diagonal"])
def test_other_structures_neglect_and_do_not_fail(structure):
    model = fitted(Dense(4, "tanh"), Dense(1), y=Y, optimizer="LBFGS")
    found = model.self_influence(X, Y, structure=structure, damping=1e-3)
    whole = model.self_influence(X, Y, damping=1e-3)
    assert found.shape == whole.shape == (60,) and np.isfinite(found).all()
    assert np.corrcoef(found, whole)[0, 1] > 0.3


@pytest.mark.parametrize("structure", ["block", "diagonal"])
def test_of_a_structure_that_neglects_no_step_turns_round(structure):
    """A leverage of such a structure may be above 1, where the Newton step would change its sign."""
    x, y = X[:6], Y[:6]
    model = fitted(Dense(8, "tanh"), Dense(1), x=x, y=y + 0.3 * X[6:12, 0], optimizer="LBFGS")
    rest = {"structure": structure, "damping": 1e-8}
    assert model.leverage(x, y, **rest).max() > 1
    assert (model.self_influence(x, y, **rest) > 0).all()
    first = model.influence(x, y, NEW, order="first", **rest)
    np.testing.assert_array_equal(model.influence(x, y, NEW, **rest), first)
    with pytest.raises(DataError, match=r"not positive: pass a larger damping, or order='first'"):
        model.self_influence(x, y, order="newton", **rest)


def test_one_dense_layer_is_one_block():
    model = linear()
    np.testing.assert_allclose(model.influence(X, Y, NEW, structure="block"), model.influence(X, Y, NEW), rtol=1e-12)


def test_wrong_labels_of_digits_come_first():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = x[:600] / 16, y[:600]
    flipped = RANDOM.permutation(600)[:30]
    y[flipped] = (y[flipped] + RANDOM.integers(1, 10, 30)) % 10
    last = Dense(10, "softmax", kernel_regularizer={"L2": {"l2": 1e-3}})
    model = Sequential([Input((64,)), last], seed=0)
    model.compile("LBFGS", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=200, verbose=0)
    order = np.argsort(-model.self_influence(x, y, damping=1e-5))
    assert np.isin(order[:60], flipped).sum() >= 27


def test_what_cannot_be_asked_is_said():
    model = fitted(Dense(4, "tanh"), Dense(1), y=Y, optimizer="LBFGS")
    with pytest.raises(DataError, match=r"singular with damping=0: .* pass a larger damping, such as"):
        fitted(Dense(2), Dense(1), optimizer="LBFGS").leverage(X, Y)
    with pytest.raises(ConfigError, match="order"):
        model.influence(X, Y, NEW, order="second")
    moments = fitted(Dense(2), BatchNormalization(), Activation("tanh"), Dense(1), optimizer="LBFGS")
    assert moments.leverage(X, Y, damping=1e-3).shape == (60,)  # at inference rows stand alone
