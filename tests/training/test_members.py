"""Members of one model trained together, each on rows of its own, against the same members trained one by one."""

import numpy as np
import pytest

from nnlite.callbacks import BestMembers, EarlyStopping, LambdaCallback, ReduceLROnPlateau
from nnlite.data.batches import suited_batch_size
from nnlite.data.members import MemberBatches
from nnlite.data.partition import random_folds
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers import Activation, BatchNormalization, Dense, Dropout
from nnlite.losses import SparseCategoricalCrossentropy
from nnlite.models import Model, Sequential
from nnlite.optimizers import SGD, Adam

MEMBERS, FEATURES, UNITS, CLASSES = 3, 4, 5, 3


def data(rows=47, kind="sparse", seed=0, dtype="float64"):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((rows, FEATURES))
    if kind == "regression":
        return x, generator.standard_normal((rows, CLASSES))
    return x, generator.integers(CLASSES, size=rows)


def together(dtype="float64", softmax=True, members=MEMBERS, regularizer=None):
    layers = [
        Dense(UNITS, "tanh", members=members, kernel_regularizer=regularizer, dtype=dtype),
        Dense(CLASSES, members=members, dtype=dtype),
        *([Activation("softmax", dtype=dtype)] if softmax else []),
    ]
    model = Sequential(layers, seed=1)
    model.build((None, members, FEATURES))
    return model


def alone(model, member, dtype="float64", softmax=True, regularizer=None):
    """A model of one member, with the weights that it has in `model`."""
    layers = [Dense(UNITS, "tanh", kernel_regularizer=regularizer, dtype=dtype), Dense(CLASSES, dtype=dtype)]
    own = Sequential([*layers, *([Activation("softmax", dtype=dtype)] if softmax else [])], seed=1)
    own.build((None, FEATURES))
    own.set_weights([weights[member] for weights in model.get_weights()])
    return own


LOSSES = [
    ("sparse_categorical_crossentropy", "sparse", True),
    (SparseCategoricalCrossentropy(reduction="sum"), "sparse", True),
    (SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"), "sparse", True),
    ("mse", "regression", False),
    ("huber", "regression", False),
]


@pytest.mark.parametrize("loss, kind, softmax", LOSSES, ids=lambda value: str(value))
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("weighted", [False, True])
def test_members_are_trained_as_if_alone(loss, kind, softmax, dtype, tolerance, weighted):
    """47 rows in 3 folds: members have 31 and 32 rows, so that one of them is padded."""
    x, y = data(kind=kind)
    weights = np.random.default_rng(5).random(len(x)) + 0.5 if weighted else None
    model = together(dtype, softmax)
    singles = [alone(model, member, dtype, softmax) for member in range(MEMBERS)]
    model.compile(SGD(0.05, momentum=0.9), loss)
    model.fit(x, y, sample_weight=weights, batch_size=10, epochs=3, folds=MEMBERS, verbose=0)
    folds = model.trainer.folds
    assert sorted(len(training) for training, _ in folds) == [31, 31, 32]
    trained = [training for training, _ in folds]
    for member, single in enumerate(singles):
        single.compile(SGD(0.05, momentum=0.9), loss)
        walked = MemberBatches((np.arange(len(x)),) * 2 + (None,), trained, 10, model.seed)
        for epoch in range(3):
            for rows, _, _ in walked.epoch(epoch * walked.steps):
                own = rows[walked.real[:, member], member]
                single.train_on_batch(x[own], y[own], None if weights is None else weights[own])
        for found, expected in zip(model.get_weights(), single.get_weights(), strict=True):
            np.testing.assert_allclose(found[member], expected, rtol=tolerance, atol=tolerance)


def test_each_member_is_judged_as_if_alone():
    x, y = data()
    weights = np.random.default_rng(5).random(len(x))
    model = together(regularizer="l2")
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    history = model.fit(x, y, sample_weight=weights, epochs=2, folds=MEMBERS, verbose=0).history
    logs = model.trainer.member_logs
    assert set(logs) == {"val_loss", "val_accuracy", "val_weighted_accuracy"}
    for member, (_, judged) in enumerate(model.trainer.folds):
        single = alone(model, member, regularizer="l2")
        single.compile(SGD(), "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
        expected = single.evaluate(x[judged], y[judged], 1000, 0, weights[judged], return_dict=True)
        assert {f"val_{name}": value for name, value in expected.items()} == pytest.approx(
            {name: values[member] for name, values in logs.items()}, rel=1e-12
        )
        np.testing.assert_allclose(model.trainer.out_of_fold(x)[judged], single(x[judged]), rtol=1e-12)
    for name, values in logs.items():
        assert history[name][-1] == pytest.approx(values.mean(), rel=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_logs_of_the_training_are_means_over_members(weighted):
    x, y = data(rows=45)
    weights = np.random.default_rng(5).random(45) if weighted else None
    names = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    model = together(regularizer="l2")
    singles = [alone(model, member, regularizer="l2") for member in range(MEMBERS)]
    model.compile(SGD(0.0), "sparse_categorical_crossentropy", **names)
    history = model.fit(x, y, sample_weight=weights, batch_size=10, folds=MEMBERS, verbose=0).history
    found, totals = [], []
    for single, (training, _) in zip(singles, model.trainer.folds, strict=True):
        single.compile(SGD(), "sparse_categorical_crossentropy", **names)
        own = None if weights is None else weights[training]
        found.append(single.evaluate(x[training], y[training], 1000, 0, own))
        totals.append(1.0 if weights is None else own.sum())
    loss, accuracy, accuracy_1 = np.transpose(found)
    expected = loss.mean(), accuracy.mean(), np.average(accuracy_1, weights=totals)
    logged = [history[name][0] for name in ("loss", "accuracy", "weighted_accuracy")]
    assert logged == pytest.approx(expected, rel=1e-12)
    steps = model.trainer.ready_steps()
    assert steps.trained_loss is steps.loss and steps.members == 1


def test_padding_is_counted_nowhere():
    x, y = data(rows=20)
    model = together()
    model.compile(SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    folds = [(np.arange(20), [0]), (np.arange(3), [1]), (np.arange(7), [2])]
    history = model.fit(x, y, batch_size=20, folds=folds, verbose=0, shuffle=False).history
    outputs = model(np.broadcast_to(x[:, None], (20, MEMBERS, FEATURES)))
    right = [np.argmax(outputs[rows, member], -1) == y[rows] for member, (rows, _) in enumerate(folds)]
    assert history["accuracy"][0] == pytest.approx(np.concatenate(right).mean(), rel=1e-14)
    losses = [-np.log(outputs[rows, member, y[rows]]).mean() for member, (rows, _) in enumerate(folds)]
    assert history["loss"][0] == pytest.approx(np.mean(losses), rel=1e-12)


@pytest.mark.parametrize("lengths", [[10, 10], [12, 11], [30, 7, 1], [25, 24, 13]])
def test_every_row_is_seen_once_an_epoch(lengths):
    generator = np.random.default_rng(0)
    rows = [generator.permutation(50)[:length] for length in lengths]
    batches = MemberBatches((np.arange(50), np.arange(50.0), None), rows, 4, shuffle_seed=3)
    epochs = []
    for step in (0, 7):
        seen = [[] for _ in rows]
        for x, y, weights in batches.epoch(step):
            real = batches.real
            assert x.shape == y.shape == real.shape and len(x) <= 4
            assert x.T.flags.c_contiguous and y.T.flags.c_contiguous
            assert (weights is None) == real.all()
            for member, own in enumerate(seen):
                own += x[real[:, member], member].tolist()
            if weights is not None:
                np.testing.assert_array_equal(weights > 0, real)
                present = real.any(axis=0)
                np.testing.assert_allclose(weights.sum(axis=0)[present], len(x), rtol=1e-14)
        assert [sorted(own) for own in seen] == [sorted(own.tolist()) for own in rows]
        epochs.append(seen)
    assert all(one != other for one, other in zip(*epochs, strict=True) if len(one) > 1)


def test_members_have_orders_of_their_own():
    batches = MemberBatches((np.arange(40), np.arange(40), None), [np.arange(40)] * 3, 40, shuffle_seed=0)
    ((x, _, _),) = batches.epoch()
    assert not any(np.array_equal(x[:, one], x[:, other]) for one, other in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("count, folds", [(47, 3), (16, 8), (8, 8)])
def test_folds_are_equal_parts_with_the_same_mix(count, folds):
    labels = np.random.default_rng(0).choice(3, size=count, p=[0.6, 0.3, 0.1])
    for given in (None, labels):
        parts = random_folds(count, folds, given, seed=2)
        np.testing.assert_array_equal(np.sort(np.concatenate([inside for _, inside in parts])), np.arange(count))
        for outside, inside in parts:
            np.testing.assert_array_equal(np.sort(np.concatenate([outside, inside])), np.arange(count))
            assert np.all(np.diff(outside) > 0)
        sizes = [len(inside) for _, inside in parts]
        assert max(sizes) - min(sizes) <= 1
    counts = np.array([np.bincount(labels[inside], minlength=3) for _, inside in parts])
    assert np.all(np.ptp(counts, axis=0) <= 1)
    again, other = (random_folds(count, folds, labels, seed) for seed in (2, 3))
    assert all(np.array_equal(one[1], two[1]) for one, two in zip(parts, again, strict=True))
    assert not all(np.array_equal(one[1], two[1]) for one, two in zip(parts, other, strict=True))


def test_a_deep_ensemble_trains_all_on_all():
    x, y = data(rows=60)
    model = together()
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    held = model.fit(x, y, folds="all", validation_split=0.25, stratify=True, epochs=2, verbose=0)
    (training, judged), *others = model.trainer.folds
    assert len(judged) == 15 and len(training) == 45
    assert all(np.array_equal(own[0], training) and np.array_equal(own[1], judged) for own in others)
    assert set(held.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(set(model.trainer.member_logs["val_loss"])) == MEMBERS
    plain = model.fit(x, y, folds="all", verbose=0)
    assert set(plain.history) == {"loss", "accuracy"} and model.trainer.member_logs == {}
    model.fit(x, y, folds="all", validation_data=data(rows=9, seed=1), verbose=0)
    assert model.trainer.member_logs["val_loss"].shape == (MEMBERS,)
    with pytest.raises(DataError, match="no member was judged on row 0, nor on 59 others"):
        model.trainer.out_of_fold(x)
    assert model.trainer.folds is not None
    model.fit(np.broadcast_to(x[:, None], (60, MEMBERS, FEATURES)), np.repeat(y[:, None], MEMBERS, 1), verbose=0)
    assert model.trainer.folds is None and model.trainer.member_logs is None


def test_an_unbuilt_model_is_built_for_the_members():
    x, y = data()
    for folds in (MEMBERS, "all"):
        model = Sequential([Dense(UNITS, members=MEMBERS), Dense(CLASSES, members=MEMBERS)], seed=0)
        model.compile("sgd", SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, folds=folds, verbose=0)
        assert model.input_shape == (None, MEMBERS, FEATURES)


def test_rows_judged_by_several_get_the_mean():
    x, y = data(rows=12)
    model = together()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, folds=[(range(3, 12), [0, 1, 2]), (range(3), range(1, 12)), (range(6), [5])], verbose=0)
    outputs = model(np.broadcast_to(x[:, None], (12, MEMBERS, FEATURES)))
    found = model.trainer.out_of_fold(x)
    np.testing.assert_allclose(found[0], outputs[0, 0], rtol=1e-12)
    np.testing.assert_allclose(found[1], outputs[1, :2].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found[5], outputs[5, 1:].mean(axis=0), rtol=1e-12)


def scripted(model, script, callback, **options):
    """Fit while `script` says the validation loss of each member in each epoch; the weights after each epoch."""
    x, y = data()
    weights = []

    def judge(epoch, logs):
        weights.append(model.get_weights())
        model.trainer.member_logs["val_loss"] = np.array(script[epoch], float)

    model.compile(Adam(0.1), "sparse_categorical_crossentropy")
    watch = LambdaCallback(on_epoch_end=judge)
    model.fit(x, y, folds=MEMBERS, epochs=len(script), callbacks=[watch, callback], verbose=0, **options)
    return weights


@pytest.mark.parametrize(
    "script, best, epochs",
    [
        ([[3, 3, 3], [2, 4, 3.5], [2.5, 1, 2], [1, 2, 3]], [3, 2, 2], 4),
        ([[np.nan, 3, 3], [np.nan, np.nan, 2], [5, 4, np.nan]], [2, 0, 1], 3),
        ([[1, 1, 1], [2, 2, 0.5], [2, 2, 2], [2, 2, 2], [0, 0, 0]], [0, 0, 1], 4),
    ],
)
def test_each_member_ends_with_its_best_epoch(script, best, epochs):
    model, callback = together(), BestMembers(patience=2)
    weights = scripted(model, script, callback)
    assert len(weights) == epochs
    assert callback.best_epochs.tolist() == best
    for place, found in enumerate(model.get_weights()):
        for member, epoch in enumerate(best):
            np.testing.assert_array_equal(found[member], weights[epoch][place][member])


@pytest.mark.parametrize(
    "script, best",
    [
        ([[3, 3, 3], [2, 4, 3.5], [2.5, 1, 2], [1, 2, 3]], [[3, 1], [2, 3], [2, 0]]),  # ties go to the earlier epoch
        ([[np.nan, 3, np.nan], [np.nan, np.nan, np.nan], [5, 4, np.nan]], [[2], [0, 2], [0]]),
    ],
)
def test_each_member_ends_with_the_mean_of_its_best_epochs(script, best):
    model, callback = together(), BestMembers(average=2)
    weights = scripted(model, script, callback)
    assert callback.best_epochs.tolist() == [epochs[0] for epochs in best]
    for index, kept in enumerate(model.get_weights()):
        for member, epochs in enumerate(best):
            mean = np.mean([weights[epoch][index][member] for epoch in epochs], axis=0)
            np.testing.assert_allclose(kept[member], mean, rtol=1e-6)


def test_members_are_judged_by_a_temperature():
    """By -mean(log(softmax(logits / 2)[y])) of their own rows, where the losses as they are prefer earlier epochs."""
    x, _ = data(rows=90)
    y = np.random.default_rng(1).integers(0, CLASSES, 90)
    y[:60] = x[:60, 0] > 0
    model, losses, rule = together(), [], BestMembers(temperature=2.0)

    def judge(epoch, logs):
        p = model.trainer.out_of_fold(x) ** 0.5
        by_row = -np.log(p[np.arange(90), y] / p.sum(axis=1))
        losses.append(([by_row[rows].mean() for _, rows in model.trainer.folds], model.trainer.member_logs["val_loss"]))

    model.compile(Adam(0.03), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=30, folds=MEMBERS, callbacks=[LambdaCallback(on_epoch_end=judge), rule], verbose=0)
    by_temperature, by_loss = (np.argmin(list(group), axis=0) for group in zip(*losses, strict=True))
    assert rule.best_epochs.tolist() == by_temperature.tolist()
    assert (by_temperature >= by_loss).all() and (by_temperature > by_loss).any()


def test_a_temperature_needs_members_and_a_softmax():
    x, y = data()
    single = Sequential([Dense(CLASSES, "softmax")], seed=0)
    single.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ConfigError, match=r"BestMembers\(temperature=1.3\) needs members: fit with folds"):
        single.fit(x, y, validation_split=0.3, callbacks=[BestMembers(temperature=1.3)], verbose=0)
    numbers = Sequential([Dense(1, members=MEMBERS)], seed=0)
    numbers.compile("sgd", "mse")
    with pytest.raises(ConfigError, match="divides what a softmax takes: the model ends in none"):
        numbers.fit(x, y, folds=MEMBERS, callbacks=[BestMembers(temperature=1.3)], verbose=0)
    with pytest.raises(ConfigError, match="judges by val_loss, not by val_accuracy"):
        BestMembers("val_accuracy", temperature=1.3)


def test_the_best_epochs_of_a_single_model_are_averaged():
    x, y = data(rows=80)
    model = Sequential([Dense(9, "tanh"), BatchNormalization(), Dropout(0.1), Dense(CLASSES, "softmax")], seed=0)
    model.compile(Adam(0.03), "sparse_categorical_crossentropy")
    weights = []
    watch = LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    callbacks = [watch, BestMembers(average=3)]
    losses = model.fit(x, y, epochs=8, validation_split=0.3, callbacks=callbacks, verbose=0).history["val_loss"]
    best = np.argsort(losses)[:3]
    for index, kept in enumerate(model.get_weights()):
        np.testing.assert_allclose(kept, np.mean([weights[epoch][index] for epoch in best], axis=0), rtol=1e-5)


def test_best_members_without_members_is_early_stopping(capsys):
    x, y = data(rows=80)
    found = []
    for callback in (BestMembers(patience=3, verbose=1), EarlyStopping(patience=3, restore_best_weights=True)):
        model = Sequential([Dense(30, "tanh"), Dense(CLASSES, "softmax")], seed=0)
        model.compile(Adam(0.03), "sparse_categorical_crossentropy")
        history = model.fit(x, y, epochs=60, validation_split=0.3, callbacks=[callback], verbose=0)
        found.append((model.get_weights(), history.history["val_loss"]))
    assert 3 < len(found[0][1]) < 60 and found[0][1] == found[1][1]
    for one, other in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert "no member has improved for 3 epochs, stopping" in capsys.readouterr().out


def test_best_members_needs_members_apart():
    x, y = data()
    model = Sequential([Dense(UNITS, members=MEMBERS), Dense(CLASSES, "softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(
        ConfigError, match=r"BestMembers: all members share the parameters of layer 'dense_1' \(Dense\)"
    ):
        model.fit(x, y, folds=MEMBERS, callbacks=[BestMembers()], verbose=0)

    class Scaled(Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.last = Dense(UNITS, members=MEMBERS), Dense(CLASSES, "softmax", members=MEMBERS)
            self.scale = self.add_weight(shape=(UNITS,), initializer="ones", name="scale")

        def call(self, inputs):
            return self.last(self.hidden(inputs) * self.scale)

    model = Scaled()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ConfigError, match="BestMembers: all members share the parameters of the model, which are"):
        model.fit(x, y, folds=MEMBERS, callbacks=[BestMembers()], verbose=0)
    model = together()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ConfigError, match="BestMembers monitors 'loss'; known of each member of this run: val_loss"):
        model.fit(x, y, folds=MEMBERS, callbacks=[BestMembers("loss")], verbose=0)


def test_callbacks_that_set_the_rate_work():
    x, y = data()
    model = together()
    model.compile(SGD(0.0), "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 1e-9
    callback = ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.1)
    history = model.fit(x, y, folds=MEMBERS, epochs=4, callbacks=[callback], verbose=0).history
    assert history["learning_rate"] == [1e-9, 1e-9, 5e-10, 2.5e-10]


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"folds": 4}, ShapeError, "to train 4 members, it needs inputs of shape .None, 4, 4. and outputs"),
        ({"folds": [([0], [1])]}, ShapeError, "to train 1 members"),
        ({"folds": 0}, ConfigError, "fit.folds: "),
        ({"folds": "none"}, ConfigError, "fit.folds: .*all"),
        ({"folds": 3, "validation_split": 0.1}, ConfigError, 'validation data go with folds="all"'),
        (
            {"folds": [([0], [1]), ([0], [99]), ([0], [1])]},
            DataError,
            r"folds\[1\] must hold two arrays of row numbers",
        ),
        ({"folds": [([0], [1]), ([], [9]), ([0], [1])]}, DataError, r"folds\[1\] must hold two arrays of row numbers"),
    ],
)
def test_folds_that_do_not_fit(options, error, message):
    x, y = data()
    model = together()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(error, match=message):
        model.fit(x, y, verbose=0, **options)


def test_folds_of_data_that_do_not_fit():
    x, y = data(rows=2)
    model = together()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(DataError, match="folds=3: 2 rows can be divided into 2 to 2 folds"):
        model.fit(x, y, folds=MEMBERS, verbose=0)
    with pytest.raises(ConfigError, match="folds needs arrays"):
        model.fit([(x, y)], folds=MEMBERS, verbose=0)
    with pytest.raises(NotReadyError, match="out_of_fold needs a fit with folds before"):
        model.trainer.out_of_fold(x)


def test_regression_and_one_output():
    x = data()[0]
    y = x @ np.ones(FEATURES)
    model = Sequential([Dense(1, members=MEMBERS)], seed=0)
    model.compile(Adam(0.05), "mse")
    history = model.fit(x, y, folds=MEMBERS, epochs=150, batch_size="auto", verbose=0).history
    assert history["val_loss"][-1] < 1e-3
    assert model.trainer.out_of_fold(x).shape == (47, 1)


@pytest.mark.parametrize(
    "rows, size", [(10, 32), (700, 32), (1023, 32), (1024, 64), (2048, 128), (4095, 128), (4096, 256), (10**6, 256)]
)
def test_batch_size_auto(rows, size):
    assert suited_batch_size(rows) == size


def test_fit_takes_auto():
    x, y = data(rows=1000)
    model = Sequential([Dense(CLASSES, "softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size="auto", validation_split=0.2, verbose=0)
    assert model.optimizer.iterations == 25  # 800 rows, 32 at once
    model.fit(x, y, verbose=0)
    assert model.optimizer.iterations == 25 + 32
    model.fit([(x[:10], y[:10])], batch_size="auto", verbose=0)
    with pytest.raises(ConfigError, match=r"fit.batch_size: .*auto"):
        model.fit(x, y, batch_size="big", verbose=0)
