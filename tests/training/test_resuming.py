"""`fit(resume=...)`: what a checkpoint holds is all that a training needs to go on, to the last bit."""

import contextlib

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model, saving
from nnlite.callbacks import (
    BestMembers,
    Callback,
    Checkpoints,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    MaxTime,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from nnlite.errors import ConfigError, ModelFileError, TrainingWarning
from nnlite.layers import LSTM, BatchNormalization, Dense, Dropout, RepeatVector
from nnlite.metrics import AUC, Mean, Metric, Precision
from nnlite.training.safety.checkpoint_files import NEEDED

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, :1] + 0.5 * RNG.normal(size=(90, 1)) > 0).astype(np.float32)


class Power(Exception):
    """The power failed."""


class FailAt(Callback):
    """Ends everything after a training step: what is not on the disk is lost."""

    step: int

    watches = comes_last = True

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.batches == self.step:
            raise Power


class Swings(Callback):
    """A user's callback with a state of its own: it counts, and changes the learning rate by that."""

    state_names = ("count",)

    def on_train_begin(self, logs=None):
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        self.model.optimizer.learning_rate = 0.01 + 0.001 * (self.count % 7)


class Range(Metric):
    """A user's metric with attributes and a variable."""

    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.seen = self.add_variable((), name="seen")
        self.low = 0.0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.low = min(self.low, float(np.min(y_pred)))
        self.seen.assign_add(len(y_true))

    def reset_state(self):
        super().reset_state()
        self.low = 0.0

    def result(self):
        return float(self.seen) - self.low


class Gap(Mean):
    """A user's metric that adds to the state of a mean by the methods of variables."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(np.abs(y_true - y_pred).sum())
        self.count = self.count + len(y_true)


def network(seed=3, metrics=("accuracy", "r2_score"), optimizer="adam"):
    model = Sequential(
        [Input((4,)), Dense(8, "relu"), BatchNormalization(), Dropout(0.3), Dense(1, "sigmoid")], seed=seed
    )
    model.compile(optimizer, "binary_crossentropy", metrics=[*metrics])
    return model


def recurrent():
    model = Sequential([Input((4,)), RepeatVector(3), LSTM(5), Dense(1, "sigmoid")], seed=1)
    model.compile({"SGD": {"momentum": 0.9}}, "binary_crossentropy", metrics=[AUC(), Precision(), Range(), Gap()])
    return model


def constrained():
    layers = [Input((4,)), Dense(8, "relu", kernel_constraint={"MaxNorm": {"max_value": 0.5}}), Dense(1, "sigmoid")]
    model = Sequential(layers, seed=4)
    model.compile({"SGD": {"learning_rate": {"OneCycle": {"max_learning_rate": 0.5}}}}, "binary_crossentropy")
    return model


def two_outputs():
    inputs = Input((4,))
    hidden = Dense(6, "relu")(inputs)
    model = Model(inputs, {"a": Dense(1, "sigmoid")(hidden), "b": Dense(1)(hidden)}, seed=5)
    model.compile("adam", {"a": "binary_crossentropy", "b": "mse"}, metrics={"a": ["accuracy", "auc"], "b": ["mae"]})
    return model


def ensemble():
    model = Sequential([Dense(6, "relu", members=3), Dropout(0.2), Dense(1, "sigmoid", members=3)], seed=2)
    model.compile("adam", "binary_crossentropy")
    return model


# What makes the model, further arguments of `fit`, and what makes its callbacks: each part of the state is in one.
SETUPS = {
    "plain": (network, {"validation_split": 0.2}, lambda folder: []),
    "recurrent": (recurrent, {"validation_data": (X, Y), "validation_freq": 2}, lambda folder: []),
    "outputs": (two_outputs, {"y": {"a": Y, "b": Y}}, lambda folder: []),
    "members": (ensemble, {"folds": 3}, lambda folder: [BestMembers(patience=3)]),
    "averaged members": (ensemble, {"folds": 3}, lambda folder: [BestMembers(average=2)]),
    "early stopping": (
        lambda: network(optimizer={"Adam": {"learning_rate": 0.1}}),
        {"validation_split": 0.2},
        lambda folder: [EarlyStopping(patience=2, restore_best_weights=True)],
    ),
    "plateau": (
        network,
        {"validation_split": 0.2},
        lambda folder: [ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.02, cooldown=1)],
    ),
    "scheduler": (network, {}, lambda folder: [LearningRateScheduler(lambda epoch, rate: rate * 0.8)]),
    "user": (network, {}, lambda folder: [Swings()]),
    "checkpoint": (
        network,
        {"validation_split": 0.2},
        lambda folder: [
            ModelCheckpoint(folder / "best.safetensors", save_best_only=True),
            ModelCheckpoint(folder / "often.safetensors", save_freq=7),
            CSVLogger(folder / "log.csv"),
        ],
    ),
    "averages": (
        lambda: network(optimizer={"Adam": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 5}}),
        {"validation_split": 0.2},
        lambda folder: [],
    ),
    "accumulation": (
        lambda: network(optimizer={"AdamW": {"gradient_accumulation_steps": 4}}),
        {"validation_split": 0.2},
        lambda folder: [],
    ),
    "whole parameters": (lambda: network(optimizer={"Lamb": {"clipnorm": 0.5}}), {}, lambda folder: []),
    "nesterov": (lambda: network(optimizer="nadam"), {}, lambda folder: []),
    "schedule-free": (lambda: network(optimizer="ScheduleFreeAdamW"), {}, lambda folder: []),
    "constraints": (constrained, {}, lambda folder: []),
    "weights": (network, {"sample_weight": np.arange(90.0), "shuffle": False}, lambda folder: []),
}


def outcome(model, history, folder):
    """All that has to be the same."""
    model.save(folder / "model.safetensors")
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return files, history.epoch, history.history


@pytest.mark.parametrize("step", [1, 6, 12, 13, 29])
@pytest.mark.parametrize("kind", SETUPS)
def test_a_training_goes_on_exactly(kind, step, tmp_path):
    make, options, callbacks = SETUPS[kind]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    shared = {"x": X, "y": Y, "batch_size": 16, "epochs": 6, "verbose": 0, **options}
    model = make()
    expected = outcome(model, model.fit(**shared, callbacks=callbacks(whole)), whole)
    for fails in ([FailAt(step)], None):
        model, resumed = make(), {} if fails else {"resume": parts / "kept"}
        listening = [*callbacks(parts), Checkpoints(parts / "kept", "1 step"), *(fails or [])]
        with contextlib.suppress(Power):
            history = model.fit(**shared, **resumed, callbacks=listening)
            if fails:
                return  # it ended before
    files, *numbers = outcome(model, history, parts)
    assert numbers == list(expected[1:])
    assert files == expected[0]


def test_batches_of_an_iterator_go_on_where_they_stopped(tmp_path):
    def endless():
        for number in range(1_000):
            generator = np.random.default_rng(number)
            yield generator.normal(size=(8, 4)), generator.integers(0, 2, (8, 1))

    shared = {"epochs": 4, "steps_per_epoch": 5, "verbose": 0}
    whole = network()
    expected = whole.fit(endless(), **shared).history
    with pytest.raises(Power):
        network().fit(endless(), **shared, callbacks=[Checkpoints(tmp_path, "1 step"), FailAt(13)])
    model = network()
    history = model.fit(endless(), **shared, callbacks=[Checkpoints(tmp_path)], resume=tmp_path)
    assert history.history == expected
    assert all((a == b).all() for a, b in zip(model.get_weights(), whole.get_weights(), strict=True))


def test_a_finished_training_goes_on_for_more_epochs(tmp_path):
    shared = {"x": X, "y": Y, "verbose": 0}
    network().fit(**shared, epochs=2, callbacks=[Checkpoints(tmp_path)])
    model, whole = network(), network()
    history = model.fit(**shared, epochs=5, resume=tmp_path, callbacks=[Checkpoints(tmp_path)])
    assert history.history == whole.fit(**shared, epochs=5).history
    with pytest.raises(ConfigError, match="epochs is 3, but 5 are done"):
        network().fit(**shared, epochs=3, resume=tmp_path)


def test_time_counts_over_interruptions(tmp_path):
    limit = MaxTime(100)
    with pytest.raises(Power):
        network().fit(X, Y, epochs=3, verbose=0, callbacks=[limit, Checkpoints(tmp_path, "1 step"), FailAt(3)])
    before = limit.get_state()["elapsed"]
    again = MaxTime(100)
    network().fit(X, Y, epochs=3, verbose=0, callbacks=[again, Checkpoints(tmp_path)], resume=tmp_path)
    assert before < again.elapsed < 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 8}, r"fit\.batch_size is 8, was None"),
        ({"y": 1 - Y}, "the data are others"),
        ({"model": network(seed=4)}, "seed is 4, was 3"),
        ({"model": network(optimizer="sgd")}, r"compile\.optimizer"),
        ({"callbacks": [EarlyStopping("loss")]}, "callbacks is"),
    ],
)
def test_another_training_is_refused_by_name(change, message, tmp_path):
    with pytest.raises(Power):
        network().fit(X, Y, epochs=2, verbose=0, callbacks=[FailAt(2), Checkpoints(tmp_path, "1 step")])
    arguments = {"x": X, "y": Y, "epochs": 2, "verbose": 0, "resume": tmp_path, **change}
    model = arguments.pop("model", network())
    with pytest.raises(ConfigError, match=message):
        model.fit(**arguments)
    if "compile" not in message and "seed" not in message:
        network().fit(**arguments, resume_anyway=True)


def test_the_newest_checkpoint_that_is_whole_is_taken(tmp_path):
    network().fit(X, Y, epochs=3, verbose=0, callbacks=[Checkpoints(tmp_path, keep=2)])
    steps = sorted(tmp_path.glob("step-*"))
    newest = steps[-1]
    with pytest.raises(ConfigError, match="holds checkpoints of another training"):
        network().fit(X, Y, verbose=0, callbacks=[Checkpoints(tmp_path)])
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="damaged"):
        network().fit(X, Y, epochs=3, verbose=0, resume=newest)
    if len(steps) > 1:
        with pytest.warns(TrainingWarning, match="the checkpoint before is taken"):
            network().fit(X, Y, epochs=3, verbose=0, resume=tmp_path)
    for name in ("model.safetensors", "nothing"):
        network().save(tmp_path / "model.safetensors")
        with pytest.raises(ModelFileError, match=r"(not a|no) checkpoint"):
            network().fit(X, Y, epochs=3, verbose=0, resume=tmp_path / name)


@pytest.mark.parametrize("value", [None, -1, "x", [["x"]], {"x": {}}], ids=str)
def test_states_of_other_kinds_are_errors_that_name_the_file(value, tmp_path):
    arguments = {"x": X, "y": Y, "epochs": 2, "verbose": 0}
    network().fit(**arguments, callbacks=[Checkpoints(tmp_path, "2 steps", keep=9), EarlyStopping("loss")])
    path = sorted(tmp_path.glob("step-*"))[-2]  # within an epoch: metrics have a state
    header, arrays = saving.read(path)
    assert header["training"]["batch"]
    refused = set()
    for name in NEEDED:
        saving.write(path, {**header, "training": {**header["training"], name: value}}, arrays)
        model = network()
        try:
            model.fit(**arguments, callbacks=[EarlyStopping("loss")], resume=path, resume_anyway=True)
        except (ModelFileError, ConfigError) as error:
            assert str(path) in str(error)
            refused.add(name)
    assert refused >= {"epochs", "epoch", "batch", "first_epoch", "begun", "shuffled_at", "loss", "callbacks"}


def test_best_and_last_are_models(tmp_path):
    model = network()
    kept = Checkpoints(tmp_path, "2 epochs", keep=2)
    history = model.fit(X, Y, epochs=9, validation_split=0.2, verbose=0, callbacks=[kept])
    assert [int(path.stem[5:]) for path in sorted(tmp_path.glob("step-*"))] == [24, 27]
    last, best = (load_model(tmp_path / f"{name}.safetensors") for name in ("last", "best"))
    assert all((a == b).all() for a, b in zip(model.get_weights(), last.get_weights(), strict=True))
    assert last.optimizer.iterations == 27
    held = model.fit(X, Y, epochs=1, validation_split=0.2, verbose=0)
    assert held.history and kept.best == min(history.history["val_loss"])
    assert best.compiled


def test_a_checkpoint_that_cannot_be_written_ends_nothing(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.warns(TrainingWarning, match="no checkpoint: .*No space left on device; training continues"):
        history = network().fit(X, Y, epochs=2, verbose=0, callbacks=[Checkpoints(tmp_path)])
    assert len(history.epoch) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (EarlyStopping("val_los"), "EarlyStopping monitors 'val_los', which this run does not log"),
        (ReduceLROnPlateau("val_loss"), "Pass validation_data or validation_split"),
        (ModelCheckpoint("x.safetensors", "val_acc", save_best_only=True), "ModelCheckpoint monitors 'val_acc'"),
        (ModelCheckpoint("{val_acc}.safetensors"), "unknown name 'val_acc'"),
        (ModelCheckpoint("file/x.safetensors"), "cannot be written: .*file is not a folder"),
        (Checkpoints("file"), "cannot be written: .*file is not a folder"),
    ],
)
def test_what_can_be_known_before_is_checked_before(callback, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    model = network()
    with pytest.raises(ConfigError, match=message):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[callback])
    assert model.optimizer.iterations == 0


def test_callbacks_of_users_may_add_what_others_monitor():
    class Adds(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["mine"] = 1.0

    network().fit(X, Y, verbose=0, callbacks=[Adds(), EarlyStopping("mine", mode="min")])


@pytest.mark.parametrize("every", ["0 epochs", "soon", "1.5 steps", ""])
def test_a_wrong_interval(every, tmp_path):
    with pytest.raises(ConfigError, match=r"Checkpoints\.every: expected auto, or something like 1 epoch"):
        Checkpoints(tmp_path, every)


def test_every_attribute_that_training_changes_is_in_the_state():
    """Of each callback: what differs between one that has seen epochs and a new one, but for what is not a memory."""
    beside = {"model", "params", "_apart", "_tempered", "_begun", "_columns", "_next", "_best_weights"}
    for callback in (
        EarlyStopping("loss"),
        ReduceLROnPlateau("loss"),
        BestMembers("loss"),
        ModelCheckpoint("x.keras", "loss"),
    ):
        model = network()
        before = set(vars(callback))
        if not isinstance(callback, ModelCheckpoint):
            model.fit(X, Y, epochs=3, verbose=0, callbacks=[callback])
        fields = set(callback.get_config())
        changed = (before | set(vars(callback))) - fields - beside
        assert changed == set(callback.state_names), type(callback)
