"""Losses at their limits: extreme predictions, wrong targets, final activations, losses that users write."""

from typing import NamedTuple

import numpy as np
import pytest
from numeric import EXACT, complex_step, relative_error

from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.jacobians import Contraction
from nnlite.layers import Activation, Dense, Softmax
from nnlite.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Dice,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nnlite.models import Sequential
from nnlite.ops.tracing import Trace

generator = np.random.default_rng(37)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestExtremePredictions:
    logits = np.array([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0]])

    def test_binary_logits(self, dtype):
        loss = BinaryCrossentropy(from_logits=True, reduction="none")
        value = loss.forward([[1, 1, 1], [1, 0, 1]], self.logits.astype(dtype))
        np.testing.assert_allclose(value, [(0 + 1000 + np.log(2)) / 3, (1000 + 1000 + 0) / 3], rtol=1e-6)
        np.testing.assert_allclose(loss.backward(), np.array([[0, -1, -0.5], [-1, 1, 0]]) / 3, atol=1e-12, rtol=1e-6)

    def test_class_logits(self, dtype):
        rows = np.array([[1.0, -1, 0], [0, -0.5, 0.5]])
        for loss, targets in (
            (SparseCategoricalCrossentropy(from_logits=True, reduction="none"), [1, 1]),
            (CategoricalCrossentropy(from_logits=True, reduction="none"), [[0, 1, 0], [0, 1, 0]]),
        ):
            value = loss.forward(targets, self.logits.astype(dtype))
            np.testing.assert_allclose(value, [2000, np.log(2)], rtol=1e-6)
            np.testing.assert_allclose(loss.backward(), rows, atol=1e-12)

    def test_chances_of_zero_and_one_are_clipped(self, dtype):
        sure = np.array([[0.0, 1.0], [1.0, 0.0]], dtype)
        for loss, targets in (
            (BinaryCrossentropy(), [[1, 0], [1, 0]]),
            (CategoricalCrossentropy(), [[1, 0], [1, 0]]),
            (SparseCategoricalCrossentropy(), [0, 0]),
        ):
            assert 7 < loss.forward(targets, sure) < 17
            assert not loss.backward().any()  # where the clip holds, nothing changes


class Wrong(NamedTuple):
    """Targets that do not fit, and how they are refused."""

    loss: Loss
    y_true: object
    shape: tuple
    error: type
    message: str


REFUSED = [
    Wrong(MeanSquaredError(), np.ones((4, 1)), (4, 3), ShapeError, r"MeanSquaredError.*\('batch', 3\).*\(4, 1\)"),
    Wrong(MeanSquaredError(), np.ones(4), (4, 3), ShapeError, r"\('batch', 3\).*\(4,\)"),
    Wrong(MeanSquaredError(), np.ones((4, 3)), (4, 1), ShapeError, r"\('batch', 1\).*\(4, 3\)"),
    Wrong(MeanSquaredError(), np.ones((4, 4)), (4, 1), ShapeError, r"\('batch', 1\).*\(4, 4\)"),
    Wrong(MeanSquaredError(), np.ones(3), (4, 1), ShapeError, "3 targets for 4 predictions"),
    Wrong(MeanSquaredError(), np.ones((1, 3)), (4, 3), ShapeError, "1 targets for 4 predictions"),
    Wrong(MeanSquaredError(), 1.0, (4, 1), ShapeError, r"\('batch', 1\).*\(\)"),
    Wrong(MeanSquaredError(), np.nan, (4, 1), DataError, "not finite"),
    Wrong(MeanSquaredError(), 1.0, (), ShapeError, r"outputs of shape \(batch, \.\.\., units\).*\(\)"),
    Wrong(Huber(), [[1.0], [np.nan]], (2, 1), DataError, "not finite in row 1"),
    Wrong(Huber(), [[1.0], [np.inf]], (2, 1), DataError, "not finite in row 1"),
    Wrong(MeanAbsoluteError(), [["a"], ["b"]], (2, 1), DataError, "MeanAbsoluteError needs numbers.*encode"),
    Wrong(MeanAbsoluteError(), np.array([None, 1.0]), (2, 1), DataError, "needs numbers"),
    Wrong(BinaryCrossentropy(), [0, 2], (2, 1), DataError, r"BinaryCrossentropy.*\[0, 1\].*2"),
    Wrong(BinaryCrossentropy(), [-1, 1], (2, 1), DataError, r"\[0, 1\].*-1"),
    Wrong(CategoricalCrossentropy(), [[0, 3]], (1, 2), DataError, r"CategoricalCrossentropy.*\[0, 1\].*3"),
    Wrong(CategoricalCrossentropy(), [0, 1], (2, 2), ShapeError, r"\('batch', 2\).*\(2,\)"),
    Wrong(SparseCategoricalCrossentropy(), [0, 3], (2, 3), DataError, "class 3.*3 outputs: 0 to 2"),
    Wrong(SparseCategoricalCrossentropy(), [0, -1], (2, 3), DataError, "class -1.*0 to 2"),
    Wrong(SparseCategoricalCrossentropy(), [0, 1.5], (2, 3), DataError, r"integers.*1\.5"),
    Wrong(SparseCategoricalCrossentropy(), [0, 1e300], (2, 3), DataError, r"integers.*1e\+300"),
    Wrong(SparseCategoricalCrossentropy(), np.eye(3), (3, 3), ShapeError, "one-hot.*CategoricalCrossentropy"),
    Wrong(SparseCategoricalCrossentropy(), [0, 1, 2], (2, 3), ShapeError, "3 targets for 2"),
    Wrong(SparseCategoricalCrossentropy(), ["a", "b"], (2, 3), DataError, "needs numbers"),
    Wrong(SparseCategoricalCrossentropy(), 1, (1, 3), ShapeError, r"class numbers of shape \('batch',\).*\(\)"),
]


@pytest.mark.parametrize(
    "wrong", REFUSED, ids=lambda w: f"{type(w.loss).__name__}-{np.shape(w.y_true)}-{w.message[:30]}"
)
def test_targets_that_do_not_fit_are_refused(wrong):
    with pytest.raises(wrong.error, match=wrong.message):
        wrong.loss.forward(wrong.y_true, np.full(wrong.shape, 0.5))


def test_a_call_repeats_targets_along_axes_of_length_one():
    y_pred = np.arange(12.0).reshape(4, 3)
    for y_true in (np.arange(4.0)[:, None], np.arange(3.0)[None]):
        assert MeanSquaredError()(y_true, y_pred) == pytest.approx(np.square(y_true - y_pred).mean(), rel=1e-14)
    with pytest.raises(ShapeError):
        MeanSquaredError()(np.ones((4, 2)), y_pred)
    with pytest.raises(ShapeError):
        CategoricalCrossentropy()(np.ones((4, 1)), y_pred)


def test_a_recorded_call_repeats_targets_too():
    y_true, y_pred = np.arange(4.0)[:, None], np.arange(12.0).reshape(4, 3)
    trace = Trace()
    (jacobian,) = trace.jacobians(MeanSquaredError()(y_true, trace.variable(y_pred)))
    np.testing.assert_allclose(jacobian.vjp(np.ones(())), 2 * (y_pred - y_true) / 12, rtol=1e-14)


def test_targets_that_fit_in_other_forms():
    y_pred = np.array([[0.2], [0.7]])
    for loss in (MeanSquaredError(), BinaryCrossentropy()):
        expected = loss([[0.0], [1.0]], y_pred)
        for same in ([0, 1], [[0], [1]], [False, True], np.float32([0, 1])):
            assert loss(same, y_pred) == pytest.approx(expected)
    scores = generator.uniform(0.2, 0.8, (2, 3))
    sparse_loss = SparseCategoricalCrossentropy()
    expected = sparse_loss([2, 0], scores)
    for same in ([[2], [0]], [2.0, 0.0], np.uint8([2, 0])):
        assert sparse_loss(same, scores) == expected
    assert MeanSquaredError()(generator.normal(size=(2, 3, 1)), generator.normal(size=(2, 3))) > 0
    assert MeanSquaredError()([1, 2], [[1], [2]]) == 0


@pytest.mark.parametrize("weights", [np.ones(3), np.ones((4, 3)), np.ones((1, 4)), np.ones((4, 1, 2))], ids=np.shape)
def test_sample_weight_needs_one_number_per_row(weights):
    with pytest.raises(ShapeError, match=r"sample_weight.*\(4,\)"):
        MeanSquaredError()(np.ones((4, 3)), np.ones((4, 3)), weights)


def test_sample_weight_needs_numbers():
    with pytest.raises(DataError, match="sample_weight"):
        MeanSquaredError()(np.ones((2, 1)), np.ones((2, 1)), ["a", "b"])


def test_weights_of_zero_give_zero():
    for reduction in ("mean_with_sample_weight", "sum_over_batch_size"):
        loss = MeanSquaredError(reduction=reduction)
        assert loss.forward(np.ones((2, 1)), np.zeros((2, 1)), [0, 0]) == 0
        assert not loss.backward().any()


def test_backward_before_forward_and_with_a_wrong_shape():
    loss = MeanSquaredError(reduction="none")
    loss([1.0], [[1.0]])
    for call in (loss.backward, lambda: loss.jvp(np.ones((1, 1)))):
        with pytest.raises(NotReadyError, match=r"MeanSquaredError.*forward"):
            call()
    loss.forward(np.ones((4, 2)), np.zeros((4, 2)))
    for wrong in (np.ones(3), np.ones(1), np.ones((4, 1))):
        with pytest.raises(ShapeError, match=r"MeanSquaredError.*\(4,\)"):
            loss.backward(wrong)
    with pytest.raises(ShapeError, match=r"MeanSquaredError.*4, 2"):
        loss.jvp(np.ones((4, 1)))


def test_slopes_at_the_corners():
    loss = MeanAbsoluteError()
    loss.forward([1.0, 2.0], [[1.0], [5.0]])
    np.testing.assert_array_equal(loss.backward(), [[0], [0.5]])
    edge = Huber(delta=2.0, reduction="sum")
    assert edge.forward([0.0, 0.0], [[2.0], [-2.0]]) == 4
    np.testing.assert_array_equal(edge.backward(), [[2], [-2]])


def test_names_and_arguments():
    assert type(Loss.get("mse")) is MeanSquaredError
    assert type(Loss.get("mae")) is MeanAbsoluteError
    assert type(Loss.get("sparse_categorical_crossentropy")) is SparseCategoricalCrossentropy
    with pytest.raises(ConfigError, match="did you mean 'MeanSquaredError'"):
        Loss.get("mean_square_error")
    for options in ({"reduction": "average"}, {"delta": 0}, {"delta": "wide"}):
        with pytest.raises(ConfigError, match=f"Huber.{next(iter(options))}"):
            Huber(**options)
    with pytest.raises(ConfigError, match="label_smoothing"):
        BinaryCrossentropy(label_smoothing=1.5)


FUSED = [
    (BinaryCrossentropy(label_smoothing=0.1), "sigmoid", 1, [0, 1, 1, 0]),
    (CategoricalCrossentropy(label_smoothing=0.1, reduction="sum"), "softmax", 3, np.eye(3)[[0, 2, 1, 0]]),
    (SparseCategoricalCrossentropy(), "softmax", 3, [0, 2, 1, 0]),
]


@pytest.mark.parametrize(("loss", "activation", "units", "y_true"), FUSED, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("ending", ["argument", "layer", "softmax layer"])
def test_loss_and_final_activation_melt_into_one(loss, activation, units, y_true, ending):
    if ending == "argument":
        layer = Dense(units, activation=activation)
    else:
        layer = Softmax() if ending == "softmax layer" and activation == "softmax" else Activation(activation)
    x, layer.dtype = generator.normal(size=(4, units)), "float64"
    layer._ensure_built((None, units))
    bare, last = layer.without_activation()
    twin = loss.from_outputs_of(last)
    assert twin.from_logits and not loss.from_logits
    assert twin.get_config() == {**loss.get_config(), "from_logits": True}
    outputs = layer.forward(x)
    expected = loss.forward(y_true, outputs)
    logits = bare.forward(x)
    assert twin.forward(y_true, logits) == pytest.approx(expected, rel=1e-12)
    assert relative_error(first(bare.backward(twin.backward())), first(layer.backward(loss.backward()))) <= EXACT


def first(result):
    return result[0] if isinstance(result, tuple) else result


def test_what_does_not_fit_stays_apart():
    assert SparseCategoricalCrossentropy().from_outputs_of(Activation("sigmoid").activation) is None
    assert SparseCategoricalCrossentropy(from_logits=True).from_outputs_of(Activation("softmax").activation) is None
    assert CategoricalCrossentropy().from_outputs_of(Softmax(axis=1).activation) is None
    assert MeanSquaredError().from_outputs_of(Activation("sigmoid").activation) is None
    assert Dense(3).without_activation()[1] is None


def test_a_saturated_output_is_still_trained():
    model = Sequential([Dense(1, activation="sigmoid", kernel_initializer="ones")], seed=0)
    model.compile("sgd", "binary_crossentropy")
    x = np.array([[200.0]])
    loss = model.train_on_batch(x, [0])
    assert loss == pytest.approx(200)
    assert model.weights[0].gradient[0, 0] == pytest.approx(200)
    assert model.predict(x, verbose=0).shape == (1, 1)


class UpperQuantile(Loss):
    """A user's loss: what the 0.9 quantile minimises."""

    level: float = 0.9

    def per_row(self, y_true, y_pred):
        below = (y_pred.real < y_true).astype(y_pred.real.dtype)
        slopes = (1 - below) - self.level
        return ((y_pred - y_true) * slopes).mean(-1), Contraction(slopes / y_pred.shape[-1])


def test_a_users_loss():
    loss = Loss.get({"upper_quantile": {"level": 0.75}})
    y_true, y_pred = generator.normal(size=(4, 2)), generator.normal(size=(4, 2))
    loss.forward(y_true, y_pred)
    found = loss.backward()
    assert relative_error(found, complex_step(lambda p: loss.linearize(y_true, p)[0], [y_pred])) <= EXACT
    assert Loss.get(loss.to_spec()).get_config() == loss.get_config()


def test_a_number_as_weight_leaves_one_loss_for_the_batch_one():
    pair = np.array([[1.0, 0], [0, 1]]), np.array([[0.5, 0.25], [0.25, 0.5]])
    whole = Dice()(*pair)
    for reduction in ("sum", "none", "mean"):
        weighed = Dice(reduction=reduction)(*pair, sample_weight=3.0)
        assert np.shape(weighed) == () and weighed == pytest.approx(3 * whole, rel=1e-15)
    assert Dice(reduction="sum")(*pair, sample_weight=[3.0, 3.0]) == pytest.approx(6 * whole, rel=1e-15)
