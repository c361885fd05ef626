"""How losses fit targets, predictions, weights and masks to one another, as Keras does."""

import numpy as np
import pytest

from nnlite import Input, Sequential, layers, losses, metrics, ops
from nnlite.errors import ShapeError

TARGETS, OUTPUTS = np.array([[1.0, 9, 2], [-5, -2, 6]], "float32"), np.array([[4.0, 8, 12], [8, 1, 3]], "float32")


class UnreducedSquares(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.square(y_true - y_pred)


class CarrierForLosses(layers.Layer):
    """Its inputs, with a mask."""

    def __init__(self, mask):
        super().__init__()
        self.own_mask, self.supports_masking = mask, True

    def call(self, inputs):
        return inputs

    def compute_mask(self, inputs, mask=None):
        return self.own_mask


@pytest.mark.parametrize("loss", ["mean_squared_error", "binary_crossentropy", "cosine_similarity"])
def test_outputs_lose_an_axis_that_targets_do_not_have(loss):
    function, targets, outputs = losses.get(loss), abs(TARGETS) / 10, OUTPUTS / 13
    np.testing.assert_array_equal(function(targets, outputs[..., None]), function(targets, outputs))


def test_fit_takes_targets_without_the_last_axis_of_one_unit():
    x = np.arange(24.0, dtype="float32").reshape(4, 3, 2)
    model = Sequential([Input((3, 2)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    without, with_axis = (model.evaluate(x, y, verbose=0) for y in (x[..., 0], x[..., :1]))
    assert without == with_axis > 0
    model.compile("sgd", "cosine_similarity")
    with pytest.raises(ShapeError, match="as the outputs"):
        model.evaluate(x, x[..., 0], verbose=0)


def test_functions_meet_as_many_axes_of_outputs_as_of_targets():
    def squares(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    targets, outputs = np.eye(3, dtype="float32"), np.arange(9.0, dtype="float32").reshape(3, 3, 1)
    model = Sequential([Input((3, 1)), layers.Activation("linear")])
    model.compile("sgd", squares)
    expected = ((targets - outputs[..., 0]) ** 2).mean()  # of nine differences, not of each number with a whole row
    assert model.evaluate(outputs, targets, verbose=0) == pytest.approx(expected)
    loss = losses.FunctionLoss(squares)
    assert loss.forward(targets, outputs) == pytest.approx(expected)
    np.testing.assert_allclose(loss.backward()[..., 0], 2 * (outputs[..., 0] - targets) / 9, rtol=1e-6)


@pytest.mark.parametrize("loss", ["mean_squared_error", "kl_divergence", "categorical_crossentropy"])
def test_outputs_get_the_axis_of_a_column_of_targets(loss):
    column, outputs = np.array([[1.0], [0.0], [1.0]], "float32"), np.array([0.2, 0.5, 0.7], "float32")
    rows = losses.get(loss)(column, outputs)
    np.testing.assert_array_equal(rows, losses.get(loss)(column, outputs[:, None]))
    assert rows.shape == (3,)


def test_a_mask_counts_where_targets_lack_the_last_axis():
    outputs = np.arange(6.0, dtype="float32").reshape(2, 3, 1)
    outputs = CarrierForLosses(np.array([[True, True, False], [True, False, False]]))(outputs)
    assert losses.MeanSquaredError()(np.zeros((2, 3)), outputs) == pytest.approx((0 + 1 + 9) / 3)


def test_masks_of_outputs_say_what_counts():
    outputs, weights = CarrierForLosses(np.array([True, False]))(OUTPUTS), [2.0, 3.0]
    rows = ((TARGETS - OUTPUTS) ** 2).mean(-1)
    assert losses.MeanSquaredError()(TARGETS, outputs) == pytest.approx(rows[0])
    assert losses.MeanSquaredError(reduction="sum")(TARGETS, outputs, weights) == pytest.approx(2 * rows[0])
    np.testing.assert_allclose(losses.MeanSquaredError(reduction=None)(TARGETS, outputs), [rows[0], 0])


def masked(values, mask):
    array = ops.convert_to_tensor(np.float32(values))
    array._keras_mask = ops.convert_to_tensor(mask)
    return array


def test_masks_set_on_arrays_say_what_counts():
    outputs = masked(OUTPUTS, [True, False])
    assert losses.MeanSquaredError()(TARGETS, outputs) == losses.MeanSquaredError()(TARGETS[:1], OUTPUTS[:1])
    assert metrics.MeanSquaredError()(TARGETS, outputs) == pytest.approx(((TARGETS - OUTPUTS)[0] ** 2).mean())
    column = masked(OUTPUTS, [[True], [False]])
    assert losses.MeanSquaredError()(TARGETS, column) == losses.MeanSquaredError()(TARGETS, outputs)
    outputs._keras_mask = None
    assert losses.MeanSquaredError()(TARGETS, outputs) == losses.MeanSquaredError()(TARGETS, OUTPUTS)


def test_the_numbers_of_a_single_row_may_be_masked():
    targets, outputs = np.float32([1, 0, 1, 0]), masked([0.1, 0.2, 0.3, 0.4], [True, False, True, True])
    loss = UnreducedSquares()
    assert loss(targets, outputs) == pytest.approx((0.81 + 0.49 + 0.16) / 3)
    loss = UnreducedSquares(reduction="none")
    np.testing.assert_allclose(loss(targets, outputs), [0.81, 0, 0.49, 0.16], rtol=1e-6)


def test_a_column_of_weights_weighs_single_numbers():
    weights = np.array([0.4, 0.3, 0.2])
    expected = (weights * (TARGETS[0] - OUTPUTS[0]) ** 2).mean()
    for shape in ((3,), (3, 1)):
        assert UnreducedSquares()(TARGETS[0], OUTPUTS[0], weights.reshape(shape)) == pytest.approx(expected)
    each = UnreducedSquares(reduction=None)(TARGETS, OUTPUTS, np.full((2, 3, 1), 2.0))
    np.testing.assert_allclose(each, 2 * (TARGETS - OUTPUTS) ** 2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_result_has_the_dtype_of_the_loss(dtype):
    result = losses.MeanSquaredError(dtype=dtype)(TARGETS, OUTPUTS)
    assert (str(result.dtype), float(result)) == (dtype, 49.5)


def test_positions_of_arguments_are_those_of_keras():
    assert (UnreducedSquares("mine", "sum").name, UnreducedSquares("mine", "sum").reduction) == ("mine", "sum")
    assert losses.MeanSquaredError("sum", "mine").name == losses.Loss("mine").name == "mine"

    class Named(UnreducedSquares):
        def __init__(self):
            super().__init__("inside", "sum")

    assert (Named().name, Named().reduction) == ("inside", "sum")


def test_a_loss_without_call_and_dicts_are_refused():
    with pytest.raises(NotImplementedError, match="must define call"):
        losses.Loss().call(TARGETS, OUTPUTS)
    with pytest.raises(ShapeError, match="one loss for each output"):
        losses.MeanSquaredError()({"a": TARGETS}, {"a": OUTPUTS})


def test_circle_computes_on_arrays_and_in_half_precision():
    unit = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], "float32")
    whole = losses.Circle(gamma=1.0, reduction=None)([0, 0, 1], unit)
    np.testing.assert_array_equal(losses.Circle(gamma=1.0).call(np.array([0, 0, 1]), unit), whole)
    half = losses.Circle(gamma=1.0, reduction=None)([0, 0, 1], unit.astype("float16"))
    np.testing.assert_allclose(half, whole, rtol=2e-3, atol=1e-3)
