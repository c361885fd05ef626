"""Bounds of outputs and slopes in boxes, and Lipschitz bounds: never passed, and tight where they can be."""

import numpy as np
import pytest

from nnlite import Input, Model, NNRegressor, Sequential
from nnlite.derivatives import box_bounds, lipschitz_bound
from nnlite.derivatives.intervals import TURNS
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    Activation,
    Clip,
    Conv1D,
    Dense,
    Dropout,
    GlobalAveragePooling1D,
    LayerNormalization,
    MonotonicDense,
    Normalization,
    PeriodicEmbedding,
    RepeatVector,
    RobustScaling,
    Scale,
)
from nnlite.ops.activations import Tanh

NAMES = [*(cls.__name__ for cls in TURNS), {"GELU": {"approximate": True}}, {"ReLU": {"max_value": 1.5}}]


def net(activation, *, layer=Dense, seed=0, **first):
    layers = [
        Normalization(mean=[0.5, -0.5, 0.0], variance=[4.0, 0.25, 1.0]),
        layer(6, activation=activation, bias_initializer="random_normal", **first),
        Dropout(0.5),
        layer(5),
        Activation(activation),
        layer(2),
    ]
    return Sequential([Input((3,)), *layers], seed=seed, dtype="float64")


def drawn(model, low, high, count=2000):
    """Outputs `(count, 2)` and slopes `(count, 3, 2)` at random points of a box."""
    x = np.random.default_rng(3).uniform(low, high, (count, len(low)))
    slopes = model.jacobian(x).vjp(np.eye(2)[:, None] * np.ones((1, count, 1)))
    return model.predict(x, verbose=0), np.moveaxis(slopes, 0, -1)


@pytest.mark.parametrize("activation", NAMES)
def test_no_point_of_a_box_is_beyond_its_bounds(activation):
    model = net(activation)
    low = np.array([[-1.0, -0.5, 0.0], [-0.1, -0.6, -0.1], [2.0, 1.0, -3.0]])
    high = low + np.array([[2.0], [0.2], [0.5]])
    bounds = box_bounds(model, low, high)
    for place in range(3):
        outputs, slopes = drawn(model, low[place], high[place])
        assert (outputs >= bounds.low[place] - 1e-12).all() and (outputs <= bounds.high[place] + 1e-12).all()
        assert (slopes >= bounds.slopes_low[place] - 1e-12).all()
        assert (slopes <= bounds.slopes_high[place] + 1e-12).all()


@pytest.mark.parametrize("activation", NAMES)
def test_the_largest_slope_of_an_activation_is_known(activation):
    model = Sequential([Input((1,)), Activation(activation)], dtype="float64")
    for low, high in ((-2.0, 3.0), (-1.0, -0.25), (0.25, 4.0), (-1e-3, 1e-3)):
        x = np.linspace(low, high, 4001)[:, None]
        slopes = model.jacobian(x).per_example(np.ones_like(x))
        bounds = box_bounds(model, [low], [high])
        assert bounds.slopes_low.item() == pytest.approx(slopes.min(), abs=1e-6)
        assert bounds.slopes_high.item() == pytest.approx(slopes.max(), abs=2e-3)
        assert bounds.slopes_high.item() >= slopes.max()


@pytest.mark.parametrize("columns", [None, [2, 0]])
def test_bounds_go_through_a_robust_scaling(columns):
    count = 3 if columns is None else 2
    scaling = RobustScaling(center=[0.5, -1.0, 2.0][:count], width=[0.5, 2.0, 1.0][:count], columns=columns)
    model = Sequential([Input((3,)), scaling, Dense(5, "tanh"), Dense(2)], seed=0, dtype="float64")
    lipschitz = lipschitz_bound(model)
    for low, high in (([-1.0] * 3, [3.0] * 3), ([0.6, -3.0, 2.5], [0.7, 40.0, 2.6]), ([-9.0] * 3, [-8.0] * 3)):
        bounds, (outputs, slopes) = box_bounds(model, low, high), drawn(model, low, high)
        assert (outputs >= bounds.low - 1e-12).all() and (outputs <= bounds.high + 1e-12).all()
        assert (slopes >= bounds.slopes_low - 1e-12).all() and (slopes <= bounds.slopes_high + 1e-12).all()
        assert np.linalg.norm(slopes, 2, axis=(1, 2)).max() <= lipschitz
    at = np.array([[0.3, 2.0, -1.0]])
    exact = box_bounds(model, at[0], at[0])
    np.testing.assert_allclose(exact.slopes_low, exact.slopes_high)
    np.testing.assert_allclose(exact.low, model.predict(at, verbose=0))


def test_a_box_of_one_point_has_the_exact_jacobian():
    model = net("tanh")
    x = np.random.default_rng(0).normal(size=(20, 3))
    bounds = box_bounds(model, x, x)
    exact = np.moveaxis(model.jacobian(x).vjp(np.eye(2)[:, None] * np.ones((1, 20, 1))), 0, -1)
    np.testing.assert_allclose(bounds.slopes_low, exact, atol=1e-13)
    np.testing.assert_allclose(bounds.slopes_high, exact, atol=1e-13)
    np.testing.assert_allclose(bounds.low, model.predict(x, verbose=0), atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu", "softplus"])
def test_directions_by_construction_are_verified_in_any_box(activation):
    model = net(activation, layer=MonotonicDense)
    first = model.layers[1]
    first.monotonicity = [1, -1, 0]
    bounds = box_bounds(model, [-1e3] * 3, [1e3] * 3)
    assert (bounds.slopes_low[0, 0] >= 0).all() and (bounds.slopes_high[0, 1] <= 0).all()
    assert (bounds.slopes_high[0, 2] > 0).all()


def test_lipschitz_bound():
    for activation in ("tanh", "relu", "sigmoid", "selu", "mish", "gelu"):
        model = net(activation)
        norms = np.linalg.norm(np.moveaxis(drawn(model, [-2.0] * 3, [2.0] * 3)[1], 1, 2), 2, axis=(1, 2))
        assert norms.max() <= lipschitz_bound(model) < 12 * norms.max()
    linear = Sequential([Input((3,)), Dense(2)], seed=0, dtype="float64")
    assert lipschitz_bound(linear) == pytest.approx(np.linalg.svd(linear.get_weights()[0])[1][0], rel=1e-12)


@pytest.mark.parametrize("activation", NAMES)
def test_bounds_of_an_activation_are_reached_and_never_passed(activation):
    model = Sequential([Input((1,)), Activation(activation)], dtype="float64")
    ends = np.random.default_rng(0).normal(scale=3, size=(300, 2))
    low, high = ends.min(axis=1), ends.max(axis=1)
    bounds = box_bounds(model, low[:, None], high[:, None])
    inner = np.linspace(low, high, 2001)
    values = model.predict(inner.reshape(-1, 1), verbose=0).reshape(inner.shape)
    assert (values >= bounds.low[:, 0] - 1e-15).all() and (values <= bounds.high[:, 0] + 1e-15).all()
    np.testing.assert_allclose(bounds.low[:, 0], values.min(axis=0), atol=2e-5)
    np.testing.assert_allclose(bounds.high[:, 0], values.max(axis=0), atol=2e-5)


class Shifted(Tanh):
    """A user's own function, which falls where the one that it derives from rises."""

    def linearize(self, x):
        y, jacobians = super().linearize(-x)
        return y, jacobians


def test_what_has_no_bounds_is_refused():
    box = [0.0] * 3, [1.0] * 3
    for activation in ("hard_shrink", "softmax", {"ReLU": {"threshold": 1.0}}, Shifted()):
        with pytest.raises(ConfigError, match="an activation whose extremes are known, such as tanh"):
            box_bounds(Sequential([Input((3,)), Dense(2, activation)]), *box)
    with pytest.raises(ConfigError, match="not through LayerNormalization"):
        lipschitz_bound(Sequential([Input((3,)), Dense(4), LayerNormalization()]))
    inputs = Input((3,))
    one = Dense(2)(inputs)
    with pytest.raises(ConfigError, match="is a graph"):
        lipschitz_bound(Model(inputs, one + Dense(2)(inputs)))
    model = net("tanh")
    for end in (0.0, np.inf, np.nan):  # below the lower one, and products of infinity and 0
        with pytest.raises(ShapeError, match="finite ends, the lower one at or below"):
            box_bounds(model, [1.0, 0.0, 0.0], [end, 1.0, 1.0])
    with pytest.raises(ShapeError, match="one number for each of the inputs"):
        box_bounds(model, [1.0], [2.0])
    with pytest.raises(ShapeError, match="one number for each of the inputs"):
        box_bounds(Sequential([Input((4, 3)), Conv1D(2, 1)]), *box)


def test_a_lipschitz_bound_of_waves_and_repetition_is_reached():
    waves = PeriodicEmbedding(1, 1, sigma=0.5)
    model = Sequential([Input((1,)), waves, RepeatVector(3), GlobalAveragePooling1D()], seed=0, dtype="float64")
    slopes = model.jacobian(np.linspace(-9, 9, 9001)[:, None]).vjp(np.eye(2)[:, None] * np.ones((1, 9001, 1)))[..., 0]
    assert lipschitz_bound(model) == pytest.approx(np.linalg.norm(slopes, axis=0).max(), rel=1e-5)


MEMBERS = {
    "waves": lambda: [PeriodicEmbedding(4, 2, sigma=0.5), Dense(5, "tanh"), Dense(2)],
    "some waves": lambda: [PeriodicEmbedding(4, 2, sigma=1.0, columns=[2, 0]), Dense(5, "selu"), Dense(2)],
    "members": lambda: [
        RepeatVector(4),
        Scale(4, scale_initializer="random_normal"),
        PeriodicEmbedding(3, 2, sigma=0.7, members=4, columns=[1]),
        Dense(6, "relu", members=4),
        Dropout(0.2),
        Dense(2, members=4),
        Clip(-0.4, [0.3, 0.5]),
        GlobalAveragePooling1D(),
        Normalization(mean=[3.0, 2.0], variance=[4.0, 9.0], invert=True),
    ],
}


@pytest.mark.parametrize("name", MEMBERS)
def test_bounds_go_through_waves_and_members(name):
    model = Sequential([Input((3,)), *MEMBERS[name]()], seed=0, dtype="float64")
    for low, high in (([-1.0] * 3, [1.0] * 3), ([0.1, -0.2, 3.0], [0.15, -0.15, 3.05]), ([-3.0] * 3, [9.0] * 3)):
        bounds, (outputs, slopes) = box_bounds(model, low, high), drawn(model, low, high)
        assert (outputs >= bounds.low - 1e-12).all() and (outputs <= bounds.high + 1e-12).all()
        assert (slopes >= bounds.slopes_low - 1e-12).all() and (slopes <= bounds.slopes_high + 1e-12).all()
    at = np.array([[0.3, 2.0, -1.0]])
    exact = box_bounds(model, at[0], at[0])
    np.testing.assert_allclose([exact.low, exact.high], [model.predict(at, verbose=0)] * 2, atol=1e-12)
    np.testing.assert_allclose(exact.slopes_low[0], drawn(model, at[0], at[0], 1)[1][0], atol=1e-12)
    norms = np.linalg.norm(drawn(model, [-3.0] * 3, [3.0] * 3)[1], 2, axis=(1, 2))
    assert norms.max() <= lipschitz_bound(model)


def test_a_default_estimator_is_shown_to_rise_and_fall_in_the_whole_box():
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 3))
    model = NNRegressor(monotonic_cst=[1, 0, -1], epochs=3, random_state=0).fit(X, X[:, 0] - X[:, 2] + X[:, 1] ** 2)
    assert model.n_members_ > 1 and any(isinstance(layer, PeriodicEmbedding) for layer in model.model_.layers)
    bounds = box_bounds(model.model_, X.min(axis=0), X.max(axis=0))
    assert bounds.slopes_low[0, 0, 0] >= 0 >= bounds.slopes_high[0, 2, 0]
    assert bounds.slopes_low[0, 1, 0] < 0 < bounds.slopes_high[0, 1, 0]
