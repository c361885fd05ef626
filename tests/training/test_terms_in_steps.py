"""What the losses of a layer, and targets that another network computes, add to the gradients of a user's step."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, losses, ops
from nnlite.errors import ShapeError
from nnlite.layers import Dense, Layer

X = np.random.default_rng(3).normal(size=(6, 3))
Y = X.sum(axis=1, keepdims=True)
STEP = 1e-6


class Adds(Layer):
    """The identity, which adds the mean square of what it sees to the loss."""

    def call(self, x):
        self.add_loss(ops.mean(ops.square(x)))
        return x


class Two(Model):
    """Two networks and a step whose loss is a function of this model and its data; nothing is learned."""

    def __init__(self, loss, end=None):
        super().__init__(seed=1, dtype="float64")
        self.one = Dense(3, activity_regularizer="l1", kernel_regularizer="l2")
        self.adds, self.two = Adds(), Dense(3, activation=end)
        self.last, self.loss_of = Dense(3, activation=end), loss

    def call(self, x):
        return self.last(self.adds(self.one(x))) + 0.0 * self.two(x)

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        loss = self.loss_of(self, x, y)
        loss.backward()
        self.found = [0.0 if weight.gradient is None else weight.gradient.copy() for weight in self.trainable_weights]
        self.value = float(loss)
        return {"loss": self.value}


def gradients(loss, end=None):
    """The gradients that the step finds, and those by central differences of its loss."""
    model = Two(loss, end)
    model(X)
    model.compile("sgd")
    model.train_on_batch(X, Y)
    found, expected = model.found, []
    for weight in model.trainable_weights:
        slopes = np.empty_like(weight.value)
        for index in np.ndindex(slopes.shape):
            ends, kept = [], weight.value[index]
            for step in (STEP, -STEP):
                weight.value[index] = kept + step
                model.train_on_batch(X, Y)
                ends.append(model.value)
            weight.value[index] = kept
            slopes[index] = (ends[0] - ends[1]) / (2 * STEP)
        expected.append(slopes)
    return found, expected


def agree(loss, end=None):
    for mine, theirs in zip(*gradients(loss, end), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)


def test_losses_of_the_model_are_differentiated_with_the_factor_that_the_step_gives_them():
    agree(lambda model, x, y: ops.mean(model(x, training=True) - y) + 0.3 * sum(model.losses))


def test_losses_alone_may_be_the_loss_and_are_summed_by_ops():
    def alone(model, x, y):
        model(x, training=True)
        assert len(model.losses) == 3  # of the activity, of the weights, and the one that is added
        return ops.sum(model.losses)

    agree(alone)


def test_losses_of_a_layer_are_its_own():
    def of_one(model, x, y):
        model.adds(model.one(x))
        return ops.sum(ops.stack([*model.one.losses, *model.adds.losses])) * 2.0 + 0.0 * ops.sum(model.losses)

    agree(of_one)


def test_what_the_step_leaves_out_has_no_part_in_the_gradients():
    def without(model, x, y):
        outputs = model(x, training=True)
        assert len(model.losses) == 3
        return ops.mean(outputs * outputs)

    agree(without)


@pytest.mark.parametrize(
    "name",
    ["MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh", "KLDivergence", "CategoricalCrossentropy", "Poisson",
     "CosineSimilarity", "BinaryCrossentropy", "MeanSquaredLogarithmicError"],
)  # fmt: skip
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
def test_targets_that_depend_on_weights_are_differentiated_too(name, reduction):
    measure = getattr(losses, name)(reduction=reduction)
    weights = np.linspace(0.5, 2.0, len(X))
    agree(lambda model, x, y: ops.sum(measure(model.two(x), model.last(x), weights)), "softmax")


def test_targets_may_depend_on_weights_where_predictions_do_not():
    agree(lambda model, x, y: losses.KLDivergence()(model.two(x), np.full((6, 3), 0.25)), "softmax")


def test_targets_of_another_shape_are_no_targets_to_learn():
    with pytest.raises(ShapeError, match=r"reshape them, or detach them by ops.stop_gradient"):
        gradients(lambda model, x, y: losses.MeanSquaredError()(model.two(x)[:, 0], model.last(x)[:, :1]))


def test_a_list_of_values_keeps_their_derivatives():
    agree(lambda model, x, y: ops.max([ops.mean(model.last(x)), 0.1 * ops.sum(model.two(x) ** 2), -9.0]))


def test_losses_after_fit_and_evaluate_are_those_of_the_last_batch():
    model = Sequential([Input((3,)), Adds(), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert model.losses == pytest.approx([np.mean(X[4:] ** 2)])
    model.evaluate(X, Y, batch_size=5, verbose=0)
    assert model.losses == pytest.approx([np.mean(X[5:] ** 2)])
