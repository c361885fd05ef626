"""Several steps of dense layers in one call, without code that takes a step as a whole: exactly those of one by one."""

import copy

import numpy as np
import pytest
from dense_trainings import BATCH, CLASSES, FEATURES, ROWS, SHARED, OwnError, OwnSGD, X, Y

from nnlite import Input, Sequential, kernels
from nnlite.callbacks import LambdaCallback
from nnlite.errors import DivergenceError
from nnlite.layers import Dense, Rescaling, Scale
from nnlite.losses import CategoricalCrossentropy, MeanAbsoluteError, MeanSquaredError, SparseCategoricalCrossentropy
from nnlite.losses.forms import scaled
from nnlite.metrics import R2Score
from nnlite.optimizers import SGD, Adam, AdamW, Lion, RMSprop
from nnlite.schedules import ExponentialDecay
from nnlite.training.joint.dense_steps import DenseSteps
from nnlite.training.joint.loop import DenseLoop
from nnlite.training.train_step import Steps

MEMBERS = [Dense(8, "relu", members=3), Dense(3, members=3)]


CASES = {
    **SHARED,
    "one layer": {"layers": [Dense(3, use_bias=False)]},
    "penalties": {"layers": [Dense(8, "relu", kernel_regularizer="l1_l2"), Dense(3, bias_regularizer="l1")]},
    "classes of large batches": {  # here, and in the next two, the loss is computed at the end of a call
        "loss": SparseCategoricalCrossentropy(from_logits=True),
        "y": np.resize(CLASSES, 300),
        "x": np.resize(X, (300, FEATURES)),
        "metrics": ["accuracy"],
        "fit": {"batch_size": 32},
    },
    "a third of their sum": {
        "loss": scaled(SparseCategoricalCrossentropy(from_logits=True, reduction="sum"), 1 / 3),
        "y": np.resize(CLASSES, 300),
        "x": np.resize(X, (300, FEATURES)),
        "optimizer": SGD(0.01),
        "fit": {"batch_size": 32},
    },
    "far from their classes": {
        "layers": [Dense(8, "relu"), Dense(3, kernel_regularizer="l2")],
        "loss": SparseCategoricalCrossentropy(from_logits=True),
        "y": np.resize(CLASSES, 300).astype("int32"),
        "x": 200 * np.resize(X, (300, FEATURES)),
        "fit": {"batch_size": 40},
    },
    "ignored class": {"loss": SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), "y": CLASSES},
    "one-hot": {"loss": CategoricalCrossentropy(from_logits=True), "y": np.eye(3)[CLASSES]},
    "in float32": {"loss": MeanSquaredError(dtype="float32")},
    "another loss": {"loss": MeanAbsoluteError()},
    "a loss of one's own": {"loss": OwnError()},
    "momentum": {"optimizer": SGD(0.01, momentum=0.9, nesterov=True)},
    "decay of some": {
        "layers": [Dense(8, "relu", name="first"), Dense(3)],
        "optimizer": AdamW(
            0.01, weight_decay=0.1, exclude_from_weight_decay=["bias"], learning_rate_multipliers={"first/*": 2.0}
        ),
    },
    "schedule": {"optimizer": RMSprop(ExponentialDecay(0.01, 5, 0.9))},
    "a function as rate": {"optimizer": Adam(lambda: 0.01)},
    "another optimizer": {"optimizer": Lion(0.001)},
    "amsgrad": {"optimizer": Adam(0.01, amsgrad=True)},
    "an optimizer of one's own": {"optimizer": OwnSGD(0.01)},
    "clipped": {"optimizer": Adam(0.01, clipnorm=0.1)},
    "averaged": {"optimizer": Adam(0.01, use_ema=True, ema_overwrite_frequency=4)},
    "factors": {"layers": [Scale(), Dense(8, "relu", parametrization="ntk"), Dense(3)]},
    "members": {"layers": MEMBERS, "shape": (3, FEATURES), "fit": {"folds": 3}},
    "members with rows of their own": {
        "layers": MEMBERS,
        "shape": (3, FEATURES),
        "x": np.stack([X, -X, 2 * X], axis=1),
        "y": np.stack([Y, -Y, 2 * Y], axis=1),
    },
}


@pytest.fixture(autouse=True)
def numpy_alone(choice_restored):
    kernels.use("numpy")


@pytest.fixture
def calls(monkeypatch):
    """The steps of each call of the loop."""
    train, counted = DenseLoop.train, []

    def counting(loop, *arguments):
        before = loop.steps.optimizer.batches
        result = train(loop, *arguments)
        counted.append(loop.steps.optimizer.batches - before)
        return result

    monkeypatch.setattr(DenseLoop, "train", counting)
    return counted


def trained(layers=None, optimizer=None, loss="mse", metrics=None, shape=(FEATURES,), x=X, y=Y, fit=None, dtype=None):
    """History and model of a training."""
    layers = copy.deepcopy(layers or [Dense(8, "relu"), Dense(7, "tanh"), Dense(3)])
    for layer in layers:
        layer.dtype = dtype
    model = Sequential([Input(shape), *layers], seed=3)
    model.compile(copy.deepcopy(optimizer or Adam(0.01)), copy.deepcopy(loss), metrics)
    history = model.fit(x.astype(dtype), y, **{"batch_size": BATCH, "epochs": 3, "verbose": 0, **(fit or {})})
    return history.history, model


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_weights_are_those_of_steps_one_by_one(name, dtype, calls, monkeypatch):
    history, model = trained(**CASES[name], dtype=dtype)
    assert sum(calls) == model.optimizer.batches
    assert len(calls) < sum(calls) or name == "scheduled dropout"
    calls.clear()
    monkeypatch.setattr(DenseLoop, "of", lambda steps: None)
    expected, other = trained(**CASES[name], dtype=dtype)
    assert not calls and list(history) == list(expected)
    for key in history:
        np.testing.assert_allclose(history[key], expected[key], rtol=1e-6 if dtype == "float32" else 1e-12, err_msg=key)
    for array, alike in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(array, alike)
    for weight, alike in zip(model.trainable_weights, other.trainable_weights, strict=True):
        np.testing.assert_array_equal(weight.gradient, alike.gradient)  # those of the last batch
    assert model.optimizer.batches == other.optimizer.batches


def test_layers_one_by_one_take_several_batches_too(monkeypatch):
    """With many rows their products are quicker."""
    many = {"x": np.resize(X, (1200, FEATURES)), "y": np.resize(Y, (1200, 3)), "fit": {"batch_size": 300}}
    options = {"layers": [Dense(4, "relu"), Dense(3)], "dtype": "float64", **many}
    train, taken = Steps.train, []
    monkeypatch.setattr(
        Steps, "train", lambda steps, x, *rest, **size: taken.append(len(x)) or train(steps, x, *rest, **size)
    )
    history, model = trained(**options)
    assert max(taken) > 300
    monkeypatch.setattr(DenseSteps, "together", lambda steps, batch_size: 1)
    taken.clear()
    expected, other = trained(**options)
    assert max(taken) == 300
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)
    for array, alike in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(array, alike)


@pytest.mark.parametrize("kind", ["uint8", "int64"])
def test_a_single_step_takes_class_numbers_of_any_size(kind):
    """Their places in a table of all rows are larger than a small integer; a loss that changes counts from then on."""
    x, classes = np.resize(X, (200, FEATURES)), np.resize(CLASSES, 200)
    found = []
    for join in (True, False):
        model = Sequential([Input((FEATURES,)), Dense(8, "relu", dtype="float64"), Dense(3, dtype="float64")], seed=3)
        model.compile("adam", SparseCategoricalCrossentropy(from_logits=True))
        steps = Steps(model.trainer, join)
        losses = [steps.train(x, classes.astype(kind))[0] for _ in range(3)]
        steps.trained_loss.reduction = "sum"
        found.append([*losses, steps.train(x, classes.astype("int64"))[0]])
        assert losses[0] > losses[1] > losses[2]
    np.testing.assert_allclose(*found, rtol=1e-12)
    assert found[0][3] > 100 * found[0][2]


def test_a_call_takes_fewer_batches_of_wide_outputs(calls):
    """All outputs of a call wait in memory for the metrics."""
    rows, units = 256, 20_000
    trained(layers=[Dense(units)], x=X[np.arange(rows) % ROWS, :1], y=np.zeros((rows, units)), shape=(1,))
    assert max(calls) == 1 and len(calls) == 3 * rows // BATCH


def test_who_listens_to_batches_hears_each(calls):
    seen = []
    trained(fit={"callbacks": [LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))], "epochs": 1})
    assert seen == list(range(10)) and calls == [1] * 10


def test_metrics_that_do_not_add_up_see_each_batch(calls):
    class Batches(R2Score):
        """Counts its batches."""

        seen = 0
        adds_up = False

        def update_state(self, y_true, y_pred, sample_weight=None):
            Batches.seen += 1

    trained(metrics=[Batches()], dtype="float64", fit={"epochs": 1})
    assert Batches.seen == 10 and calls == [1] * 10


def test_an_error_names_the_batch_in_the_middle_of_a_call(calls):
    x, y = X.copy(), Y.copy()
    y[5 * BATCH + 2] = 1e200  # its square is not finite
    layers = [Rescaling(2.0), Dense(8, "relu"), Dense(3)]
    with pytest.raises(DivergenceError, match=r"epoch 1, batch 6: the loss is inf; all outputs are finite"):
        trained(layers, x=x, y=y, dtype="float64", fit={"shuffle": False, "on_divergence": "stop"})
    assert not calls  # not even the first call came to its end


def test_an_error_names_the_batch_where_a_shorter_one_follows(calls):
    y = Y.copy()
    y[3] = 1e200
    with pytest.raises(DivergenceError, match=r"epoch 1, batch 1: the loss is inf"):
        trained(x=X[:10], y=y[:10], dtype="float64", fit={"shuffle": False, "on_divergence": "stop", "batch_size": 8})
    y[3], y[9] = 0.0, 1e200
    with pytest.raises(DivergenceError, match=r"epoch 1, batch 2: the loss is inf"):
        trained(x=X[:10], y=y[:10], dtype="float64", fit={"shuffle": False, "on_divergence": "stop", "batch_size": 8})
    assert not calls


def test_layers_one_by_one_name_the_batch_too(calls):
    """With more rows than the loop takes, and several batches in a call."""
    x, y = np.resize(X, (1_500, FEATURES)), np.resize(Y, (1_500, 3))
    y[650] = 1e200
    with pytest.raises(DivergenceError, match=r"epoch 1, batch 3: the loss is inf"):
        trained(x=x, y=y, dtype="float64", fit={"shuffle": False, "batch_size": 300, "on_divergence": "stop"})
    assert not any(calls)


CHANGES = {
    "rate": lambda optimizer, start: setattr(optimizer, "learning_rate", 0.1),
    "decay": lambda optimizer, start: setattr(optimizer, "weight_decay", 0.5),
    "clipping": lambda optimizer, start: setattr(optimizer, "clipnorm", 0.01),
    "slots": lambda optimizer, start: optimizer.set_state(start),
    "exclusions": lambda optimizer, start: setattr(optimizer, "exclude_from_weight_decay", ["bias"]),
    "exclusions by name": lambda optimizer, start: optimizer.exclude_from_weight_decay(var_names=["bias"]),
    "factors": lambda optimizer, start: optimizer.learning_rate_multipliers.update({"kernel": 3.0}),
    "no factors": lambda optimizer, start: optimizer.learning_rate_multipliers.clear(),
    "betas": lambda optimizer, start: setattr(optimizer, "beta_1", 0.5),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_between_two_batches_counts_from_the_next_on(name):
    found = []
    for join in (True, False):
        model = Sequential([Input((FEATURES,)), Dense(8, "relu", dtype="float64"), Dense(3, dtype="float64")], seed=3)
        factors = {"kernel": 3.0} if name == "no factors" else {}
        model.compile(AdamW(0.01, weight_decay=0.1, learning_rate_multipliers=factors), "mse")
        steps = Steps(model.trainer, join)
        assert join == (steps.whole is not None)
        steps.train(X[:8], Y[:8])
        start = model.optimizer.get_state()
        steps.train(X[8:16], Y[8:16])
        CHANGES[name](model.optimizer, start)
        for _ in range(3):
            steps.train(X[:8], Y[:8])
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
