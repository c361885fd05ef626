"""MonotonicDense: the directions hold whatever the parameters are, and the models still learn."""

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.errors import ConfigError, NNLiteError, ShapeError
from nnlite.layers import Dense, MonotonicDense
from nnlite.ops import ActivationFunction

FALLING = ["gelu", "silu", "mish", "softmax", "log_softmax", "sparsemax", "hard_silu"]
RISING = ["linear", "tanh", "sigmoid", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign", "relu6"]


def truth(x):
    """Rises with the first column, falls with the second, has no direction in the third."""
    return 2 * np.tanh(2 * x[:, :1]) - x[:, 1:2] ** 3 + np.sin(3 * x[:, 2:])


def net(activation="tanh", seed=0):
    layers = [
        MonotonicDense(16, monotonicity=[1, -1, 0], activation=activation),
        MonotonicDense(16, activation=activation),
        MonotonicDense(1),
    ]
    return Sequential([Input((3,)), *layers], seed=seed, dtype="float64")


def violations(model, random, pairs):
    """How many of so many pairs, of which the second is further in the directions, have outputs that fall."""
    x = random.uniform(-2, 2, (pairs, 3))
    steps = random.exponential(0.5, (pairs, 3)) * np.array([1, -1, 0]) * (random.random((pairs, 3)) < 0.7)
    before, after = (model.predict(rows, batch_size=2**14, verbose=0) for rows in (x, x + steps))
    return int((after - before < -1e-12).sum())


def test_no_pair_of_a_million_violates_the_directions():
    random = np.random.default_rng(0)
    model, free = net(), Sequential([Input((3,)), Dense(16, "tanh"), Dense(1)], seed=0, dtype="float64")
    x = random.uniform(-1, 1, (400, 3))
    y = truth(x) + 0.5 * random.normal(size=(400, 1))
    for trained in (model, free):
        trained.compile({"Adam": {"learning_rate": 0.01}}, "mse")
        trained.fit(x, y, epochs=60, verbose=0)
    assert violations(model, random, 10**6) == 0
    assert violations(free, random, 10**4) > 50  # as the noise and the region beyond the data make of a free network


@pytest.mark.parametrize("activation", RISING)
def test_directions_hold_for_any_parameters(activation):
    random, model = np.random.default_rng(1), net(activation)
    model.set_weights([random.normal(size=value.shape) for value in model.get_weights()])
    assert violations(model, random, 10**4) == 0
    slopes = model.jacobian(random.normal(size=(500, 3))).per_example(np.ones((500, 1)))
    assert (slopes[:, 0] >= 0).all() and (slopes[:, 1] <= 0).all()


def test_a_monotone_function_is_learnt():
    random = np.random.default_rng(2)
    x = random.uniform(-1, 1, (600, 3))
    model = net()
    model.compile({"LBFGS": {}}, "mse")
    model.fit(x, truth(x), epochs=300, verbose=0)
    new = random.uniform(-1, 1, (600, 3))
    error = np.mean((model.predict(new, verbose=0) - truth(new)) ** 2) / truth(new).var()
    assert error < 0.01


def test_relu_is_convex():
    random, model = np.random.default_rng(3), net("relu")
    model.set_weights([random.normal(size=value.shape) for value in model.get_weights()])
    x, other = random.normal(size=(2, 1000, 3))
    middle, one, two = (model.predict(rows, verbose=0) for rows in ((x + other) / 2, x, other))
    assert (middle <= (one + two) / 2 + 1e-9).all()


@pytest.mark.parametrize("activation", FALLING)
def test_activations_that_fall_are_refused(activation):
    with pytest.raises(ConfigError, match=r"falls near|mixes its inputs"):
        MonotonicDense(2, activation=activation)


@pytest.mark.parametrize("activation", RISING)
def test_activations_that_rise_are_taken(activation):
    assert isinstance(MonotonicDense(2, activation=activation).activation, ActivationFunction | None)


def test_bad_directions():
    with pytest.raises(NNLiteError, match="monotonicity"):
        MonotonicDense(2, monotonicity=2)
    with pytest.raises(NNLiteError, match="monotonicity"):
        MonotonicDense(2, monotonicity=[1, 0.5])
    with pytest.raises(ShapeError, match="2 directions, the inputs 3 features"):
        Sequential([Input((3,)), MonotonicDense(2, monotonicity=[1, 0])])
