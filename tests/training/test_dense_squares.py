"""Squared errors of dense layers in a row: the plan of such a model against the general path, and what it leaves."""

import numpy as np
import pytest

from nnlite import Input, Sequential, kernels
from nnlite.kernels import DenseLayer, DenseRoom
from nnlite.kernels.reference.dense import LINEAR, MISH, RELU, SELU, SIGMOID, TANH
from nnlite.layers import Activation, BatchNormalization, Dense, Dropout, Normalization, Rescaling
from nnlite.training.full_batch import dense_squares, objective
from nnlite.training.full_batch.dense_squares import DenseSquares, HiddenSquares
from nnlite.training.full_batch.objective import WholeLoss

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(70, 3))
ONE, TWO = RANDOM.normal(size=(70, 1)), RANDOM.normal(size=(70, 2))
WEIGHTS = RANDOM.uniform(0.5, 2, 70)


def scaling():
    layer = Normalization(dtype="float64")
    layer.adapt(X)
    return layer


def model_of(*layers, loss="mse", dtype="float64", optimizer="LevenbergMarquardt"):
    model = Sequential([Input((3,)), *layers], seed=0, dtype=dtype)
    model.compile(optimizer, loss)
    return model


def mse(reduction):
    return {"MeanSquaredError": {"reduction": reduction}}


L2 = {"L2": {"l2": 0.01}}
PLANNED = {
    "one unit": ((Dense(5, "tanh"), Dense(1)), "mse", ONE, None),
    "two units": ((Dense(5, "tanh"), Dense(2)), "mse", TWO, None),
    "weights": ((Dense(5, "sigmoid"), Dense(4, "selu"), Dense(2)), "mse", TWO, WEIGHTS),
    "sum": ((Dense(5, "relu"), Dense(1, "tanh")), mse("sum"), ONE, WEIGHTS),
    "by weight": ((Dense(5, "mish"), Dense(1)), mse("mean_with_sample_weight"), ONE, WEIGHTS),
    "no bias": ((Dense(5, use_bias=False), Activation("tanh"), Dense(2, use_bias=False)), "mse", TWO, WEIGHTS),
    "linear": ((Dense(1),), "mse", ONE, None),
    "scaled rows": ((scaling(), Rescaling(0.5), Dense(4, "tanh"), Dense(1)), "mse", ONE, None),
    "penalized": ((Dense(4, "tanh", kernel_regularizer=L2), Dense(1)), "mse", ONE, WEIGHTS),
    "two hidden": ((Dense(4, "mish"), Dense(3, "relu"), Dense(1)), "mse", ONE, WEIGHTS),
    "linear hidden": ((Dense(4), Dense(2)), "mse", TWO, None),
    "relu": ((Dense(4, "relu"), Dense(2)), mse("sum"), TWO, WEIGHTS),
    "selu": ((Dense(4, "selu", use_bias=False), Dense(2)), "mse", TWO, WEIGHTS),
    "sigmoid": ((Dense(4, "sigmoid"), Dense(2, use_bias=False)), "mse", TWO, None),
}
# One hidden layer and a linear one: the Jacobians of the outputs are made once.
HIDDEN = set(PLANNED) - {"weights", "sum", "linear", "two hidden"}


@pytest.mark.parametrize("rows", [1024, 16])
@pytest.mark.parametrize("name", PLANNED)
def test_planned_steps_are_those_of_the_general_path(name, rows, monkeypatch):
    monkeypatch.setattr(objective, "PIECE_ROWS", rows)
    layers, loss, y, weights = PLANNED[name]
    model = model_of(*layers, loss=loss)
    arrays = model.trainer.read_batch(X, y, weights)
    steps = model.trainer.ready_steps()
    planned, general = dense_squares.whole_loss(steps, arrays, steps.dense), WholeLoss(steps, arrays)
    assert type(planned) is (HiddenSquares if name in HIDDEN else DenseSquares)
    for shift in (0.0, 0.1, 0.1):
        point = general.point + shift
        expected = general.gauss_newton(point)
        found = planned.gauss_newton(point)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)
        assert planned.value(point) == pytest.approx(general.value(point), rel=1e-13)
        assert planned.residuals == general.residuals
        np.testing.assert_allclose(planned.all_outputs()[0], general.all_outputs()[0], rtol=1e-13, atol=1e-14)
    elsewhere = planned.value(point + 1.0)
    assert planned.value(point) != elsewhere == pytest.approx(general.value(point + 1.0), rel=1e-13)
    np.testing.assert_allclose(planned.gradient(point)[1], expected[1], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("optimizer", ["LevenbergMarquardt", "BayesianRegularization", "GaussNewton"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_whole_trainings_agree(optimizer, dtype, monkeypatch):
    def history():
        model = model_of(Dense(4, "tanh"), Dense(1), optimizer=optimizer, dtype=dtype)
        logs = model.fit(X, ONE, epochs=8, verbose=0).history
        return logs, model.predict(X, verbose=0)

    planned = history()
    monkeypatch.setattr(dense_squares, "_takes", lambda *_: False)
    general = history()
    assert planned[0].keys() == general[0].keys()
    for name, values in general[0].items():
        np.testing.assert_allclose(planned[0][name], values, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(planned[1], general[1], rtol=1e-5)


GENERAL = {
    "another loss": ((Dense(4, "tanh"), Dense(1)), "huber", ONE),
    "another activation": ((Dense(4, "gelu"), Dense(1)), "mse", ONE),
    "moments of the batch": ((Dense(4), BatchNormalization(), Dense(1)), "mse", ONE),
    "factors": ((Dense(4, parametrization="ntk"), Dense(1)), "mse", ONE),
}


@pytest.mark.parametrize("name", GENERAL)
def test_what_the_plan_does_not_know_goes_the_general_way(name):
    layers, loss, y = GENERAL[name]
    model = model_of(*layers, loss=loss, optimizer="GaussNewton")
    arrays = model.trainer.read_batch(X, y)
    steps = model.trainer.ready_steps()
    assert type(dense_squares.whole_loss(steps, arrays, steps.dense)) is WholeLoss


def test_rows_that_take_too_much_memory_go_the_general_way(monkeypatch):
    model = model_of(Dense(4, "tanh"), Dense(1))
    arrays = model.trainer.read_batch(X, ONE)
    steps = model.trainer.ready_steps()
    monkeypatch.setattr(dense_squares, "KEPT_BYTES", 70 * 8 * 18 - 1)
    assert type(dense_squares.whole_loss(steps, arrays, steps.dense)) is WholeLoss
    monkeypatch.setattr(dense_squares, "KEPT_BYTES", 70 * 8 * 18)
    assert type(dense_squares.whole_loss(steps, arrays, steps.dense)) is HiddenSquares


def test_chance_in_dense_layers_is_still_refused():
    model = model_of(Dense(4, "tanh"), Dropout(0.5), Dense(1))
    with pytest.raises(Exception, match="draws at random"):
        model.fit(X, ONE, epochs=1, verbose=0)


def test_the_objective_stays_from_iteration_to_iteration(monkeypatch):
    made = []
    monkeypatch.setattr(dense_squares, "HiddenSquares", lambda *arrays: made.append(HiddenSquares(*arrays)) or made[-1])
    model = model_of(Dense(4, "tanh"), Dense(1))
    model.fit(X, ONE, epochs=5, verbose=0)
    assert len(made) == 1
    outputs = made[0].all_outputs()[0]
    made[0].value(made[0].point + 1)
    np.testing.assert_allclose(outputs, model.predict(X, verbose=0), rtol=1e-12, atol=1e-14)  # a copy


@pytest.mark.parametrize("activation", [LINEAR, RELU, SIGMOID, TANH, SELU, MISH])
@pytest.mark.parametrize("bias", [True, False])
def test_the_jacobian_of_a_room_is_its_gradients_row_by_row(activation, bias):
    layers = [DenseLayer(3, 4, bias, activation), DenseLayer(4, 2, bias, activation)]
    size = sum((layer.features + bias) * layer.units for layer in layers)
    values, gradients, seed = RANDOM.normal(size=size), np.zeros(size), RANDOM.normal(size=(6, 2))
    room, out = DenseRoom(layers, 6, values, gradients), np.empty((size, 6))
    outputs = kernels.dense_forward(room, X[:6]).copy()
    kernels.dense_jacobian(room, seed, out)
    for row in range(6):
        kernels.dense_forward(room, None)
        kernels.dense_backward(room, seed * (np.arange(6) == row)[:, None])
        np.testing.assert_allclose(out[:, row], gradients, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(kernels.dense_forward(room, None), outputs)


def test_compiled_kernels_change_nothing():
    pytest.importorskip("numba")
    histories = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        try:
            model = model_of(Dense(5, "tanh"), Dense(1))
            histories.append(model.fit(X, ONE, epochs=10, verbose=0).history["loss"])
        finally:
            kernels.use("auto")
    assert histories[0] == histories[1]


@pytest.mark.parametrize("optimizer", ["LevenbergMarquardt", "GaussNewton", "LBFGS", "NewtonCG"])
def test_metrics_are_those_of_the_weights_after_the_iteration(optimizer):
    model = Sequential([Input((3,)), Dense(5, "tanh"), Dense(1)], seed=0, dtype="float64")
    model.compile(optimizer, "mse", metrics=["mae"])
    for epochs in (1, 2, 5):
        history = model.fit(X, ONE, epochs=epochs, verbose=0).history
        assert [history["loss"][-1], history["mae"][-1]] == pytest.approx(model.evaluate(X, ONE, verbose=0), rel=1e-9)
