"""Derivatives of models whose layers say which steps count: those of the loss that training computes."""

import numpy as np
import pytest
from numeric import EXACT, NEAR, complex_step, relative_error

from nnlite import Input, Model, Sequential, ops
from nnlite.derivatives.parameters import parameter_vector
from nnlite.layers import GRU, LSTM, Dense, Embedding, Masking
from nnlite.losses import Loss

generator = np.random.default_rng(61)
WORDS = np.array([[3, 1, 2, 0], [4, 0, 0, 0], [1, 2, 5, 3]])
SERIES = generator.normal(size=(3, 4, 2)) * (WORDS > 0)[..., None]
CLASSES, NUMBERS, WEIGHTS = generator.integers(3, size=(3, 4)), generator.normal(size=(3, 4, 2)), np.array([0.5, 1, 2])


pytestmark = pytest.mark.usefixtures("double_precision")


def words(loss="sparse_categorical_crossentropy"):
    layers = [Embedding(6, 2, mask_zero=True), LSTM(3, return_sequences=True), Dense(3, activation="softmax")]
    return compiled(Sequential([Input((4,)), *layers], seed=0), loss), WORDS, CLASSES


def series(loss="mse"):
    layers = [Masking(), GRU(3, return_sequences=True), Dense(2)]
    return compiled(Sequential([Input((4, 2)), *layers], seed=0), loss), SERIES, NUMBERS


def two_outputs():
    hidden = LSTM(3, return_sequences=True)(Masking()(entry := Input((4, 2))))
    outputs = [Dense(2, name="numbers")(hidden), Dense(3, activation="softmax", name="kinds")(hidden)]
    return (
        compiled(Model(entry, outputs, seed=0), ["mse", "sparse_categorical_crossentropy"]),
        SERIES,
        [NUMBERS, CLASSES],
    )


def compiled(model, loss):
    model.compile("sgd", loss)
    for parameter in model.parameters:
        parameter.assign(generator.normal(size=parameter.shape) * 0.5)
    return model


nets = pytest.mark.parametrize("make", [words, series, two_outputs], ids=lambda make: make.__name__)
single = pytest.mark.parametrize("make", [words, series], ids=lambda make: make.__name__)


@nets
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_the_gradient_is_that_of_a_training_step(make, weights):
    model, x, y = make()
    found = model.gradient(x, y, weights)
    model.train_step(x, y, weights)
    expected = np.concatenate([own.gradient.ravel() for own in model.trainable_weights])
    assert relative_error(found, expected) <= EXACT


@nets
def test_hvp_is_the_derivative_of_the_gradient(make):
    model, x, y = make()
    start = model.get_weights()
    v = generator.normal(size=model.gradient(x, y).size)
    change, expected = parameter_vector(model).split(v), 0
    for count, weight in {-2: 1, -1: -8, 1: 8, 2: -1}.items():
        model.set_weights([own + count * 1e-4 * part for own, part in zip(start, change, strict=True)])
        expected = expected + weight * model.gradient(x, y) / 12e-4
    model.set_weights(start)
    assert relative_error(model.hvp(x, y, v), expected) <= NEAR


@nets
def test_the_gauss_newton_product_leaves_the_same_steps_out(make):
    """With one linear layer free, Gauss-Newton is the Hessian, for it has no curvature of its own."""
    model, x, y = make()
    for layer in model.layers:
        layer.trainable = isinstance(layer, Dense)
    v = generator.normal(size=model.gradient(x, y, WEIGHTS).size)
    assert relative_error(model.ggn_vp(x, y, v, WEIGHTS), model.hvp(x, y, v, WEIGHTS)) <= EXACT


@single
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_per_example_gradients_are_those_of_one_row_at_a_time(make, reduction):
    name = {words: "SparseCategoricalCrossentropy", series: "MeanSquaredError"}[make]
    model, x, y = make({name: {"reduction": reduction}})
    alone = [model.gradient(x[row : row + 1], y[row : row + 1], WEIGHTS[row : row + 1]) for row in range(3)]
    assert relative_error(model.per_example_gradients(x, y, WEIGHTS), np.stack(alone)) <= EXACT


def test_an_explanation_is_of_the_loss_that_training_computes():
    model, x, y = words()
    for row in range(3):
        found = model.explain(x, y, row=row)
        assert found.value == pytest.approx(model.evaluate(x[row : row + 1], y[row : row + 1], verbose=0), rel=1e-12)
        gradients = model.per_example_gradients(x, y, flat=False)
        norms = [np.linalg.norm(own[row]) for own in gradients.values()]
        np.testing.assert_allclose(list(found.gradients.values()), norms, rtol=1e-12)


class Quartic(Loss):
    """A loss that writes `call` alone, and states no Hessian."""

    def call(self, y_true, y_pred):
        return ops.mean((y_pred - y_true) ** 4, axis=-1)


def test_the_gauss_newton_product_of_a_loss_that_states_no_hessian():
    model, x, y = series(Quartic())
    model.layers[1].trainable = False
    v = generator.normal(size=model.gradient(x, y).size)
    assert relative_error(model.ggn_vp(x, y, v), model.hvp(x, y, v)) <= EXACT


def test_output_hessian_of_a_masked_loss_by_complex_step():
    model, x, y = words()
    steps = model.trainer.ready_steps()
    outputs, jacobians = steps.chain.linearize(x, *model.values)
    for loss in (steps.loss, type(steps.loss)(from_logits=True, reduction="mean_with_sample_weight")):
        curvature = loss.curvature(y, outputs, WEIGHTS, jacobians.mask).todense()

        def gradient(point, loss=loss):
            return loss.linearize(y, point, WEIGHTS, jacobians.mask)[1].gradients

        assert relative_error(curvature, complex_step(gradient, [outputs])) <= EXACT
