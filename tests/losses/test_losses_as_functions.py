"""Losses of symbols, in types that were asked for, and the names of their functions."""

import numpy as np
import pytest

from nnlite import Input, KerasTensor, Model, Sequential, losses, ops
from nnlite.errors import ShapeError
from nnlite.layers import Dense, Layer
from nnlite.ops.tracing import Trace


def test_functions_draw_a_layer_of_a_graph():
    rows = KerasTensor((None, 3))
    assert losses.huber(rows, rows).shape == losses.quantile(rows, rows).shape == (None,)
    x, target = Input((3,)), Input((3,))
    model = Model([x, target], losses.huber(target, Dense(3, kernel_initializer="zeros")(x), delta=2.0))
    found = model.predict([np.ones((2, 3)), np.full((2, 3), 5.0)], verbose=0)
    assert found.tolist() == [2 * 5 - 2, 2 * 5 - 2]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_type_that_was_asked_for_is_that_of_the_result(dtype):
    single = losses.MeanSquaredError(dtype=dtype)([[1.0, 2.0]], [[1.0, 4.0]])
    each = losses.MeanSquaredError(dtype=dtype, reduction="none")([[1.0, 2.0]], [[1.0, 4.0]])
    assert single.dtype == each.dtype == dtype and single == 2.0


def test_functions_are_written_under_their_full_name():
    known = {losses.serialize(function)["config"] for function in (losses.mae, losses.mape, losses.kld, losses.bce)}
    wanted = {"mean_absolute_error", "mean_absolute_percentage_error", "kl_divergence", "binary_crossentropy"}
    assert known == wanted


class Squares(losses.Loss):
    """One loss for each number, as `call` may return them."""

    def call(self, y_true, y_pred):
        return (y_true - y_pred) ** 2


def test_losses_of_numbers_are_weighed_one_by_one():
    x, y = np.array([1.0, 9.0, 2.0, -5.0]), np.array([4.0, 8.0, -12.0, -5.0])
    weights = np.array([True, False, True, True])
    assert Squares()(y, x, weights) == (9 + 196) / 4
    assert Squares()(y.reshape(2, 2), x.reshape(2, 2), weights.reshape(2, 2)) == (9 + 196) / 4
    each = Squares(reduction="none")(y, x, [0.5, 1.0, 0.0, 1.0])
    assert each.tolist() == [4.5, 1.0, 0.0, 0.0]
    mean = Squares(reduction="mean_with_sample_weight")(y, x, [0.5, 1.0, 0.0, 0.5])
    assert mean == 5.5 / 2


class MeanSquares(losses.Loss):
    """One loss for each row."""

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize("loss", [losses.MeanSquaredError(), MeanSquares()])
def test_losses_of_rows_take_no_weights_of_numbers(loss):
    with pytest.raises(ShapeError, match="2 samples need"):
        loss(np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2)))


class Distances(losses.Loss):
    """The distances of two outputs together."""

    def call(self, y_true, y_pred):
        return sum(ops.sum(ops.abs(y_true[name] - y_pred[name]), axis=-1) for name in ("a", "b"))


def test_losses_of_dicts_are_reduced_as_others_are():
    targets = {"a": np.ones((2, 1)), "b": [[0.0], [5.0]]}
    outputs = {"a": np.zeros((2, 1)), "b": np.ones((2, 1))}
    assert Distances()(targets, outputs) == (2 + 5) / 2
    assert Distances()(targets, outputs, [1.0, 0.5]) == (2 + 2.5) / 2
    assert Distances(reduction="none")(targets, outputs, [1.0, 0.5]).tolist() == [2, 2.5]
    trace = Trace()
    traced = {name: trace.variable(value) for name, value in outputs.items()}
    slopes = trace.jacobians(Distances(reduction="sum")(targets, traced))
    assert [one.vjp(np.ones(())).ravel().tolist() for one in slopes] == [[-1, -1], [1, -1]]


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_metrics_see_targets_as_they_were_given(loss):
    model = Sequential([Input((1,)), Dense(1, kernel_initializer="zeros")])
    model.compile(loss=loss, metrics=["mae"])
    assert model.evaluate(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]), verbose=0, return_dict=True)["mae"] == 0.75


def test_traced_targets_and_predictions_belong_to_one_trace():
    one, other = Trace(), Trace()
    with pytest.raises(ShapeError, match="outside the call that it belongs to"):
        losses.MeanSquaredError()(other.variable(np.ones((2, 1))), one.variable(np.zeros((2, 1))))


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight", "none"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_loss_is_differentiated_with_respect_to_traced_weights_too(reduction, shape):
    draw = np.random.default_rng(0)
    targets, outputs, weights = draw.normal(size=(4, 3)), draw.normal(size=(4, 3)), draw.uniform(1, 2, shape)
    loss = losses.MeanSquaredError(reduction=reduction, dtype="float64")
    trace = Trace()
    value = loss(targets, trace.variable(outputs), trace.variable(weights))
    expected = loss(targets, outputs, weights)
    np.testing.assert_allclose(value.value, expected, rtol=1e-12)
    by_outputs, by_weights = trace.jacobians(value).vjp(np.ones(np.shape(expected)))
    numerical = numerical_gradient_of(lambda point: np.sum(loss(targets, outputs, point)), weights)
    np.testing.assert_allclose(by_weights, numerical, rtol=1e-6, atol=1e-9)
    numerical = numerical_gradient_of(lambda point: np.sum(loss(targets, point, weights)), outputs)
    np.testing.assert_allclose(by_outputs, numerical, rtol=1e-6, atol=1e-9)


def numerical_gradient_of(function, point, step=1e-5):
    """The derivative of a function of an array with respect to each of its numbers, by central differences."""
    steps = step * np.eye(point.size).reshape(-1, *point.shape)
    slopes = [function(point + one) - function(point - one) for one in steps]
    return np.reshape(slopes, point.shape) / (2 * step)


def test_traced_weights_of_another_shape_are_refused():
    trace = Trace()
    with pytest.raises(ShapeError, match="sample_weight"):
        losses.MeanSquaredError()(np.ones((2, 1)), trace.variable(np.ones((2, 1))), trace.variable(np.ones(3)))


class WeighedEndpoint(Layer):
    """Adds the weighed loss of what it is given, beside which its output is a probability."""

    def call(self, logits, targets=None, sample_weight=None):
        if targets is not None:
            self.add_loss(losses.BinaryCrossentropy(from_logits=True)(targets, logits, sample_weight))
        return ops.sigmoid(logits)


def test_weights_may_be_an_input_of_the_layer_that_adds_the_loss():
    x, y, weights = Input((2,)), Input((1,)), Input((1,))
    model = Model([x, y, weights], WeighedEndpoint()(Dense(1, kernel_initializer="zeros")(x), y, weights))
    model.compile("sgd")
    data = [np.ones((4, 2)), np.array([[0.0], [1.0], [1.0], [1.0]]), np.array([[2.0], [0.0], [0.0], [0.0]])]
    assert model.evaluate(data, verbose=0) == pytest.approx(2 * np.log(2) / 4, rel=1e-6)
    model.fit(data, verbose=0)
    assert model.get_weights()[0].ravel() == pytest.approx([-0.01 * 0.5 * 2 / 4] * 2)  # the rate, by the only row


def test_the_loss_of_traced_classes_is_that_of_plain_ones():
    classes, outputs = np.array([[0], [1]]), np.array([[0.1], [0.9]], np.float32)
    value, traced = (losses.BinaryCrossentropy()(one, outputs) for one in (classes, Trace().variable(classes)))
    assert traced == value and traced.dtype == value.dtype


def test_traced_weights_weigh_predictions_that_are_not_traced():
    trace, outputs = Trace(), np.array([[1.0], [3.0]])
    value = losses.MeanSquaredError()(np.zeros((2, 1)), outputs, trace.variable(np.array([1.0, 2.0])))
    assert value.value == 9.5
    assert trace.jacobians(value).vjp(np.ones(()))[0].tolist() == [0.5, 4.5]


class WholeBatch(losses.Loss):
    """One loss for all rows."""

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred))


@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size", "mean_with_sample_weight"])
def test_traced_weights_weigh_one_loss_of_a_whole_batch(reduction):
    loss, trace = WholeBatch(reduction=reduction), Trace()
    targets, outputs, weights = np.zeros((2, 1)), np.array([[1.0], [3.0]]), np.array([1.0, 2.0])
    value = loss(targets, trace.variable(outputs), trace.variable(weights))
    assert value.value == pytest.approx(loss(targets, outputs, weights))


def test_a_mean_by_traced_weights_that_are_all_zero_is_zero():
    trace = Trace()
    outputs, weights = trace.variable(np.ones((2, 1))), trace.variable(np.zeros(2))
    value = losses.MeanSquaredError(reduction="mean_with_sample_weight")(np.zeros((2, 1)), outputs, weights)
    assert value.value == 0
    assert all(np.isfinite(gradient).all() for gradient in trace.jacobians(value).vjp(np.ones(())))


def test_a_loss_that_counts_positive_rows_alone_takes_traced_weights():
    outputs = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
    labels, weights, trace = [0, 1, 0, 1], np.array([1, 2, 3, 1]), Trace()
    value = losses.Circle()(labels, trace.variable(outputs), trace.variable(weights))
    np.testing.assert_allclose(value.value, losses.Circle()(labels, outputs, weights), rtol=1e-6)


def test_a_loss_in_a_layer_of_16_bits_is_not_rounded_to_them():
    trace = Trace()
    trace.shown = np.dtype(np.float16)
    outputs = trace.variable(np.full((2, 1), 300, np.float32))
    assert losses.MeanSquaredError()(np.zeros((2, 1)), outputs).value == 90000  # beyond float16
