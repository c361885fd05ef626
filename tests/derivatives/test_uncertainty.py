"""Standard deviations and intervals of predictions, against formulas of regression and by their coverage."""

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.config import dense_limit, set_dense_limit
from nnlite.derivatives.uncertainty import _student
from nnlite.errors import ConfigError, DataError, NotReadyError
from nnlite.layers import Dense

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.3 * RANDOM.normal(size=50)
NEW = RANDOM.normal(size=(8, 3))


def fitted(*layers, x=X, y=Y, loss="mse", optimizer="GaussNewton", epochs=300):
    model = Sequential([Input((x.shape[1],)), *layers], seed=0, dtype="float64")
    model.compile({optimizer: {"min_grad": 1e-10}}, loss)
    model.fit(x, y, epochs=epochs, verbose=0)
    return model


def curved(count, seed):
    random = np.random.default_rng(seed)
    x = random.uniform(-2, 2, (count, 1))
    return x, np.sin(2 * x) + 0.2 * random.normal(size=(count, 1))


def test_student_quantiles():
    from scipy.stats import t

    for share in (0.75, 0.95, 0.975, 0.995):
        for freedom in (10, 30, 100.5):
            assert _student(share, freedom) == pytest.approx(t.ppf(share, freedom), rel=2e-3)


def test_linear_regression_has_the_intervals_of_the_textbook():
    from scipy.stats import t

    model = fitted(Dense(1))
    design, new = (np.concatenate([x, np.ones((len(x), 1))], axis=1) for x in (X, NEW))
    inverse = np.linalg.inv(design.T @ design)
    best = inverse @ design.T @ Y
    deviation = np.sqrt(np.square(Y - design @ best).sum() / 46)
    sure = model.uncertainty(X, Y)
    assert sure.effective_parameters == pytest.approx(4)
    assert sure.residual_std == pytest.approx(deviation)
    outputs, spread = sure.predict(NEW, return_std=True)
    share = np.einsum("ri,ij,rj->r", new, inverse, new)
    np.testing.assert_allclose(outputs[:, 0], new @ best, rtol=1e-7)
    np.testing.assert_allclose(spread[:, 0], deviation * np.sqrt(share), rtol=1e-9)
    low, high = sure.predict_interval(NEW, 0.9)
    width = t.ppf(0.95, 46) * deviation * np.sqrt(1 + share)
    np.testing.assert_allclose((high - low)[:, 0] / 2, width, rtol=1e-5)
    np.testing.assert_allclose((high + low) / 2, outputs)


def test_the_jackknives_are_those_of_training_without_each_row():
    model, level = fitted(Dense(1)), 0.8
    sure = model.uncertainty(X, Y)
    low, high = sure.predict_interval(NEW, level, method="jackknife+")
    lows, highs, errors, predictions = [], [], [], []
    for row in range(50):
        left = fitted(Dense(1), x=np.delete(X, row, axis=0), y=np.delete(Y, row))
        error = abs(Y[row] - left.predict(X[row : row + 1], verbose=0)[0, 0])
        found = left.predict(NEW, verbose=0)[:, 0]
        lows.append(found - error)
        highs.append(found + error)
        errors.append(error)
        predictions.append(found)
    rank = int(np.ceil(51 * level))
    np.testing.assert_allclose(low[:, 0], np.sort(lows, axis=0)[50 - rank], rtol=1e-7)
    np.testing.assert_allclose(high[:, 0], np.sort(highs, axis=0)[rank - 1], rtol=1e-7)
    low, high = sure.predict_interval(NEW, level, method="jackknife-minmax")
    margin = np.sort(errors)[rank - 1]
    np.testing.assert_allclose(low[:, 0], np.min(predictions, axis=0) - margin, rtol=1e-7)
    np.testing.assert_allclose(high[:, 0], np.max(predictions, axis=0) + margin, rtol=1e-7)


@pytest.mark.parametrize("method", ["delta", "conformal", "jackknife+", "jackknife-minmax"])
@pytest.mark.parametrize("layers", ["all", "last"])
def test_intervals_of_a_network_hold_their_level(method, layers):
    held = []
    for seed in range(5):
        x, y = curved(120, seed)
        model = fitted(Dense(6, "tanh"), Dense(1), x=x, y=y, optimizer="LevenbergMarquardt", epochs=40)
        sure = model.uncertainty(x, y, layers=layers, damping=1e-6).calibrate(*curved(100, 100 + seed))
        low, high = sure.predict_interval((new := curved(300, 200 + seed))[0], 0.9, method=method)
        held.append(((low <= new[1]) & (new[1] <= high)).mean())
    assert 0.84 <= np.mean(held) <= 0.96


def test_deviations_grow_where_there_are_no_rows():
    x, y = curved(80, 0)
    model = fitted(Dense(6, "tanh"), Dense(1), x=x, y=y, optimizer="LevenbergMarquardt", epochs=40)
    spread = model.uncertainty(x, y, damping=1e-6).predict([[0.0], [3.5]], return_std=True)[1]
    assert spread[1, 0] > 3 * spread[0, 0]


@pytest.mark.parametrize("binary", [True, False])
def test_probabilities_of_classes_are_averaged(binary):
    strength = {"L2": {"l2": 0.01}}
    labels = (Y > 0).astype(int)
    last = Dense(1, "sigmoid", kernel_regularizer=strength)
    if not binary:
        last = Dense(2, "softmax", kernel_regularizer=strength)
    model = fitted(last, y=labels, loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy")
    sure = model.uncertainty(X, labels, damping=0.0 if binary else 1e-6)
    chances, spread = sure.predict(NEW, return_std=True)
    plain = model.predict(NEW, verbose=0)
    if binary:
        design, new = (np.concatenate([x, np.ones((len(x), 1))], axis=1) for x in (X, NEW))
        own = model.predict(X, verbose=0)[:, 0]
        curvature = design.T @ (design * (own * (1 - own))[:, None]) + 50 * np.diag([0.02, 0.02, 0.02, 0])
        exact = np.sqrt(np.einsum("ri,ij,rj->r", new, np.linalg.inv(curvature), new))
        np.testing.assert_allclose(spread[:, 0], exact, rtol=1e-9)
        logits = np.log(plain / (1 - plain))
        np.testing.assert_allclose(chances, 1 / (1 + np.exp(-logits / np.sqrt(1 + np.pi / 8 * spread**2))))
    assert (np.abs(chances - 0.5) < np.abs(plain - 0.5)).all()
    with pytest.raises(ConfigError, match="the model tells classes"):
        sure.predict_interval(NEW)


def test_what_cannot_be_told_is_said():
    model = fitted(Dense(1))
    sure = model.uncertainty(X, Y)
    for level in (0, 1, 1.5):
        with pytest.raises(ConfigError, match="above 0 and below 1"):
            sure.predict_interval(NEW, level)
    with pytest.raises(ConfigError, match="method must be"):
        sure.predict_interval(NEW, method="bootstrap")
    with pytest.raises(NotReadyError, match="call calibrate"):
        sure.predict_interval(NEW, method="conformal")
    with pytest.raises(DataError, match="need more than 50 training rows"):
        sure.predict_interval(NEW, 0.99, method="jackknife+")
    with pytest.raises(ConfigError, match=r"uncertainty: needs squared errors, a cross-entropy.*is MeanAbsoluteError"):
        fitted(Dense(1), loss="mae").uncertainty(X, Y)
    few = fitted(Dense(1), x=X[:4], y=Y[:4])
    with pytest.raises(DataError, match="4 rows are too few for the residual variance"):
        few.uncertainty(X[:4], Y[:4])


def test_jackknife_and_conformal_intervals_of_other_losses():
    random = np.random.default_rng(5)
    x, new = random.uniform(-1, 1, (120, 1)), random.uniform(-1, 1, (2000, 1))

    def targets(rows):
        return 2 * rows + 0.1 * random.standard_t(3, size=rows.shape)

    y, held = targets(x), targets(new)
    model = Sequential([Input((1,)), Dense(1)], seed=0, dtype="float64")
    model.compile("LBFGS", "huber")
    model.fit(x, y, epochs=50, verbose=0)
    sure = model.uncertainty(x, y)
    low, high = sure.predict_interval(new, 0.9)
    np.testing.assert_array_equal(low, sure.predict_interval(new, 0.9, method="jackknife+")[0])
    assert 0.85 < ((low <= held) & (held <= high)).mean() < 0.95
    again = Sequential([Input((1,)), Dense(1)], seed=0, dtype="float64")
    again.compile("LBFGS", "mse")
    again.set_weights(model.get_weights())
    by_squares = again.uncertainty(x, y).predict_interval(new, 0.9, method="jackknife+")
    np.testing.assert_allclose(high - low, by_squares[1] - by_squares[0], rtol=0.05)  # errors below 1 are squared
    sure.calibrate(*(new[:500], held[:500]))
    low, high = sure.predict_interval(new[500:], 0.9)
    assert np.ptp(high - low) < 1e-12 and 0.86 < ((low <= held[500:]) & (held[500:] <= high)).mean() < 0.94
    with pytest.raises(ConfigError, match="the delta method needs squared errors, the loss is Huber: take 'jackknife"):
        sure.predict_interval(new, 0.9, method="delta")
    with pytest.raises(ConfigError, match="a standard deviation needs squared errors"):
        sure.predict(new, return_std=True)
    np.testing.assert_allclose(sure.predict(new), model.predict(new, verbose=0), rtol=1e-6)


@pytest.mark.parametrize("loss", ["mae", "hinge", "cosine_similarity"])
def test_losses_that_do_not_bend_or_compare_no_amounts_tell_no_intervals(loss):
    x = np.random.default_rng(0).normal(size=(30, 2))
    model = Sequential([Input((2,)), Dense(2)], seed=0)
    model.compile("LBFGS", loss)
    with pytest.raises(ConfigError, match="needs squared errors, a cross-entropy, or Huber, LogCosh"):
        model.uncertainty(x, np.sign(x))


def test_too_many_parameters_are_told_with_the_way_out():
    model, before = fitted(Dense(1)), dense_limit()
    try:
        set_dense_limit(100)
        with pytest.raises(DataError, match=r"4 by 4 parameters .* take layers='last', or raise the limit"):
            model.uncertainty(X, Y)
    finally:
        set_dense_limit(before)
