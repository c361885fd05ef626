"""Weights of examples, of steps and of outputs: everywhere the same, and Keras's rule for what is divided by."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import Dense, Masking
from nnlite.losses import BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from nnlite.metrics import MeanAbsoluteError, SparseCategoricalAccuracy

generator = np.random.default_rng(3)
ROWS, STEPS = 6, 5
X, Y = generator.normal(size=(ROWS, STEPS, 3)), generator.normal(size=(ROWS, STEPS, 1))
OF_STEPS = generator.uniform(0, 2, size=(ROWS, STEPS)) * (np.arange(STEPS) < 3)
OF_ROWS = generator.uniform(0, 2, size=ROWS)
SHAPES = {
    "number": (2.0, np.full((ROWS, STEPS), 2.0)),
    "rows": (OF_ROWS, np.repeat(OF_ROWS[:, None], STEPS, 1)),
    "column": (OF_ROWS[:, None], np.repeat(OF_ROWS[:, None], STEPS, 1)),
    "steps": (OF_STEPS, OF_STEPS),
    "steps and an axis of one": (OF_STEPS[..., None], OF_STEPS),
    "one row of steps": (OF_STEPS[:1], np.repeat(OF_STEPS[:1], ROWS, 0)),
    "list": (OF_STEPS.tolist(), OF_STEPS),
    "flags": (OF_STEPS > 1, (OF_STEPS > 1).astype(float)),
}
EVERY_SHAPE = pytest.mark.parametrize(("weights", "full"), SHAPES.values(), ids=SHAPES)


def model(**compiled):
    network = Sequential([Input((STEPS, 3)), Dense(1)], seed=0, dtype="float64")
    network.compile({"SGD": {"learning_rate": 0.1}}, "mse", **compiled)
    return network


def squares(network, x=X, y=Y):
    return (network.predict(x, verbose=0) - y)[..., 0] ** 2


@EVERY_SHAPE
def test_a_loss_called_by_itself(weights, full):
    outputs = generator.normal(size=Y.shape)
    losses = ((outputs - Y) ** 2)[..., 0]
    assert MeanSquaredError()(Y, outputs, weights) == pytest.approx((full * losses).sum() / losses.size, rel=1e-12)
    assert MeanSquaredError(reduction="sum")(Y, outputs, weights) == pytest.approx((full * losses).sum(), rel=1e-12)
    mean = MeanSquaredError(reduction="mean_with_sample_weight")(Y, outputs, weights)
    assert mean == pytest.approx((full * losses).sum() / full.sum(), rel=1e-12)
    np.testing.assert_allclose(MeanSquaredError(reduction="none")(Y, outputs, weights), full * losses, rtol=1e-12)
    for loss in (MeanSquaredError(), MeanSquaredError(reduction="mean_with_sample_weight")):
        loss.forward(Y, outputs, weights)
        divisor = full.sum() if loss.reduction == "mean_with_sample_weight" else losses.size
        wanted = 2 * (outputs - Y) * full[..., None] / divisor
        np.testing.assert_allclose(loss.backward(), wanted, rtol=1e-12, atol=1e-15)


@EVERY_SHAPE
def test_every_method_of_a_model(weights, full):
    wanted = (full * squares(model())).sum() / full.size
    assert model().evaluate(X, Y, sample_weight=weights, verbose=0) == pytest.approx(wanted, rel=1e-12)
    assert model().test_on_batch(X, Y, weights) == pytest.approx(wanted, rel=1e-12)
    assert model().train_on_batch(X, Y, weights) == pytest.approx(wanted, rel=1e-12)
    history = model().fit(X, Y, sample_weight=weights, validation_data=(X, Y, weights), batch_size=ROWS, verbose=0)
    assert history.history["loss"] == pytest.approx([wanted], rel=1e-12)
    reference = model()
    reference.train_on_batch(X, Y, np.array(full))
    trained = model()
    trained.fit(iter([(X, Y, weights)]), verbose=0)
    np.testing.assert_array_equal(trained.get_weights()[0], reference.get_weights()[0])
    valid = (full * squares(reference)).sum() / full.size
    assert history.history["val_loss"] == pytest.approx([valid], rel=1e-12)


def test_weights_follow_their_rows_into_batches():
    apart = model()
    apart.fit(X, Y, sample_weight=OF_STEPS, batch_size=2, shuffle=False, verbose=0)
    joined = model()
    for start in range(0, ROWS, 2):
        rows = slice(start, start + 2)
        joined.train_on_batch(X[rows], Y[rows], OF_STEPS[rows])
    np.testing.assert_array_equal(apart.get_weights()[0], joined.get_weights()[0])
    model().fit(X, Y, sample_weight=OF_STEPS, batch_size=2, validation_split=0.5, verbose=0)


def test_masked_steps_count_neither_way():
    x = X * (np.arange(STEPS) < np.array([5, 3, 2, 4, 1, 5])[:, None])[..., None]
    network = Sequential([Input((STEPS, 3)), Masking(), Dense(1)], seed=0, dtype="float64")
    network.compile("sgd", "mse", weighted_metrics=["mae"])
    counted = (x != 0).any(-1)
    loss, error = network.evaluate(x, Y, sample_weight=OF_STEPS, verbose=0)
    errors = squares(network, x)
    assert loss == pytest.approx((OF_STEPS * errors)[counted].sum() / counted.sum(), rel=1e-12)  # Keras's `apply_mask`
    assert error == pytest.approx(np.average(np.sqrt(errors[counted]), weights=OF_STEPS[counted]), rel=1e-12)


def test_class_weights_multiply_weights_of_rows():
    network = Sequential([Input((3,)), Dense(2, "softmax")], seed=0, dtype="float64")
    network.compile("sgd", "sparse_categorical_crossentropy")
    x, y = X[:, 0], np.array([0, 1, 0, 1, 1, 0])
    by_class = np.where(y == 1, 3.0, 1.0)
    wanted = network.test_on_batch(x, y, OF_ROWS * by_class)
    assert network.train_on_batch(x, y, OF_ROWS[:, None], class_weight={1: 3.0}) == pytest.approx(wanted, rel=1e-12)


@EVERY_SHAPE
def test_weighted_metrics(weights, full):
    network = model(metrics=["mae"], weighted_metrics=[MeanAbsoluteError(name="weighted")])
    errors = np.sqrt(squares(network))
    _, plain, weighted = network.evaluate(X, Y, sample_weight=weights, verbose=0)
    assert plain == pytest.approx(errors.mean(), rel=1e-12)
    assert weighted == pytest.approx(np.average(errors, weights=full), rel=1e-12)


@EVERY_SHAPE
def test_a_metric_called_by_itself(weights, full):
    labels, scores = generator.integers(0, 4, (ROWS, STEPS)), generator.normal(size=(ROWS, STEPS, 4))
    hits = scores.argmax(-1) == labels
    assert SparseCategoricalAccuracy()(labels, scores, weights) == pytest.approx(np.average(hits, weights=full))
    error = MeanAbsoluteError()(np.zeros((ROWS, STEPS, 4)), scores, weights)
    assert error == pytest.approx(np.average(np.abs(scores).mean(-1), weights=full), rel=1e-12)


def test_losses_of_classes_for_each_step():
    labels, scores = generator.integers(0, 4, (ROWS, STEPS)), generator.normal(size=(ROWS, STEPS, 4))
    loss = SparseCategoricalCrossentropy(from_logits=True)
    each = SparseCategoricalCrossentropy(from_logits=True, reduction="none")(labels, scores)
    assert loss(labels, scores, OF_STEPS) == pytest.approx((each * OF_STEPS).mean(), rel=1e-12)
    bits = generator.integers(0, 2, scores.shape)
    each = BinaryCrossentropy(from_logits=True, reduction="none")(bits, scores)
    value = BinaryCrossentropy(from_logits=True)(bits, scores, OF_STEPS)
    assert value == pytest.approx((each * OF_STEPS).mean(), rel=1e-12)


def two_outputs(**compiled):
    inputs = Input((STEPS, 3))
    network = Model(inputs, [Dense(1, name="a")(inputs), Dense(1, name="b")(inputs)], seed=0)
    network.compile("sgd", "mse", **compiled)
    return network


@pytest.mark.parametrize("form", ["dict", "list", "tuple"])
def test_weights_of_each_output(form):
    network = two_outputs(weighted_metrics={"a": ["mae"], "b": ["mae"]})
    first, second = ((output - Y)[..., 0] for output in network.predict(X, verbose=0))
    weights = {"a": OF_STEPS, "b": OF_ROWS}
    given = weights if form == "dict" else [OF_STEPS, OF_ROWS] if form == "list" else (OF_STEPS, OF_ROWS)
    logs = network.evaluate(X, [Y, Y], sample_weight=given, verbose=0, return_dict=True)
    of_rows = np.repeat(OF_ROWS[:, None], STEPS, 1)
    losses = (OF_STEPS * first**2).mean(), (of_rows * second**2).mean()
    assert logs["loss"] == pytest.approx(sum(losses), rel=1e-5)
    assert (logs["a_loss"], logs["b_loss"]) == pytest.approx(losses, rel=1e-5)
    assert logs["a_mae"] == pytest.approx(np.average(np.abs(first), weights=OF_STEPS), rel=1e-5)
    assert logs["b_mae"] == pytest.approx(np.average(np.abs(second), weights=of_rows), rel=1e-5)
    history = network.fit(X, [Y, Y], sample_weight=given, batch_size=ROWS, verbose=0).history
    assert history["loss"] == pytest.approx([sum(losses)], rel=1e-5)


def test_an_output_without_weights():
    network = two_outputs()
    both = network.evaluate(X, [Y, Y], sample_weight={"a": OF_ROWS}, verbose=0)
    listed = network.evaluate(X, [Y, Y], sample_weight=[OF_ROWS, None], verbose=0)
    assert both == listed == network.evaluate(X, [Y, Y], sample_weight={"a": OF_ROWS, "b": np.ones(ROWS)}, verbose=0)
    for_all = network.evaluate(X, [Y, Y], sample_weight=OF_ROWS, verbose=0)
    assert for_all == network.evaluate(X, [Y, Y], sample_weight=[OF_ROWS, OF_ROWS], verbose=0)
    with pytest.raises(ConfigError, match="sample_weight names 'c'"):
        network.evaluate(X, [Y, Y], sample_weight={"a": OF_ROWS, "c": OF_ROWS}, verbose=0)


def test_weights_that_do_not_fit():
    for weights in (np.ones(ROWS + 1), np.ones(STEPS), np.ones((ROWS, STEPS + 1)), np.ones((ROWS, STEPS, 2))):
        with pytest.raises(ShapeError, match=r"sample_weight has shape .* 6 samples need \(6,\)"):
            model().fit(X, Y, sample_weight=weights, verbose=0)
    poisoned = OF_STEPS.copy()
    poisoned[2, 3] = np.nan
    with pytest.raises(DataError, match="finite"):
        model().fit(X, Y, sample_weight=poisoned, verbose=0)


def test_gradients_of_examples_heed_weights_of_steps():
    network = model()
    rows = network.per_example_gradients(X, Y, sample_weight=OF_STEPS)
    np.testing.assert_allclose(rows.mean(0), network.gradient(X, Y, sample_weight=OF_STEPS), rtol=1e-12)
