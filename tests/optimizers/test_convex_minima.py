"""LBFGS against SciPy's on five convex problems, whose losses and gradients are written out here."""

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.layers import Dense

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 6))
LINE = X @ RANDOM.normal(size=6)
L2 = 0.01


def logistic(z, y):
    return np.logaddexp(0, z) - y * z, 1 / (1 + np.exp(-z)) - y


def softmax(z, y):
    total = np.logaddexp.reduce(z, axis=1, keepdims=True)
    hot = np.eye(z.shape[1])[y[:, 0].astype(int)]
    return (total - (z * hot).sum(axis=1, keepdims=True)), np.exp(z - total) - hot


def squares(z, y):
    return (z - y) ** 2, 2 * (z - y)


def huber(z, y):
    error = z - y
    near = abs(error) <= 1
    return np.where(near, error**2 / 2, abs(error) - 0.5), np.where(near, error, np.sign(error))


def poisson(z, y):
    return np.exp(z) - y * z, np.exp(z) - y


NOISE = RANDOM.normal(size=200)
CLASSES = np.digitize(LINE + NOISE, [-1.0, 1.0])
PROBLEMS = {
    "logistic": (logistic, "sigmoid", "binary_crossentropy", (LINE + NOISE > 0) * 1.0, 1),
    "softmax": (softmax, "softmax", "sparse_categorical_crossentropy", CLASSES * 1.0, 3),
    "ridge": (squares, None, "mse", LINE + NOISE, 1),
    "huber": (huber, None, "huber", LINE + 3 * NOISE**3, 1),
    "poisson": (poisson, "exponential", "poisson", np.floor(np.exp(LINE / 3 + 1)), 1),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_minimum_is_that_of_scipy(name):
    optimize = pytest.importorskip("scipy.optimize")
    formula, activation, loss, y, units = PROBLEMS[name]
    targets = y[:, None]

    def objective(point):
        kernel, bias = point[: 6 * units].reshape(6, units), point[6 * units :]
        losses, slopes = formula(X @ kernel + bias, targets)
        by_kernel = X.T @ slopes / len(X) + 2 * L2 * kernel
        return losses.mean() + L2 * (kernel**2).sum(), np.concatenate([by_kernel.ravel(), slopes.mean(axis=0)])

    options = {"maxiter": 5000, "ftol": 1e-16, "gtol": 1e-9}
    expected = optimize.minimize(objective, np.zeros(7 * units), jac=True, method="L-BFGS-B", options=options)
    last = Dense(units, activation, kernel_regularizer={"L2": {"l2": L2}})
    model = Sequential([Input((6,)), last], seed=0, dtype="float64")
    model.compile({"LBFGS": {"min_grad": 1e-9}}, loss)
    model.fit(X, y if name == "softmax" else targets, epochs=500, verbose=0)
    kernel, bias = model.get_weights()
    reached = objective(np.concatenate([kernel.ravel(), bias]))[0]
    assert reached - expected.fun <= 1e-8 * abs(expected.fun)
    assert abs(reached - expected.fun) <= 1e-8
