"""Noise, dropout of channels, penalized activities, and layers that reorder axes."""

import numpy as np
import pytest
from draws import normal
from numeric import EXACT, NEAR, relative_error

from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    ActivityRegularization,
    AlphaDropout,
    Dense,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Input,
    Layer,
    Permute,
    RepeatVector,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from nnlite.models import Sequential
from nnlite.random import RandomSource
from nnlite.regularizers import L1L2
from nnlite.schedules import FlatCosine, LearningRateSchedule

ALPHA = -1.6732632423543772 * 1.0507009873554805


pytestmark = pytest.mark.usefixtures("double_precision")


def trained(layer, inputs, step=0, place=0):
    return layer.linearize(inputs, training=True, random=RandomSource(3, step, place))[0]


NOISY = [
    GaussianNoise(0.5),
    GaussianDropout(0.3),
    AlphaDropout(0.3),
    SpatialDropout1D(0.5),
    Dropout(0.5),
]


@pytest.mark.parametrize("layer", NOISY, ids=repr)
def test_noise_depends_on_seed_step_and_place_alone(layer):
    inputs = normal(8, 5, 6)
    first = trained(layer, inputs)
    np.testing.assert_array_equal(first, trained(layer, inputs))
    for step, place in [(1, 0), (0, 1)]:
        assert not np.array_equal(first, trained(layer, inputs, step, place))
    np.testing.assert_array_equal(layer(inputs), inputs)


@pytest.mark.parametrize("layer", NOISY, ids=repr)
def test_an_own_seed_takes_the_place_of_the_models(layer):
    inputs, own = normal(8, 5, 6), type(layer).from_config({**layer.get_config(), "seed": 9})
    np.testing.assert_array_equal(trained(own, inputs, place=4), trained(own, inputs))
    assert not np.array_equal(trained(own, inputs, step=1), trained(own, inputs))
    assert not np.array_equal(trained(own, inputs), trained(layer, inputs))


def test_moments_of_the_noise():
    inputs = np.full((200, 500), 2.0)
    added = trained(GaussianNoise(0.5), inputs) - inputs
    assert abs(added.mean()) < 0.01
    assert abs(added.std() - 0.5) < 0.01
    factor = trained(GaussianDropout(0.2), inputs) / inputs
    assert abs(factor.mean() - 1) < 0.01
    assert abs(factor.std() - 0.5) < 0.01


def test_alpha_dropout_keeps_mean_and_variance():
    inputs = normal(200, 500)
    outputs = trained(AlphaDropout(0.3), inputs)
    assert abs(outputs.mean()) < 0.01
    assert abs(outputs.var() - 1) < 0.01
    scale = 1 / np.sqrt(0.7 * (1 + 0.3 * ALPHA**2))
    dropped = np.isclose(outputs, scale * (ALPHA - ALPHA * 0.3))
    assert abs(dropped.mean() - 0.3) < 0.01
    assert relative_error(outputs[~dropped], scale * (inputs[~dropped] - ALPHA * 0.3)) <= EXACT


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (SpatialDropout1D(0.5), (20, 4, 9), (1,)),
        (SpatialDropout2D(0.5), (20, 3, 4, 9), (1, 2)),
        (SpatialDropout2D(0.5, data_format="channels_first"), (20, 9, 3, 4), (2, 3)),
        (SpatialDropout3D(0.5), (20, 2, 3, 2, 9), (1, 2, 3)),
        (SpatialDropout3D(0.5, data_format="channels_first"), (20, 9, 2, 3, 2), (2, 3, 4)),
    ],
    ids=repr,
)
def test_spatial_dropout_drops_whole_channels(layer, shape, axes):
    outputs = trained(layer, np.ones(shape))
    assert set(np.unique(outputs)) == {0.0, 2.0}
    assert (outputs.max(axis=axes) == outputs.min(axis=axes)).all()
    assert 0.3 < outputs.mean() / 2 < 0.7


@pytest.mark.parametrize("layer", [SpatialDropout1D(0.5), SpatialDropout2D(0.5), SpatialDropout3D(0.5)], ids=repr)
def test_spatial_dropout_needs_its_rank(layer):
    with pytest.raises(ShapeError, match=r"needs inputs of \d axes, got \(None, 3\)"):
        layer(normal(2, 3))


def model_with(*layers, loss="mse"):
    model = Sequential([Input((3,)), *layers], seed=0)
    model.compile({"SGD": {"learning_rate": 1.0}}, loss)
    return model


X, Y = normal(6, 3), normal(6, 2, seed=1)
PENALTY = L1L2(0.05, 0.3)


def loss_of(model, changed=None, place=None, penalized=1):
    """Loss of the model with the outputs of layer `penalized` counted; one parameter moved by `changed`."""
    values = [value.copy() for value in model.values]
    if changed is not None:
        values[place[0]][place[1]] += changed
    data, start = X, 0
    for index, layer in enumerate(model.layers):
        stop = start + len(layer.parameters)
        data = layer.linearize(data, *values[start:stop])[0]
        start = stop
        if index == penalized:
            penalty = PENALTY.penalty(data) / len(data)
    return ((data - Y) ** 2).mean() + penalty


def check_gradients(model, penalized):
    """The step of plain gradient descent with the rate 1 moves each weight by its derivative of the whole loss."""
    before, expected = [value.copy() for value in model.values], []
    for index, value in enumerate(model.values):
        slopes = np.empty(value.shape)
        for place in np.ndindex(value.shape):
            weights = {-2: 1, -1: -8, 1: 8, 2: -1}
            moved = [w * loss_of(model, k * 1e-3, (index, place), penalized) for k, w in weights.items()]
            slopes[place] = sum(moved) / 12e-3
        expected.append(slopes)
    whole = loss_of(model, penalized=penalized)
    assert abs(model.evaluate(X, Y, verbose=0) - whole) <= EXACT
    history = model.fit(X, Y, batch_size=6, epochs=1, shuffle=False, verbose=0)
    assert abs(history.history["loss"][0] - whole) <= EXACT
    for old, value, slopes in zip(before, model.values, expected, strict=True):
        assert relative_error(old - value, slopes) <= NEAR


@pytest.mark.parametrize("name", ["layer", "first", "nested", "Dense", "Dense linear", "last Dense"])
def test_the_penalty_reaches_loss_and_gradient(name):
    spec = {"activity_regularizer": {"L1L2": {"l1": 0.05, "l2": 0.3}}}
    penalize = ActivityRegularization(0.05, 0.3)
    layers, penalized = {
        "layer": ([Dense(4, activation="tanh"), penalize, Dense(2)], 1),
        "first": ([penalize, Dense(2)], 0),
        "nested": ([Sequential([Dense(4, activation="tanh"), penalize], seed=3), Dense(2)], 0),
        "Dense": ([Dense(4, activation="tanh", **spec), Dense(2)], 0),
        "Dense linear": ([Dense(4, **spec), Dense(2)], 0),
        "last Dense": ([Dense(4, activation="tanh"), Dense(2, **spec)], 1),
    }[name]
    check_gradients(model_with(*layers), penalized)


class PenalizedBlock(Layer):
    """A layer of other layers, one of them penalized."""

    def build(self, input_shape):
        self.dense = Dense(4, activation="tanh")
        self.penalize = ActivityRegularization(0.05, 0.3)

    def call(self, inputs):
        return self.penalize(self.dense(inputs))


def test_a_penalty_inside_a_layers_own_call_counts_as_one_in_the_chain():
    inside = model_with(PenalizedBlock(), Dense(2))
    outside = model_with(Dense(4, activation="tanh"), ActivityRegularization(0.05, 0.3), Dense(2))
    outside.set_weights(inside.get_weights())
    losses = [model.fit(X, Y, epochs=3, shuffle=False, verbose=0).history["loss"] for model in (inside, outside)]
    assert relative_error(*map(np.array, losses)) <= EXACT
    for own, other in zip(inside.get_weights(), outside.get_weights(), strict=True):
        assert relative_error(own, other) <= EXACT


def test_the_penalty_counts_outputs_not_logits():
    model = model_with(Dense(2, activation="softmax", activity_regularizer="l2"), loss="categorical_crossentropy")
    targets = np.eye(2)[[0, 1, 1, 0, 1, 0]]
    predicted = model.predict(X, verbose=0)
    expected = -(targets * np.log(predicted)).sum(axis=1).mean() + 0.01 * (predicted**2).sum() / len(X)
    assert abs(model.evaluate(X, targets, verbose=0) - expected) <= 1e-10


def test_outside_of_a_step_the_layer_is_the_identity():
    layer = ActivityRegularization(l2=0.5)
    upstream = normal(6, 3, seed=4)
    layer.forward(X, training=True)
    np.testing.assert_array_equal(layer.backward(upstream), upstream)
    np.testing.assert_array_equal(layer.backward(2 * upstream), 2 * upstream)


def test_permute_and_repeat():
    inputs = normal(2, 3, 4, 5)
    np.testing.assert_array_equal(Permute((3, 1, 2))(inputs), inputs.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(RepeatVector(3)(X), np.stack([X, X, X], axis=1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Permute((1, 3)), ConfigError, "dims 1 to 2, each once"),
        (lambda: Permute((2, 1))(normal(2, 3)), ShapeError, r"needs inputs of 3 axes, got \(None, 3\)"),
        (lambda: RepeatVector(0), ConfigError, "n: must be >= 1, got 0"),
        (lambda: RepeatVector(2)(normal(2, 3, 4)), ShapeError, r"needs inputs of shape \(batch, features\)"),
        (lambda: AlphaDropout(1.0), ConfigError, r"must be in \[0, 1\)"),
        (lambda: GaussianDropout(1.0), ConfigError, r"must be in \[0, 1\)"),
        (lambda: GaussianNoise(-1.0), ConfigError, "must be >= 0"),
        (lambda: AlphaDropout(0.5, noise_shape=(1,))(X), ConfigError, "does not have the rank"),
    ],
)
def test_refused_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Stepwise(LearningRateSchedule):
    """A rate for each step."""

    rates: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5)

    def __call__(self, step):
        return self.rates[step]


class TestScheduledDropout:
    def test_the_rate_is_that_of_the_step(self):
        layer, inputs = Dropout(Stepwise()), 1 + normal(40, 50) ** 2
        np.testing.assert_array_equal(trained(layer, inputs, step=0), inputs)
        np.testing.assert_array_equal(trained(layer, inputs, step=1), trained(Dropout(0.5), inputs, step=1))
        assert not np.any(trained(layer, inputs, step=2))
        np.testing.assert_array_equal(layer(inputs), inputs)

    def test_a_rate_out_of_range(self):
        with pytest.raises(ConfigError, match=r"'noise' \(Dropout\): rate must be in \[0, 1\].*1.5 at step 3"):
            trained(Dropout(Stepwise(), name="noise"), normal(2, 3), step=3)

    def test_config_and_schedules(self):
        spec = {"Dropout": {"rate": {"polynomial_decay": {"initial_learning_rate": 0.5, "decay_steps": 10}}}}
        layer = Layer.get(spec)
        assert layer.schedules == (layer.rate,)
        again = Layer.get(layer.to_spec())
        assert again.to_spec() == layer.to_spec()
        assert again.rate_at(5) == layer.rate_at(5) > 0
        assert Dropout(0.25).schedules == ()

    def test_fit_tells_it_how_long_the_training_is(self):
        layer = Dropout(FlatCosine(0.5))
        model = Sequential([Input((3,)), Dense(4, "selu"), layer, Dense(1)], seed=0)
        model.compile("sgd", "mse")
        model.fit(normal(32, 3), normal(32, 1), batch_size=8, epochs=5, verbose=0)
        assert layer.rate_at(5) == 0.5
        assert 0 < layer.rate_at(15) < 0.5
        assert layer.rate_at(20) == pytest.approx(0)
