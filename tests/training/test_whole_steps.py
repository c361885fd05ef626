"""Whole steps in one call of compiled code: the numbers of steps one by one, and only where nobody can tell."""

import copy
import signal
import warnings

import numpy as np
import pytest
from dense_trainings import BATCH, CLASSES, FEATURES, ROWS, SHARED, WEIGHTS, Halved, OwnError, OwnSGD, X, Y

from nnlite import Input, Sequential, kernels
from nnlite.callbacks import Checkpoints, LambdaCallback
from nnlite.errors import DivergenceError
from nnlite.estimators.mlp.objectives import HalfSquaredError, SummedBinaryCrossentropy
from nnlite.layers import (
    BatchNormalization,
    CategoryEmbedding,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Normalization,
    PeriodicEmbedding,
    Rescaling,
    Scale,
)
from nnlite.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nnlite.losses.forms import scaled
from nnlite.metrics import BinaryAccuracy, MeanMetricWrapper, R2Score
from nnlite.optimizers import SGD, Adam, AdamW, Lion, RMSprop
from nnlite.optimizers.base.slots import FLUSH_PERIOD
from nnlite.schedules import ExponentialDecay
from nnlite.threads import thread_counts
from nnlite.training.joint import dense_steps

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("choice_restored")


def net(layers=None, optimizer=None, loss="mse", metrics=None, dtype="float64", shape=(FEATURES,), **options):
    layers = copy.deepcopy(layers or [Dense(8, "relu"), Dense(7, "tanh"), Dense(3)])
    for layer in layers:
        layer.dtype = dtype
    model = Sequential([Input(shape), *layers], seed=3)
    model.compile(copy.deepcopy(optimizer or Adam(0.01)), copy.deepcopy(loss), metrics)
    return model


def trained(choice, y=Y, x=X, dtype="float64", fit=None, **options):
    """History and weights of a training with these kernels."""
    kernels.use(choice)
    model = net(dtype=dtype, **options)
    given = {"batch_size": BATCH, "epochs": 3, "verbose": 0, **(fit or {})}
    history = model.fit(x.astype(dtype), y, **given).history
    return history, model.get_weights(), model


def compare(one, other, tolerance):
    (history, weights, _), (other_history, other_weights, _) = one, other
    assert list(history) == list(other_history)
    for name in history:
        np.testing.assert_allclose(history[name], other_history[name], rtol=tolerance, atol=tolerance, err_msg=name)
    for array, expected in zip(weights, other_weights, strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=tolerance)


STANDARDIZED = Normalization()
STANDARDIZED.adapt(3 * X + 1)
# name: arguments of `trained`
WHOLE = {
    **SHARED,
    "a quarter of a loss": {"loss": scaled(MeanSquaredError(), 0.25), "optimizer": SGD(0.01)},
    "one layer": {"layers": [Dense(3)]},
    "one layer without bias": {"layers": [Dense(3, use_bias=False)]},
    "without bias": {"layers": [Dense(8, "relu", use_bias=False), Dense(3, use_bias=False)]},
    "few units": {"layers": [Dense(1, "relu"), Dense(3)]},
    "penalties": {"layers": [Dense(8, "relu", kernel_regularizer={"l1_l2": {"l1": 0.01, "l2": 0.02}}), Dense(3)]},
    "penalties of the last": {"layers": [Dense(8), Dense(3, kernel_regularizer="l2", bias_regularizer="l1")]},
    "metrics": {"metrics": ["mae", "mse", "root_mean_squared_error", "log_cosh_error"]},
    "momentum": {"optimizer": SGD(0.01, momentum=0.9)},
    "nesterov": {"optimizer": SGD(0.01, momentum=0.9, nesterov=True)},
    "decay": {"optimizer": AdamW(0.01, weight_decay=0.1)},
    "decay of some": {
        "layers": [Dense(8, "relu", name="first"), Dense(7, "tanh"), Dense(3)],
        "optimizer": AdamW(
            0.01, weight_decay=0.1, exclude_from_weight_decay=["bias"], learning_rate_multipliers={"first/*": 2.0}
        ),
    },
    "rmsprop": {"optimizer": RMSprop(0.01)},
    "rmsprop with momentum": {"optimizer": RMSprop(0.01, momentum=0.5)},
    "schedule": {"optimizer": Adam(ExponentialDecay(0.01, 5, 0.9))},
    "in order": {"fit": {"shuffle": False}},
    "some steps": {"fit": {"steps_per_epoch": 4}},
    "factors": {"layers": [Dense(8, "relu", parametrization="ntk"), Dense(3, use_bias=False, parametrization="ntk")]},
    "factors and dropout": {"layers": [Dense(8, "selu", parametrization="ntk"), Dropout(0.3), Dense(3)]},
    "scheduled and constant dropout": {
        "layers": [Dense(8, "selu"), Dropout(Halved()), Dense(7, "mish"), Dropout(0.3), Dense(6, "selu"), Dense(3)]
    },
    "learned factors": {"layers": [Scale(), Dense(8, "mish"), Dropout(Halved()), Dense(3)]},
    "standardized": {"layers": [STANDARDIZED, Dense(8, "relu"), Dense(3)]},
    "half, summed": {"loss": HalfSquaredError(), "optimizer": SGD(0.001)},
    "summed classes": {"loss": SummedBinaryCrossentropy(), "y": (Y > 0).astype(float)},
    "validated": {"fit": {"validation_split": 0.25}},
    "smoothed": {
        "layers": [Dense(1)],
        "loss": BinaryCrossentropy(label_smoothing=0.1, from_logits=True),
        "y": CLASSES > 0,
    },
    "one-hot": {"loss": CategoricalCrossentropy(from_logits=True), "y": np.eye(3)[CLASSES], "metrics": ["accuracy"]},
    "smoothed one-hot": {
        "layers": [Dense(8, "relu"), Dense(3, "softmax")],
        "loss": CategoricalCrossentropy(label_smoothing=0.2),
        "y": np.eye(3)[CLASSES],
        "fit": {"sample_weight": WEIGHTS},
    },
    "shares of any sum": {"loss": CategoricalCrossentropy(from_logits=True), "y": np.minimum(abs(Y) / 4, 1)},
    "clipped by norm": {"optimizer": Adam(0.01, clipnorm=0.1)},
    "clipped by value": {"optimizer": SGD(0.1, momentum=0.5, clipvalue=0.02)},
    "clipped globally": {"optimizer": SGD(0.1, global_clipnorm=0.3)},
    "averaged": {"optimizer": Adam(0.01, use_ema=True, ema_momentum=0.8)},
    "averaged now and then": {"optimizer": Adam(0.01, use_ema=True, ema_overwrite_frequency=4)},
    "all of these": {
        "optimizer": AdamW(
            0.01,
            weight_decay=0.1,
            use_ema=True,
            ema_overwrite_frequency=3,
            clipnorm=0.05,
            gradient_accumulation_steps=2,
        )
    },
}
MEMBERS = {
    "plain": {"layers": [Dense(8, "relu", members=3), Dense(3, members=3)]},
    "one layer": {"layers": [Dense(3, members=3, use_bias=False)]},
    "dropout": {
        "layers": [Dense(8, "selu", members=3), Dropout(0.3), Dense(7, members=3), Dropout(0.5), Dense(3, members=3)]
    },
    "scheduled dropout": {"layers": [Dense(8, "mish", members=3), Dropout(Halved()), Dense(3, members=3)]},
    "learned factors": {
        "layers": [
            Scale(members=3),
            Dense(8, "mish", members=3, parametrization="ntk"),
            Dense(3, members=3, parametrization="ntk"),
        ]
    },
    "penalties": {
        "layers": [Dense(8, members=3, kernel_regularizer="l2"), Dense(3, members=3, bias_regularizer="l1")],
    },
    "weights": {"fit": {"sample_weight": WEIGHTS}},
    "mean of weights": {
        "loss": MeanSquaredError(reduction="mean_with_sample_weight"),
        "fit": {"sample_weight": WEIGHTS},
    },
    "sum": {"loss": MeanSquaredError(reduction="sum"), "optimizer": SGD(0.001)},
    "a quarter of a loss": {"loss": scaled(MeanSquaredError(), 0.25), "optimizer": SGD(0.01)},
    "classes": {"loss": SparseCategoricalCrossentropy(from_logits=True), "y": CLASSES, "metrics": ["accuracy"]},
    "binary": {
        "layers": [Dense(8, "relu", members=3), Dense(1, "sigmoid", members=3)],
        "loss": "binary_crossentropy",
        "y": CLASSES > 0,
        "metrics": ["accuracy"],
    },
    "all rows": {"fit": {"folds": "all", "validation_split": 0.2}},
    "uneven": {"fit": {"folds": [(range(30), range(30, 77)), (range(70), range(70, 77)), (range(5, 77), range(5))]}},
    "in order": {"fit": {"shuffle": False, "steps_per_epoch": 4}},
    "multipliers": {"optimizer": AdamW(0.01, learning_rate_multipliers={"*bias": 0.1})},
}
# what is trained step by step
SINGLE = {
    "a loss of one's own": {"loss": OwnError()},
    "another loss": {"loss": MeanAbsoluteError()},
    "ignored class": {"loss": SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), "y": CLASSES},
    "an optimizer of one's own": {"optimizer": OwnSGD(0.01)},
    "another optimizer": {"optimizer": Lion(0.001)},
    "amsgrad": {"optimizer": Adam(0.01, amsgrad=True)},
    "a function as rate": {"optimizer": Adam(lambda: 0.01)},
    "noise": {"layers": [GaussianNoise(0.1), Dense(8), Dense(3)]},
    "normalized": {"layers": [Dense(8), BatchNormalization(), Dense(3)]},
    "constrained": {"layers": [Dense(8, kernel_constraint="non_neg"), Dense(3)]},
    "activity": {"layers": [Dense(8, activity_regularizer="l2"), Dense(3)]},
    "orthogonal": {"layers": [Dense(8, kernel_regularizer="orthogonal_regularizer"), Dense(3)]},
    "frozen": {"layers": [Dense(8, trainable=False), Dense(3)]},
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_are_those_of_single_steps(name, dtype, step_calls):
    tolerance = 1e-10 if dtype == "float64" else 2e-5
    expected = trained("numpy", dtype=dtype, **WHOLE[name])
    assert not step_calls
    found = trained("numba", dtype=dtype, **WHOLE[name])
    compare(found, expected, tolerance)
    assert sum(step_calls) == found[2].optimizer.batches
    assert len(step_calls) < sum(step_calls)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_of_members_are_those_of_single_steps(name, dtype, step_calls):
    tolerance = 1e-10 if dtype == "float64" else 2e-5
    options = {"layers": MEMBERS["plain"]["layers"], "shape": (3, FEATURES), **MEMBERS[name]}
    options["fit"] = {"folds": 3, **options.get("fit", {})}
    expected = trained("numpy", dtype=dtype, **options)
    assert not step_calls
    found = trained("numba", dtype=dtype, **options)
    compare(found, expected, tolerance)
    assert sum(step_calls) == found[2].optimizer.batches
    assert len(step_calls) < sum(step_calls)


NTK = {"parametrization": "ntk"}
FRONTS = {
    "categories": [CategoryEmbedding({1: 4, 4: 3}, 2, members=3), Dense(3, members=3)],
    "waves": [
        PeriodicEmbedding(4, output_dim=2, columns=[0, 5], members=3),
        Scale(members=3),
        Dense(8, "mish", members=3, **NTK),
        Dropout(0.2),
        Dense(3, members=3, **NTK),
    ],
    "one network": [CategoryEmbedding({1: 4, 4: 3}, 2), Dense(8, "selu", **NTK), Dropout(0.2), Dense(3, **NTK)],
    "scaled after": [Rescaling(0.5), PeriodicEmbedding(4, output_dim=2), Rescaling(2.0), Scale(), Dense(3)],
}
UPDATES = {
    "decay": AdamW(0.01, weight_decay=0.1),
    "rates by parameter": AdamW(
        0.01, weight_decay=0.1, exclude_from_weight_decay=["*bias"], learning_rate_multipliers={"*kernel": 0.5}
    ),
    "clipped globally": WHOLE["clipped globally"]["optimizer"],
    "all of these": WHOLE["all of these"]["optimizer"],
}


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_that_learn_before_the_dense_ones_learn_the_same(name, dtype, update, step_calls):
    layers, x = FRONTS[name], X.copy()
    x[:, 1], x[:, 4] = CLASSES, CLASSES % 3
    members = any(layer.member_count for layer in layers)
    options = {"layers": layers, "x": x, "dtype": dtype, "optimizer": UPDATES[update]}
    if members:
        options |= {"shape": (3, FEATURES), "fit": {"folds": 3}}
    expected = trained("numpy", **options)
    assert not step_calls
    found = trained("numba", **options)
    compare(found, expected, 1e-10 if dtype == "float64" else 2e-5)
    assert step_calls == [1] * found[2].optimizer.batches


def test_members_trained_on_rows_of_their_own_are_trained_step_by_step(step_calls):
    x, y = (np.stack([array, -array, 2 * array], axis=1) for array in (X, Y))
    options = {"layers": MEMBERS["plain"]["layers"], "shape": (3, FEATURES), "x": x, "y": y}
    compare(trained("numba", **options), trained("numpy", **options), 1e-10)
    assert not step_calls


@pytest.mark.parametrize("name", SINGLE)
def test_what_compiled_code_does_not_know_is_trained_step_by_step(name, step_calls):
    compare(trained("numba", **SINGLE[name]), trained("numpy", **SINGLE[name]), 1e-10)
    assert not step_calls


@pytest.mark.parametrize("layers", [[Dense(4, "relu"), Dense(3)], [Dense(4, "relu"), Dropout(0.5), Dense(3)]])
def test_wide_inputs_are_joined(layers, step_calls):
    options = {"layers": layers, "x": np.random.default_rng(2).standard_normal((ROWS, 50)), "shape": (50,)}
    compare(trained("numba", **options), trained("numpy", **options), 1e-10)
    assert step_calls


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [64, 61])
def test_products_in_pieces_are_those_of_the_whole(batch, dtype, step_calls):
    """Inputs, hidden layers and gradients that are large enough for it, and a last batch of other rows."""
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((150, 784)) / 10, generator.standard_normal((150, 3))
    layers = [Dense(64, "relu"), Dense(256, "tanh"), Dense(256, "relu"), Dense(3)]
    options = {"layers": layers, "x": x, "y": y, "shape": (784,), "dtype": dtype, "fit": {"batch_size": batch}}
    options["optimizer"] = SGD(0.01)
    compare(trained("numba", **options), trained("numpy", **options), 1e-10 if dtype == "float64" else 1e-5)
    assert sum(step_calls) == 9


@pytest.mark.parametrize(
    "layers, whole",
    [
        ([Dense(8, "relu"), Dense(3)], True),
        ([Dense(8, "relu"), Dense(1000, "relu"), Dense(3)], False),  # its products are quicker one by one
        ([Flatten(), Dense(8, "relu"), Dense(1000, "relu"), Dense(3)], False),
        ([Dense(8, "relu"), Dropout(0.5), Dense(1000), Dense(3)], True),  # joined draws other random bits than apart
    ],
)
def test_batches_of_many_rows_are_taken_by_narrow_layers(layers, whole, step_calls):
    options = {"layers": layers, "x": np.resize(X, (700, FEATURES)), "y": np.resize(Y, (700, 3))}
    options["fit"] = {"batch_size": 300}
    compare(trained("numba", **options), trained("numpy", **options), 1e-10)
    assert sum(step_calls) == (9 if whole else 0)


def test_batches_that_compiled_code_declines_after_all_are_trained_one_by_one(step_calls, monkeypatch):
    monkeypatch.setattr("nnlite.training.joint.dense_steps.DenseSteps._fits", lambda *arguments: False)
    options = {"metrics": ["mae"], "fit": {"sample_weight": WEIGHTS}}
    one, other = (trained(choice, **options) for choice in ("numba", "numpy"))
    compare(one, other, 1e-10)
    assert not step_calls and one[2].optimizer.batches == other[2].optimizer.batches == 30


def test_slots_become_zero_after_the_same_steps(step_calls):
    options = {
        "fit": {"epochs": 40},
        "x": np.where(np.arange(FEATURES) < 5, X, 0.0),
        "optimizer": SGD(1e-3, momentum=0.1),
    }
    (_, _, one), (_, _, other) = trained("numba", **options), trained("numpy", **options)
    assert sum(step_calls) == 400 and one.optimizer.batches == other.optimizer.batches == 400
    for name, slot in one.optimizer.slots[0].items():
        np.testing.assert_allclose(slot, other.optimizer.slots[0][name], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    "listening",
    [
        {"fit": {"callbacks": [LambdaCallback(on_train_batch_end=lambda batch, logs: None)]}},
        {"fit": {"callbacks": [LambdaCallback(on_train_batch_begin=lambda batch, logs: None)]}},
        {"fit": {"max_time": 60.0}},
        {"metrics": [R2Score()]},
        {"metrics": [MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred).max())]},
    ],
)
def test_each_step_is_a_call_where_somebody_listens(listening, step_calls):
    fit = {"epochs": 1, **listening.get("fit", {})}
    compare(trained("numba", **{**listening, "fit": fit}), trained("numpy", **{**listening, "fit": fit}), 1e-10)
    assert step_calls == [1] * 10


def test_a_metric_that_a_user_redefines_is_shown_each_batch(step_calls):
    class Largest(BinaryAccuracy):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total, self.count = self.total + abs(y_true - y_pred).max(), self.count + 1

    class Worst(BinaryAccuracy):
        def accumulate(self, values, sample_weight=None):
            self.total, self.count = self.total + values.mean(axis=-1).min(), self.count + 1

    assert not Largest.adds_up and not Worst.adds_up and BinaryAccuracy.adds_up
    for metric in (Largest, Worst):
        compare(trained("numba", metrics=[metric()]), trained("numpy", metrics=[metric()]), 1e-10)
    assert set(step_calls) == {1}


@pytest.mark.parametrize("what", ["stop", "restore"])
def test_a_loss_that_is_not_finite_is_found_in_its_batch(what, step_calls):
    x = X.copy()
    x[13] = 1e300  # in order, it is in the second batch
    told = []
    for choice in ("numpy", "numba"):
        fit = {"epochs": 2, "on_divergence": what, "shuffle": False, "verbose": 0, "batch_size": BATCH}
        kernels.use(choice)
        model = net([Dense(8, "relu"), Dense(3)])
        model.fit(X, Y, batch_size=BATCH, verbose=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model.fit(x, Y, **fit)
            except DivergenceError as error:
                told.append(str(error))
            else:
                told.append(str(caught[-1].message))
        told.append((model.optimizer.batches, [weight.round(9).tolist() for weight in model.get_weights()]))
    assert "epoch 1, batch 2: the loss is" in told[0]
    assert told[:2] == told[2:] and sum(step_calls) == 11


def test_a_training_goes_on_from_within_an_epoch(tmp_path, step_calls):
    kernels.use("numba")
    options = {"batch_size": BATCH, "epochs": 3, "verbose": 0}
    whole = net(metrics=["mae"])
    history = whole.fit(X, Y, **options).history
    parts = net(metrics=["mae"])
    stop = LambdaCallback(on_train_batch_end=lambda batch, logs: 1 / (parts.optimizer.batches - 13))
    with pytest.raises(ZeroDivisionError):
        parts.fit(X, Y, **options, callbacks=[Checkpoints(tmp_path, "1 step"), stop])
    step_calls.clear()
    resumed = net(metrics=["mae"])
    found = resumed.fit(X, Y, **options, resume=tmp_path, resume_anyway=True).history
    assert sum(step_calls) in (17, 18) and len(step_calls) < 8
    for name in found:
        np.testing.assert_allclose(found[name][-1], history[name][-1], rtol=1e-12)
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def after_three_calls(monkeypatch, happens):
    """The steps of each call of the compiled kernel, after the third of which something happens."""
    counted, found = kernels.dense_steps, []

    def run(*arguments):
        found.append(counted()(*arguments))
        if len(found) == 3:
            happens()
        return found[-1]

    monkeypatch.setattr(kernels, "dense_steps", lambda: run)
    return found


LONG = {"x": np.resize(X, (20_000, FEATURES)), "y": np.resize(Y, (20_000, 3)), "batch_size": 2, "verbose": 0}


def test_who_interrupts_is_answered_soon(monkeypatch):
    kernels.use("numba")
    model = net()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
    try:
        found = after_three_calls(monkeypatch, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            model.fit(**LONG, epochs=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(found) == 3 and all(1 < steps <= FLUSH_PERIOD for steps in found)  # no call is a whole epoch
    assert np.isfinite(model.get_weights()[0]).all()


@pytest.mark.parametrize("steps", [10, 4, 1])
def test_a_call_is_the_shorter_the_longer_a_step_is(steps, step_calls, monkeypatch):
    """So that it returns soon to who interrupts, whatever the size of the network."""
    kernels.use("numba")
    model = net([Dense(10), Dense(4), Dense(3)])
    products = 3 * 2 * (FEATURES * 10 + 10 * 4 + 4 * 3)  # of one step of two rows
    monkeypatch.setattr("nnlite.training.joint.dense_steps.CALL_PRODUCTS", steps * products)
    model.fit(X[:40], Y[:40], batch_size=2, verbose=0)
    assert step_calls == [steps] * (20 // steps)


def test_a_signal_ends_the_training_after_the_call(monkeypatch):
    kernels.use("numba")
    model, seen = net(), []
    listener = LambdaCallback(on_train_interrupted=lambda epoch, batch: seen.append((epoch, batch)))
    found = after_three_calls(monkeypatch, lambda: setattr(model.trainer, "interrupted", True))
    with pytest.raises(KeyboardInterrupt):
        model.fit(**LONG, epochs=2, callbacks=[listener])
    assert len(found) == 3 and seen == [(0, sum(found))] and model.optimizer.batches == sum(found)


@pytest.mark.parametrize("x, y", [(X[:, :5], Y), (X, Y[:, :2]), (X.astype(complex), Y)])
def test_arrays_that_do_not_fit_are_refused_as_ever(x, y):
    kernels.use("numba")
    model = net()
    model.train_step(X, Y)
    with pytest.raises(ValueError):
        model.train_step(x, y)


def test_settings_that_change_between_calls_count(step_calls):
    found = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model = net()
        model.train_step(X, Y)
        model.optimizer.learning_rate = 0.5
        model.train_step(X, Y)
        model.optimizer.clipvalue = 1e-3
        model.train_step(X, Y)
        found.append(model.get_weights())
    assert step_calls == [1, 1, 1]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


class SlowSGD(SGD):
    """An optimizer whose rate is another one than it says."""

    @property
    def current_learning_rate(self):
        return 0.001


def test_a_rate_of_a_users_optimizer_is_that_of_whole_steps():
    trained = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model = Sequential([Dense(8, "relu"), Dense(2)], seed=1)
        model.compile(SlowSGD(0.5), "mse")
        x = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
        model.fit(x, x[:, :2], epochs=2, verbose=0)
        trained.append(model.get_weights())
    for ours, theirs in zip(*trained, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def _other_slots(model):
    model.optimizer.set_state(copy.deepcopy(model.optimizer.get_state()))


# name: what is changed between two steps, of which the second has to know
CHANGES = {
    "nothing": lambda model: None,
    "a decay rate": lambda model: setattr(model.optimizer, "beta_1", 0.5),
    "a limit": lambda model: setattr(model.optimizer, "clipnorm", 0.01),
    "another kind of limit": lambda model: setattr(model.optimizer, "global_clipnorm", 0.01),
    "a learning rate": lambda model: setattr(model.optimizer, "learning_rate", 0.2),
    "a multiplier": lambda model: setattr(model.optimizer, "learning_rate_multipliers", {"*bias": 0.0}),
    "a penalty": lambda model: setattr(model.layers[0].kernel.regularizer, "l2", 5.0),
    "slots": _other_slots,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_changed_between_two_steps_takes_effect(change, step_calls):
    weights = {}
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model = net([Dense(8, "relu", kernel_regularizer="l2"), Dense(3)])
        for step in range(4):
            if step == 2:
                change(model)
            rows = slice(BATCH * step, BATCH * (step + 1))
            model.train_step(X[rows], Y[rows])
        weights[choice] = model.get_weights()
    assert step_calls == [1] * 4
    for array, expected in zip(weights["numba"], weights["numpy"], strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("units", "several", "threads"), [(128, True, 1), (128, False, 2), (8, True, 2), (2048, True, 2)]
)
def test_a_step_by_itself_whose_products_are_small_is_done_by_one_thread(monkeypatch, units, several, threads):
    """Very small ones are so anyway, and to set the number of threads would take as long as they do."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    kernels.use("numba")
    counts, first = [], dense_steps.DenseSteps.plan

    def watched(self):
        plan = first(self)
        return plan._replace(run=lambda *given: counts.append(max(thread_counts().values())) or plan.run(*given))

    monkeypatch.setattr(dense_steps.DenseSteps, "plan", watched)
    monkeypatch.setattr(dense_steps, "several_threads", lambda: several)
    model = Sequential([Input((200,)), Dense(units, "relu"), Dense(1)], seed=0)
    model.compile("adam", "mse")
    x, y = np.ones((64, 200), np.float32), np.ones((64, 1), np.float32)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        model.train_step(x, y)
        model.train_step(x, y)
        assert max(thread_counts().values()) == 2
    assert counts == [threads, threads]
