"""Batches cut into shards, in one process: what training gives, what it refuses, and the sums it is made of."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import nnlite
from nnlite import data, layers, losses, metrics
from nnlite.arrays.stored import StoredRows
from nnlite.callbacks import Callback, CallbackList
from nnlite.data.batches import ArrayBatches
from nnlite.data.storage.batches import StoredBatches
from nnlite.distributed import Lockstep, Team, part_of, team, tree_sum
from nnlite.errors import ConfigError, DivergenceError
from nnlite.jacobians import Jacobians
from nnlite.jacobians.together import batch_sums
from nnlite.losses import Loss
from nnlite.losses.forms import scaled
from nnlite.random import RandomSource
from nnlite.training.sharded import ShardedBatches
from nnlite.training.sharded.steps import ShardedSteps
from nnlite.utils import PyDataset


class Alone:
    """A communicator of one process, or what `Team` asks of one of several before it sends anything."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def Get_rank(self) -> int:
        return 0

    def Get_size(self) -> int:
        return self.size

    def allgather(self, value: Any) -> list[Any]:
        return [value]

    def bcast(self, value: Any) -> Any:
        return value

    def Allreduce(self, own: np.ndarray, total: np.ndarray) -> None:
        total[...] = own


@contextmanager
def sharded(shards: int) -> Iterator[None]:
    """A context in which `fit` trains by shards."""
    team._Current.team = Team(Alone(), shards)
    try:
        yield
    finally:
        team._Current.team = None


RNG = np.random.default_rng(0)
X, LABELS, NUMBERS = RNG.normal(size=(53, 4)), RNG.integers(0, 3, 53), RNG.normal(size=(53, 2))
WORDS = RNG.integers(0, 9, (53, 5))
WEIGHTS = RNG.uniform(0.2, 2.0, 53)


def dense_with_moments() -> tuple:
    made = [
        layers.Dense(6, activation="tanh", kernel_regularizer="l2", activity_regularizer="l1"),
        layers.BatchNormalization(momentum=0.8),
        layers.Dense(3, activation="softmax"),
    ]
    return nnlite.Sequential(made, seed=1), "sparse_categorical_crossentropy", X, LABELS, {"sample_weight": WEIGHTS}


def renormalized() -> tuple:
    made = [layers.Dense(5), layers.BatchNormalization(renorm=True, renorm_momentum=0.5), layers.Dense(2)]
    return nnlite.Sequential(made, seed=1), "huber", X, NUMBERS, {}


def weighted_mean() -> tuple:
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    return nnlite.Sequential([layers.Dense(2)], seed=1), loss, X, NUMBERS, {"sample_weight": WEIGHTS}


def with_a_factor() -> tuple:
    loss = scaled(losses.MeanSquaredError(), 2.5)  # as `compile(loss_weights=2.5)` makes it
    return nnlite.Sequential([layers.Dense(2)], seed=1), loss, X, NUMBERS, {}


def summed() -> tuple:
    return nnlite.Sequential([layers.Dense(2)], seed=1), losses.MeanAbsoluteError(reduction="sum"), X, NUMBERS, {}


def masked_words() -> tuple:
    made = [
        layers.Embedding(9, 3, mask_zero=True, sparse=True),
        layers.LSTM(4, return_sequences=True),
        layers.BatchNormalization(),
        layers.Dense(3, activation="softmax"),
    ]
    return nnlite.Sequential(made, seed=1), "sparse_categorical_crossentropy", WORDS, WORDS % 3, {}


def several_outputs() -> tuple:
    inputs = nnlite.Input((4,), name="given")
    hidden = layers.BatchNormalization()(layers.Dense(5, activation="relu")(inputs))
    outputs = [layers.Dense(2, name="numbers")(hidden), layers.Dense(3, activation="softmax", name="labels")(hidden)]
    loss = {"numbers": "mse", "labels": "sparse_categorical_crossentropy"}
    return nnlite.Model(inputs, outputs, seed=1), loss, X, {"numbers": NUMBERS, "labels": LABELS}, {}


def added_losses() -> tuple:
    class Adds(layers.Layer):
        def call(self, inputs):
            self.add_loss(nnlite.ops.mean(inputs * inputs))
            return inputs

    return nnlite.Sequential([layers.Dense(3), Adds(), layers.Dense(2)], seed=1), "mse", X, NUMBERS, {}


def spectral() -> tuple:
    made = [layers.SpectralNormalization(layers.Dense(5)), layers.Dense(2)]
    return nnlite.Sequential(made, seed=1), "mse", X, NUMBERS, {}


MODELS = [
    dense_with_moments, renormalized, weighted_mean, with_a_factor, summed, masked_words, several_outputs,
    added_losses, spectral,
]  # fmt: skip


@pytest.fixture
def float64():
    before = nnlite.config.floatx()
    nnlite.config.set_floatx("float64")
    yield
    nnlite.config.set_floatx(before)


def trained(make: Any, shards: int | None, **options: Any) -> tuple:
    """Weights and logs."""
    model, loss, x, y, fit = make()
    model.compile("adam", loss, metrics=None if isinstance(y, dict) else ["mae"] if y is NUMBERS else ["accuracy"])
    arguments = {"epochs": 2, "batch_size": 16, "verbose": 0, "validation_split": 0.2, **fit, **options}
    if shards is None:
        history = model.fit(x, y, **arguments)
    else:
        with sharded(shards):
            history = model.fit(x, y, **arguments)
    return model.get_weights(), history.history


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("shards", [1, 8])
def test_without_chance_shards_give_what_whole_batches_do(make, shards):
    weights, logs = trained(make, shards)
    expected, expected_logs = trained(make, None)
    for own, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-12)
    assert list(logs) == list(expected_logs)
    for name, values in logs.items():
        np.testing.assert_allclose(values, expected_logs[name], rtol=1e-9, err_msg=name)


@pytest.mark.usefixtures("float64")
def test_a_factor_of_the_loss_is_one_of_shards_too(monkeypatch):
    compile_plainly = nnlite.Sequential.compile
    plain = trained(summed, 8)[1]["loss"][0]
    monkeypatch.setattr(
        nnlite.Sequential, "compile", lambda *given, **more: compile_plainly(*given, **more, loss_weights=0.5)
    )
    weights, logs = trained(summed, 8)
    expected, expected_logs = trained(summed, None)
    assert 0.4 * plain < logs["loss"][0] < 0.6 * plain
    np.testing.assert_allclose(logs["loss"], expected_logs["loss"], rtol=1e-9)
    np.testing.assert_allclose(weights[0], expected[0], rtol=1e-9)


def dropped() -> tuple:
    return nnlite.Sequential([layers.Dropout(0.5), layers.Dense(2)], seed=1), "mse", X, NUMBERS, {}


def test_the_number_of_shards_decides_what_is_dropped():
    weights = [trained(dropped, shards)[0][0] for shards in (4, 4, 8)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.allclose(weights[0], weights[2], rtol=1e-3)


def test_shards_drop_each_its_own():
    model, loss, _, _, _ = dropped()
    model.compile("sgd", loss)
    rows = np.ones((4, 4), np.float32)
    with sharded(4):
        model.build((None, 4))
        model.trainer.read_batch(rows, rows[:, :2])
        steps = ShardedSteps(model.trainer, team._Current.team)
        masks = [RandomSource(seed, 0).bits("dropout", 4).tolist() for seed in steps.seeds]
    assert len({str(mask) for mask in masks}) == 4


def test_one_after_another_and_in_turns_give_the_same_bits(monkeypatch):
    apart, _ = trained(masked_words_without_moments, 8)
    created = ShardedSteps.__init__

    def in_turns(self, trainer, own_team):
        created(self, trainer, own_team)
        self.in_turns = True

    monkeypatch.setattr(ShardedSteps, "__init__", in_turns)
    together, _ = trained(masked_words_without_moments, 8)
    assert all(np.array_equal(own, other) for own, other in zip(apart, together, strict=True))


def masked_words_without_moments() -> tuple:
    model, *rest = masked_words()
    made = [layer for layer in model.layers if not isinstance(layer, layers.BatchNormalization)]
    return nnlite.Sequential([copy.deepcopy(layer) for layer in made], seed=1), *rest


def test_rows_that_stay_in_a_file_and_batches_of_users_are_cut_too(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float32))

    class Numbered(PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            rows = slice(16 * index, 16 * index + 16)
            return X[rows].astype(np.float32), NUMBERS[rows].astype(np.float32)

    def fitted(x: Any, y: Any, shards: int | None) -> np.ndarray:
        model = nnlite.Sequential([layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)], seed=1)
        model.compile("adam", "mse")
        arguments = {"epochs": 2, "verbose": 0, **({} if y is None else {"batch_size": 16})}
        with sharded(shards) if shards else contextmanager(lambda: iter([None]))():
            model.fit(x, y, **arguments)
        return model.layers[0].kernel.numpy()

    stored = data.open_rows(tmp_path / "x.npy")
    for x, y in ((stored, NUMBERS), (Numbered(), None), (X, NUMBERS)):
        np.testing.assert_allclose(fitted(x, y, 4), fitted(x, y, None), rtol=1e-4)


def test_a_process_reads_its_own_rows_alone(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", X)
    taken, take = [], StoredRows.take
    monkeypatch.setattr(StoredRows, "take", lambda self, rows, axis=0: taken.append(len(rows)) or take(self, rows))
    batches = StoredBatches((data.open_rows(tmp_path / "x.npy"), NUMBERS, None), 16, shuffle_seed=0)
    for x, y, _ in ShardedBatches(batches, Team(Alone(4), 8)).epoch():
        assert (len(x), len(y)) == (len(y), len(x.inputs) * 4 if len(y) == 16 else len(y))
    assert taken == [4, 4, 4, 5]  # of the last batch, of 5 rows for 8 shards, each process takes all


def test_shards_go_on_where_the_epochs_before_stopped():
    batches = ArrayBatches((np.arange(40.0)[:, None], np.arange(40), None), 8, steps=2)
    batches.goes_on = True
    resumed = ShardedBatches(batches, Team(Alone(), 2))
    resumed.skip(2)  # an epoch of two
    assert [y[0] for _, y, _ in resumed.epoch()] == [16, 24]
    assert [y[0] for _, y, _ in resumed.epoch()] == [32]


class Whole(Loss):
    """A loss of a whole batch."""

    def call(self, y_true, y_pred):
        return nnlite.ops.mean((y_true - y_pred) ** 2)


def own_step(model: Any) -> None:
    class Own(nnlite.Sequential):
        def train_step(self, x):
            return super().train_step(x)

    own = Own(model.layers, seed=0)
    own.compile("sgd", "mse")
    own.fit(X, NUMBERS, verbose=0)


def averaging(model: Any) -> None:
    class Averages(layers.Layer):
        def build(self, input_shape):
            self.mean = self.add_weight((4,), "zeros", trainable=False, name="mean")

        def linearize(self, inputs, mean, training=False):
            maps = layers.Activation("linear").linearize(inputs)[1]
            return inputs, Jacobians(maps[0], None, state=(inputs.mean(axis=0),) if training else ())

    nets = nnlite.Sequential([Averages(), layers.Dense(2)], seed=0)
    nets.compile("sgd", "mse")
    nets.fit(X, NUMBERS, verbose=0)


def compiled(optimizer: Any = "sgd", loss: Any = "mse", made: Any = None, x: Any = X, **fit: Any) -> Any:
    def run(model: Any) -> None:
        model = nnlite.Sequential(made or [layers.Dense(2)], seed=0)
        model.compile(optimizer, loss)
        model.fit(x, NUMBERS, verbose=0, **fit)

    return run


REFUSED = {
    "LBFGS takes all rows at once": compiled("lbfgs"),
    "writes its own training step": own_step,
    "folds trains members side by side": compiled(folds=3),
    r"layer 'lstm' \(LSTM\) carries states from batch to batch": compiled(
        made=[layers.LSTM(2, stateful=True)], x=np.zeros((53, 3, 2)), batch_size=53
    ),
    "Whole gives one number for all rows": compiled(loss=Whole()),
    "weights without gradient depend on the rows": averaging,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_cut_is_refused_by_name(message):
    model = nnlite.Sequential([layers.Dense(2)], seed=0)
    with sharded(8), pytest.raises(ConfigError, match=message):
        REFUSED[message](model)


@pytest.mark.parametrize(
    ("size", "shards", "message"),
    [
        (3, 8, "3 processes cannot share 8 shards evenly: start 1, 2, 4, 8 of them"),
        (16, 8, "16 processes cannot share 8 shards evenly"),
        (1, 6, "the number of shards must be a power of two, got 6"),
        (1, 0, "the number of shards must be a power of two, got 0"),
        (1, True, "the number of shards must be a power of two, got True"),
    ],
)
def test_numbers_that_do_not_go_together(size, shards, message):
    with pytest.raises(ConfigError, match=message):
        Team(Alone(size), shards)


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 53, 256])
def test_parts_cover_a_batch(rows):
    for ranks in (1, 2, 4, 8):
        parts = [part_of(rows, 8, rank, ranks) for rank in range(ranks)]
        if parts[0].shared:
            bounds = [bound for part in parts for bound in part.bounds]
            assert [part.first for part in parts] == [rank * 8 // ranks for rank in range(ranks)]
            assert len(bounds) == 8
        else:
            assert rows < 8 and all(part == parts[0] for part in parts)
            bounds = parts[0].bounds
        assert [bounds[0][0], *(stop for _, stop in bounds)] == [*(start for start, _ in bounds), rows]
        assert all(start < stop for start, stop in bounds)


def test_the_tree_pairs_neighbors():
    parts = [np.array([value]) for value in (1e8, 1.0, -1e8, 1.0)]
    assert tree_sum([part.astype(np.float32) for part in parts])[0] == 0  # one after another: 1


def test_functions_take_turns_and_an_error_of_one_is_that_of_all():
    turns = Lockstep(4, lambda parts: np.sum(parts, axis=0))
    seen: list[Any] = []

    def function(shard, sums):
        for turn in range(3):
            seen.append((turn, shard))
            assert sums(np.array([shard + turn]))[0] == 6 + 4 * turn
        assert batch_sums() is None

    turns.run(function)
    assert sorted(seen) == [(turn, shard) for turn in range(3) for shard in range(4)]

    def failing(shard, sums):
        sums(np.zeros(1))
        if shard == 2:
            raise ZeroDivisionError
        sums(np.zeros(1))

    with pytest.raises(ZeroDivisionError):
        turns.run(failing)
    with pytest.raises(RuntimeError, match="same sums"):
        turns.run(lambda shard, sums: [sums(np.zeros(1)) for _ in range(shard)])
    turns.run(function)  # as if nothing had been


def test_a_loss_that_is_not_finite_is_told_as_ever():
    model = nnlite.Sequential([layers.Dense(2)], seed=0)
    model.compile({"SGD": {"learning_rate": 1e30}}, "mse")
    with sharded(4), pytest.raises(DivergenceError, match="learning rate 1e"):
        model.fit(X, NUMBERS, epochs=9, verbose=0, on_divergence="stop")


def test_what_writes_is_not_called_in_other_processes_than_the_first(tmp_path):
    called = []

    class Watches(Callback):
        def on_epoch_end(self, epoch, logs=None):
            called.append("watches")

    class Writes(Callback):
        writes = True

        def on_epoch_end(self, epoch, logs=None):
            called.append("writes")

    quiet = CallbackList([Watches(), Writes()], writing=False)
    quiet.on_epoch_end(0, {})
    assert called == ["watches"] and len(quiet.callbacks) == 2
    CallbackList([Watches(), Writes()]).on_epoch_end(0, {})
    assert called[1:] == ["watches", "writes"]


def test_every_callback_of_nnlite_that_opens_a_file_says_that_it_writes():
    names = {"BackupAndRestore", "CSVLogger", "Checkpoints", "MLflowLogger", "ModelCheckpoint", "ProgbarLogger",
             "ProgressBar", "ProgressLog", "RemoteMonitor", "TensorBoard", "WandbLogger"}  # fmt: skip
    family = {name: cls for name, cls in Callback.members().items() if "nnlite" in cls.__module__}
    assert {name for name, cls in family.items() if cls.writes} == names


def test_metrics_see_whole_batches():
    model = nnlite.Sequential([layers.Dense(1, activation="sigmoid")], seed=0)
    model.compile("sgd", "binary_crossentropy", metrics=[metrics.AUC()])
    y = (LABELS > 0).astype(int)
    with sharded(8):
        logs = model.fit(X, y, verbose=0, batch_size=16, validation_data=(X, y)).history
    assert logs["val_auc"][0] == pytest.approx(model.evaluate(X, y, verbose=0)[1])
