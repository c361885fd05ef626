"""Callbacks driven by a scripted run: what they write, print, change and cost."""

import io
import json
import math
import re
import subprocess
import sys
from functools import partial, partialmethod
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from registered import registered

from nnlite.callbacks import (
    BackupAndRestore,
    BestMembers,
    Callback,
    CallbackList,
    Checkpoints,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    MaxTime,
    MLflowLogger,
    ModelCheckpoint,
    ProgbarLogger,
    ProgressBar,
    ProgressLog,
    ReduceLROnPlateau,
    RemoteMonitor,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
    WandbLogger,
)
from nnlite.callbacks.bars import Progbar, duration, time_of_step
from nnlite.callbacks.base import HOOKS
from nnlite.errors import ConfigError
from nnlite.layers import Dense
from nnlite.metrics import BinaryAccuracy, Mean, MeanMetricWrapper, Metric, Sum
from nnlite.models import Sequential

CASES = [
    Callback.get("History"),
    ProgressBar(),
    EarlyStopping("val_loss", 0.1, 2, 1, "min", 0.5, True, 1),
    BestMembers("val_loss", 0.1, 2, 1, "min", 3),
    MaxTime("1h30m"),
    ModelCheckpoint("folder/{epoch}.safetensors", save_freq=3, save_best_only=True, monitor="loss"),
    CSVLogger("log.csv", separator=";", append=True),
    LearningRateScheduler(lambda epoch, rate: rate / 2),
    ReduceLROnPlateau("loss", 0.5, 3, 1, "max", 0.0, 2, 0.01),
    TerminateOnNaN(),
    LambdaCallback(on_epoch_end=print),
    ProgressLog("10s", "json"),
    TensorBoard("logs", 2, True, False, True, 10),
    ProgbarLogger(),
    BackupAndRestore("folder", 3, True, False),
    SwapEMAWeights(True),
    RemoteMonitor("http://localhost:1", "/x", "f", {"a": "b"}, True),
    Checkpoints("folder", "2 steps", 2),
    MLflowLogger("experiment", "run", "file:mlruns", {"who": "me"}),
    WandbLogger("project", "run", "offline", ["first"], "folder"),
]


class FakeModel:
    """What callbacks need of a model; its only weight is the number of training steps done."""

    def __init__(self, learning_rate=0.1, metrics=()):
        self.stop_training, self.seed = False, 0
        self.optimizer = SimpleNamespace(
            learning_rate=learning_rate,
            current_learning_rate=learning_rate,
            iterations=0,
            batches=0,
            get_config=dict,
            use_ema=True,
            built=False,
        )
        self.loss = SimpleNamespace(to_spec=lambda: "mse")
        self.layers, self.weights, self.metrics = (), (), metrics
        self.weight = np.zeros(1)
        self.saved = []
        self.trainer = SimpleNamespace(session=self, member_logs=None, folds=None, config=lambda: {"loss": "mse"})

    values = property(lambda self: [self.weight])

    def checkpoint(self, epoch, batch):
        return {"content": "model"}, {"weights/0": self.weight}

    file_state = partialmethod(checkpoint, 0, 0)

    def get_weights(self):
        return [self.weight.copy()]

    def set_weights(self, weights):
        self.weight[...] = weights[0]

    def save(self, path):
        self.saved.append(("model", str(path), self.weight.item()))
        Path(path).write_text(f"model {self.weight.item()}")

    def save_weights(self, path):
        self.saved.append(("weights", str(path), self.weight.item()))


def run(callbacks, script, steps=2, model=None, **params):
    """Train a fake model: `script` has the logs of each epoch; returns model, logs as the callbacks left them."""
    model = model or FakeModel()
    settings = {"epochs": len(script), "steps": steps, "verbose": 1, "seed": 0, **params}
    callbacks = CallbackList(callbacks, model, **settings)
    model.stop_training = False
    done = []
    callbacks.on_train_begin()
    for epoch, values in enumerate(script):
        logs = dict(values) if isinstance(values, dict) else {"loss": values, "val_loss": values}
        callbacks.on_epoch_begin(epoch)
        for batch in range(steps or 2):
            callbacks.on_train_batch_begin(batch)
            model.weight += 1
            callbacks.on_train_batch_end(batch, {"loss": logs["loss"]})
            if model.stop_training:
                break
        if "val_loss" in logs:
            callbacks.on_test_begin()
            callbacks.on_test_batch_begin(0)
            callbacks.on_test_batch_end(0, {"loss": logs["val_loss"]})
            callbacks.on_test_end({"loss": logs["val_loss"]})
        callbacks.on_epoch_end(epoch, logs)
        done.append(logs)
        if model.stop_training:
            break
    callbacks.on_train_end(done[-1])
    return model, done


# ---------------------------------------------------------------------------------------------- the family


def test_every_callback_has_a_case():
    built_in = set(registered(Callback))
    assert built_in == {type(callback).__name__ for callback in CASES}


@pytest.mark.parametrize("callback", CASES, ids=lambda callback: type(callback).__name__)
def test_conformance(callback, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", MagicMock())
    monkeypatch.setitem(sys.modules, "wandb", MagicMock())
    again = Callback.get(callback.to_spec())
    assert again is not callback
    assert again.to_spec() == callback.to_spec()
    if not any(callable(value) for value in callback.get_config().values()):
        assert json.loads(json.dumps(callback.to_spec())) == callback.to_spec()
    first = run([again], [3.0, 2.0, 1.0])[1]
    assert run([again], [3.0, 2.0, 1.0])[1][0].keys() == first[0].keys()
    assert again.to_spec() == callback.to_spec()


def test_unknown_callback_and_argument():
    with pytest.raises(ConfigError, match="did you mean 'EarlyStopping'"):
        CallbackList(["early_stoping"])
    with pytest.raises(ConfigError, match=r"EarlyStopping.patince: .*did you mean 'patience'"):
        CallbackList([{"EarlyStopping": {"patince": 3}}])


# -------------------------------------------------------------------------------------------- CallbackList


class Recorder(Callback):
    """Writes down every hook that is called."""

    calls: list | None = None


def _recording(hook):
    return lambda self, *arguments: self.calls.append((hook, *arguments))


for _hook in HOOKS:
    setattr(Recorder, _hook, _recording(_hook))


def test_hooks_reach_every_callback_in_order_with_the_same_logs():
    calls = []
    callbacks = CallbackList([Recorder(calls), Recorder(calls)])
    logs = {"loss": 1.0}
    for hook in HOOKS:
        calls.clear()
        getattr(callbacks, hook)(3, logs)
        assert calls == [(hook, 3, logs)] * 2
        assert all(call[-1] is logs for call in calls)


def test_callbacks_know_model_and_params():
    model, callback = FakeModel(), Recorder()
    CallbackList(callback, model, epochs=3, steps=None)
    assert callback.model is model
    assert callback.params == {"epochs": 3, "steps": None}


def test_wants_only_what_somebody_overrides():
    class OnlyEpochs(Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    callbacks = CallbackList([OnlyEpochs(), LambdaCallback(on_test_end=print)])
    assert [hook for hook in HOOKS if callbacks.wants(hook)] == ["on_epoch_end", "on_test_end"]
    assert not any(CallbackList().wants(hook) for hook in HOOKS)
    assert CallbackList([TerminateOnNaN()]).wants("on_train_batch_end")
    assert not CallbackList([ModelCheckpoint("x.keras")]).wants("on_train_batch_end")
    assert CallbackList([ModelCheckpoint("x.keras", save_freq=5)]).wants("on_train_batch_end")
    assert not CallbackList([ModelCheckpoint("x.keras", save_freq=5)]).wants("on_epoch_end")


def test_lambda_callback_offers_every_hook(capsys):
    assert set(LambdaCallback(**dict.fromkeys(HOOKS, print)).get_config()) == set(HOOKS)
    calls = []
    on_any = {
        name: lambda *given, name=name: calls.append((name, *given)) for name in ("on_batch_end", "on_test_begin")
    }
    callback = LambdaCallback(**on_any, on_something=print)
    callback.on_train_batch_end(3, {"loss": 1.0})
    assert calls == [("on_batch_end", 3, {"loss": 1.0})] and callback.on_something is print
    assert repr(LambdaCallback(on_test_end=print)) == "LambdaCallback(on_test_end=<built-in function print>)"
    assert callback.listens("on_train_batch_end") and not callback.listens("on_train_batch_begin")
    seen = []
    run([LambdaCallback(on_epoch_begin=lambda epoch, logs=None: seen.append(epoch))], [1.0, 1.0])
    assert seen == [0, 1]
    with pytest.raises(ConfigError, match=r"LambdaCallback.on_epoch_end: expected a function, got 'print'"):
        LambdaCallback(on_epoch_end="print")


def test_a_batch_costs_next_to_nothing_when_nobody_listens():
    callbacks = CallbackList([History(), ProgressBar()], FakeModel(), epochs=1, steps=10, verbose=1)
    assert not callbacks.wants("on_train_batch_begin")
    assert not callbacks.wants("on_train_batch_end")
    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(frame.f_code.co_name) if event == "call" else None)
    callbacks.on_train_batch_begin(0)
    callbacks.on_train_batch_end(0, None)
    sys.setprofile(None)
    assert calls == ["dispatch", "dispatch"]  # which goes through no callback


# ------------------------------------------------------------------------------------------------- history


def test_history_keeps_every_epoch_and_starts_afresh():
    history = History()
    for _ in range(2):
        run([history], [3.0, {"loss": 2.0}])
        assert history.epoch == [0, 1]
        assert history.history == {"loss": [3.0, 2.0], "val_loss": [3.0]}


# ---------------------------------------------------------------------------------------------- monitoring


MONITORS = [
    EarlyStopping,
    ReduceLROnPlateau,
    lambda **options: ModelCheckpoint("x.safetensors", save_best_only=True, **options),
]


@pytest.mark.parametrize("make", MONITORS)
def test_missing_quantity_is_an_error_that_lists_the_others(make):
    with pytest.raises(ConfigError) as error:
        run([make()], [{"loss": 1.0, "accuracy": 0.5}])
    message = str(error.value)
    assert message.startswith(f"{message.split()[0]} monitors 'val_loss', which this run does not log; available: loss")
    assert message.endswith("Pass validation_data or validation_split")
    with pytest.raises(ConfigError) as error:
        run([make(monitor="val_los", mode="min")], [1.0])
    assert "available: loss, val_loss" in str(error.value)
    assert "Pass" not in str(error.value)


def test_message_of_a_missing_quantity():
    with pytest.raises(ConfigError) as error:
        run([EarlyStopping()], [{"loss": 1.0, "accuracy": 0.5}])
    assert str(error.value) == (
        "EarlyStopping monitors 'val_loss', which this run does not log; available: loss, accuracy. "
        "Pass validation_data or validation_split"
    )


@pytest.mark.parametrize(
    ("monitor", "rises"),
    [
        ("loss", False),
        ("val_loss", False),
        ("accuracy", True),
        ("val_accuracy", True),
        ("acc", True),
        ("val_r2_score", True),
        ("mean_absolute_error", False),
        ("val_mse", False),
        ("hits", True),
        ("val_hits", True),
    ],
)
def test_auto_mode_takes_the_direction_of_the_metric(monitor, rises):
    model = FakeModel(metrics=[BinaryAccuracy(name="hits")])
    values = [{"loss": 0.0, monitor: value} for value in (1.0, 2.0, 1.0)]
    stopping = EarlyStopping(monitor, patience=9)
    run([stopping], values, model=model)
    assert stopping.best == (2.0 if rises else 1.0)
    for mode, best in (("max", 2.0), ("min", 1.0)):
        stopping = EarlyStopping(monitor, patience=9, mode=mode)
        run([stopping], values, model=model)
        assert stopping.best == best


@pytest.mark.parametrize("model", [FakeModel(), FakeModel(metrics=[Mean(name="surprise")])])
def test_auto_mode_does_not_guess(model):
    with pytest.raises(ConfigError, match="pass mode='max' or mode='min'"):
        run([EarlyStopping("surprise")], [{"loss": 1.0, "surprise": 1.0}], model=model)


def test_every_built_in_metric_but_plain_means_and_sums_has_a_direction():
    built_in = registered(Metric).values()
    assert {cls for cls in built_in if cls.higher_is_better is None} == {Mean, MeanMetricWrapper, Sum}


# ------------------------------------------------------------------------------------------- EarlyStopping


@pytest.mark.parametrize(
    ("options", "losses", "epochs"),
    [
        ({}, [3, 2, 2, 1], 3),
        ({}, [3, 2, 1], 3),
        ({"patience": 1}, [3, 2, 2, 1], 3),
        ({"patience": 2}, [3, 2, 2, 1, 2, 2, 0], 6),
        ({"patience": 2}, [3, 2, 2, 2, 0], 4),
        ({"min_delta": 0.5}, [3, 2, 1.5, 0], 3),
        ({"min_delta": 0.5}, [3, 2, 1.4, 0], 4),
        ({"mode": "max"}, [3, 4, 5, 4, 6], 4),
        ({"mode": "max", "min_delta": 0.5}, [3, 4, 4.5, 6], 3),
        ({"baseline": 1.0, "patience": 2}, [4, 3, 2, 1], 4),
        ({"baseline": 1.0, "patience": 2}, [4, 3, 3, 1], 3),
        ({"baseline": 3.5, "patience": 2}, [4, 3, 3, 3, 1], 4),
        ({"start_from_epoch": 2}, [1, 2, 3, 4, 5], 4),
        ({}, [float("nan")] * 4, 2),
        ({"patience": 2}, [float("nan"), 2, float("nan"), 1, 3, 3, 0], 6),
    ],
)
def test_early_stopping_stops_at(options, losses, epochs):
    stopping = EarlyStopping(**options)
    for _ in range(2):  # an instance may be used again
        model, done = run([stopping], losses)
        assert len(done) == epochs
        assert model.stop_training == (epochs < len(losses) or stopping.stopped_epoch > 0)
        assert stopping.stopped_epoch in (0, epochs - 1)


@pytest.mark.parametrize(
    ("options", "losses", "weight"),
    [
        ({"patience": 1}, [3, 1, 2, 2], 4),
        ({"patience": 9}, [3, 1, 2, 2], 4),
        ({"patience": 9}, [3, 2, 1], 6),
        ({"patience": 9, "start_from_epoch": 2}, [0, 0, 3, 2, 4], 8),
        ({"patience": 1, "baseline": 0.5}, [3, 1, 2], 4),
        ({"patience": 1}, [float("nan"), float("nan"), 1], 2),
        ({"patience": 9, "restore_best_weights": False}, [3, 1, 2, 2], 8),
    ],
)
def test_early_stopping_restores_the_best_weights(options, losses, weight):
    stopping = EarlyStopping(**{"restore_best_weights": True, **options})
    assert run([stopping], losses)[0].weight == weight
    assert stopping.best_epoch == {4: 1, 6: 2, 8: 3 if "start_from_epoch" in options else 1, 2: 0}[weight]


def test_early_stopping_forgets_the_weights_of_an_earlier_run():
    stopping = EarlyStopping(patience=9, restore_best_weights=True)
    assert run([stopping], [3.0, 2.0, 1.0])[0].weight == 6
    assert run([stopping], [float("nan")] * 2)[0].weight == 2


def test_early_stopping_says_what_it_does(capsys):
    run([EarlyStopping(verbose=1, restore_best_weights=True)], [2.0, 1.0, 3.0])
    expected = "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_terminate_on_nan_ends_within_the_epoch(loss, capsys):
    model, done = run([TerminateOnNaN()], [1.0, loss, 1.0], steps=5)
    assert (len(done), model.weight.item()) == (2, 6)
    assert capsys.readouterr().out == "Batch 0: Invalid loss, terminating training\n"


# ----------------------------------------------------------------------------------------- ModelCheckpoint


@pytest.mark.parametrize(
    ("options", "saved"),
    [
        ({}, ["1-3.00", "2-1.00", "3-2.00", "4-0.50"]),
        ({"save_best_only": True}, ["1-3.00", "2-1.00", "4-0.50"]),
        ({"save_best_only": True, "mode": "max"}, ["1-3.00"]),
        ({"save_best_only": True, "initial_value_threshold": 1.0}, ["4-0.50"]),
    ],
)
def test_checkpoints_every_epoch(tmp_path, options, saved):
    template = tmp_path / "new" / "{epoch}-{val_loss:.2f}.safetensors"
    model, _ = run([ModelCheckpoint(template, **options)], [3.0, 1.0, 2.0, 0.5])
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [f"{name}.safetensors" for name in saved]
    assert {kind for kind, *_ in model.saved} == {"model"}


def test_checkpoint_of_weights_only(tmp_path):
    model, _ = run([ModelCheckpoint(str(tmp_path / "w.weights.h5"), save_weights_only=True)], [3.0, 1.0])
    assert model.saved == [("weights", str(tmp_path / "w.weights.h5"), weight) for weight in (2.0, 4.0)]


@pytest.mark.parametrize(
    ("filepath", "weights_only", "remedy"),
    [
        ("{epoch}.h5", True, ".weights.h5"),
        ("best.keras", True, ".weights.h5"),
        ("best.weights.h5", False, ".keras"),
    ],
)
def test_checkpoints_named_as_files_of_another_kind_are_refused_at_once(filepath, weights_only, remedy):
    with pytest.raises(ConfigError, match=f"expects {remedy} at the end"):
        ModelCheckpoint(filepath, save_weights_only=weights_only)


def test_checkpoint_every_few_batches(tmp_path):
    template = str(tmp_path / "{epoch:02d}-{batch:02d}-{loss:.1f}.keras")
    model, _ = run([ModelCheckpoint(template, save_freq=3)], [3.0, 1.0, 2.0], steps=4)
    assert [Path(path).stem for _, path, _ in model.saved] == ["01-03-3.0", "02-02-1.0", "03-01-2.0", "03-04-2.0"]
    assert [weight for *_, weight in model.saved] == [3, 6, 9, 12]


def test_best_checkpoint_holds_over_several_runs(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    assert len(run([checkpoint], [3.0, 1.0])[0].saved) == 2
    assert len(run([checkpoint], [2.0, 0.5])[0].saved) == 1


def test_checkpoint_says_what_it_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run([ModelCheckpoint("m.keras", save_best_only=True, verbose=1)], [3.0, 1.0, 2.0])
    run([ModelCheckpoint("m.keras", verbose=1)], [3.0])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from None to 3.00000, saving model to m.keras",
        "Epoch 1: finished saving model to m.keras",
        "Epoch 2: val_loss improved from 3.00000 to 1.00000, saving model to m.keras",
        "Epoch 2: finished saving model to m.keras",
        "Epoch 3: val_loss did not improve from 1.00000",
        "Epoch 1: saving model to m.keras",
        "Epoch 1: finished saving model to m.keras",
    ]


def test_every_epoch_is_saved_without_a_monitored_quantity(tmp_path):
    assert len(run([ModelCheckpoint(tmp_path / "m.keras")], [{"loss": 1.0}])[0].saved) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{val_los}.keras", "ModelCheckpoint.filepath: unknown name 'val_los'.*did you mean 'val_loss'"),
        ("{loss:zz}.keras", "ModelCheckpoint.filepath: cannot fill in"),
        ("{}.keras", "ModelCheckpoint.filepath: cannot fill in"),
    ],
)
def test_bad_checkpoint_path(path, message):
    with pytest.raises(ConfigError, match=message):
        run([ModelCheckpoint(path)], [1.0])


@pytest.mark.parametrize("options", [{"save_freq": "batch"}, {"save_freq": 0}, {"filepath": 3}, {"verbose": 7}])
def test_bad_checkpoint_arguments(options):
    with pytest.raises(ConfigError, match=f"ModelCheckpoint.{next(iter(options))}"):
        ModelCheckpoint(**{"filepath": "x.keras", **options})


# --------------------------------------------------------------------------------------------------- rates


def test_learning_rate_scheduler_sets_and_logs_the_rate(capsys):
    rates = {0: 0.1, 1: 0.05, 2: 0.025}
    scheduler = LearningRateScheduler(lambda epoch, rate: rate if epoch == 0 else rate / 2, verbose=1)
    history = History()
    model, _ = run([scheduler, history], [1.0, 1.0, 1.0])
    assert history.history["learning_rate"] == list(rates.values())
    assert model.optimizer.learning_rate == 0.025
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.05.\n" in capsys.readouterr().out


@pytest.mark.parametrize("rate", [None, "fast", "0.1", float("nan"), -1.0])
def test_scheduler_that_returns_no_rate(rate):
    with pytest.raises(ConfigError, match=r"LearningRateScheduler.schedule: "):
        run([LearningRateScheduler(lambda epoch, old: rate)], [1.0])


@pytest.mark.parametrize(
    ("options", "losses", "rates"),
    [
        ({"patience": 2}, [3, 2, 2, 2, 1], [1, 1, 1, 1, 0.1]),
        ({"patience": 1, "factor": 0.5}, [3, 3, 3, 3], [1, 1, 0.5, 0.25]),
        ({"patience": 0, "factor": 0.5}, [3, 3, 3, 2], [1, 1, 0.5, 0.25]),
        ({"patience": 1, "factor": 0.5, "cooldown": 2}, [3, 3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ({"patience": 1, "factor": 0.5, "cooldown": 9}, [3, 3, 3], [1, 1, 0.5]),
        ({"patience": 2, "factor": 0.5}, [3] * 6, [1, 1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "factor": 0.5, "min_lr": 0.4}, [3] * 5, [1, 1, 0.5, 0.4, 0.4]),
        ({"patience": 1, "factor": 0.5, "min_lr": 2.0}, [3] * 3, [1, 1, 1]),
        ({"patience": 1, "factor": 0.5}, [3, 2.99995, 2.9998], [1, 1, 0.5]),
        ({"patience": 1, "factor": 0.5, "min_delta": 0.0}, [3, 2.99995, 2.9998], [1, 1, 1]),
        ({"patience": 1, "factor": 0.5, "mode": "max"}, [1, 2, 2, 3], [1, 1, 1, 0.5]),
    ],
)
def test_reduce_on_plateau(options, losses, rates):
    plateau, history = ReduceLROnPlateau(**options), History()
    for _ in range(2):  # an instance may be used again
        run([plateau, history], losses, model=FakeModel(learning_rate=1.0))
        assert history.history["learning_rate"] == pytest.approx(rates, rel=1e-12)


def test_reduce_on_plateau_says_what_it_does(capsys):
    run([ReduceLROnPlateau(patience=1, factor=0.5, verbose=1)], [1.0, 1.0])
    assert capsys.readouterr().out == "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.05.\n"


def test_defaults_are_those_of_keras():
    assert EarlyStopping().get_config() == {
        "monitor": "val_loss",
        "min_delta": 0.0,
        "patience": 0,
        "verbose": 0,
        "mode": "auto",
        "baseline": None,
        "restore_best_weights": False,
        "start_from_epoch": 0,
    }
    assert ReduceLROnPlateau().get_config() == {
        "monitor": "val_loss",
        "factor": 0.1,
        "patience": 10,
        "verbose": 0,
        "mode": "auto",
        "min_delta": 1e-4,
        "cooldown": 0,
        "min_lr": 0.0,
    }
    assert ModelCheckpoint("x.keras").get_config() == {
        "filepath": "x.keras",
        "monitor": "val_loss",
        "verbose": 0,
        "save_best_only": False,
        "save_weights_only": False,
        "mode": "auto",
        "save_freq": "epoch",
        "initial_value_threshold": None,
    }


@pytest.mark.parametrize("callback", [ReduceLROnPlateau(), LearningRateScheduler(lambda epoch, rate: rate)])
def test_a_schedule_of_the_optimizer_is_not_overwritten(callback):
    with pytest.raises(ConfigError, match=f"{type(callback).__name__} sets the learning rate, but .* already follows"):
        run([callback], [1.0], model=(model := FakeModel(learning_rate=object())))
    assert model.weight == 0, "the error comes before the first step"


def test_a_factor_of_one_is_an_error():
    with pytest.raises(ConfigError, match=r"ReduceLROnPlateau.factor: must be in \[0, 1\), got 1.0"):
        ReduceLROnPlateau(factor=1.0)


# --------------------------------------------------------------------------------------------------- CSV


def test_csv_bytes(tmp_path):
    path = tmp_path / "new" / "history.csv"
    script = [{"loss": 0.1, "accuracy": np.float32(0.1)}, {"loss": 1e-7, "accuracy": 1.0}]
    run([CSVLogger(path)], script)
    header = b"epoch,accuracy,loss,val_accuracy,val_loss\n"  # in the order of names, as Keras
    expected = header + b"0,0.10000000149011612,0.1,NA,NA\n1,1.0,1e-07,NA,NA\n"
    assert path.read_bytes() == expected
    run([CSVLogger(path)], script)
    assert path.read_bytes() == expected


def test_csv_has_texts_as_they_are_and_knows_its_columns(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    assert logger.keys is None
    logger.on_epoch_end(0, {"loss": 0.5, "best": "yes, so far"})
    assert (tmp_path / "log.csv").read_text().splitlines()[1] == '0,"yes, so far",0.5,NA,NA'
    assert logger.keys == ["best", "loss", "val_best", "val_loss"]


def test_csv_values_are_read_back_exactly(tmp_path):
    losses = np.random.default_rng(0).normal(size=20).tolist()
    run([CSVLogger(tmp_path / "log", separator="\t")], losses)
    rows = (tmp_path / "log").read_text().splitlines()
    assert rows[0] == "epoch\tloss\tval_loss"
    assert [float(row.split("\t")[1]) for row in rows[1:]] == losses


def test_csv_is_complete_after_every_epoch(tmp_path):
    lengths = []
    count = LambdaCallback(
        on_epoch_end=lambda epoch, logs: lengths.append(len((tmp_path / "log").read_text().splitlines()))
    )
    run([CSVLogger(tmp_path / "log"), count], [1.0, 2.0])
    assert lengths == [2, 3]


def test_csv_append_and_columns_that_come_late(tmp_path):
    path = tmp_path / "log"
    run([CSVLogger(path, append=True)], [{"loss": 3.0}, {"loss": 2.0, "val_loss": 5.0}])
    assert path.read_text() == "epoch,loss,val_loss\n0,3.0,NA\n1,2.0,5.0\n"
    run([CSVLogger(path, append=True)], [{"val_loss": 1.0, "loss": float("nan")}, {"loss": 4.0}])
    assert path.read_text() == "epoch,loss,val_loss\n0,3.0,NA\n1,2.0,5.0\n0,nan,1.0\n1,4.0,NA\n"
    run([CSVLogger(path)], [{"loss": 3.0}, {"loss": 2.0, "rate": 0.5}])
    assert path.read_text() == "epoch,loss,val_loss,rate\n0,3.0,NA,NA\n1,2.0,NA,0.5\n"


@pytest.mark.parametrize("cls", [EarlyStopping, ReduceLROnPlateau, partial(ModelCheckpoint, "model.keras")])
def test_an_unknown_mode_counts_as_auto(cls):
    with pytest.warns(UserWarning, match="unknown mode 'lowest', not one of auto, min, max; 'auto' is used"):
        assert cls(mode="lowest").mode == "auto"


def test_csv_separator_is_one_character():
    with pytest.raises(ConfigError, match=r"CSVLogger.separator: must be one character, got '--'"):
        CSVLogger("x", separator="--")


# -------------------------------------------------------------------------------------------- ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


SCRIPT = [
    {"loss": 0.5, "accuracy": 0.25, "val_loss": 1e-5, "val_accuracy": 1.0},
    {"loss": 1234567.0, "accuracy": 0.0, "val_loss": float("nan"), "val_accuracy": 0.5},
]
TIME = r"\d+(us|ms|s)/step"
LOGS = [
    r"loss: 0\.5000 - accuracy: 0\.2500 - val_loss: 1\.0000e-05 - val_accuracy: 1\.0000",
    r"loss: 1234567\.0000 - accuracy: 0\.0000e\+00 - val_loss: nan - val_accuracy: 0\.5000",
]
BAR = "━" * 20
BARS = [line for epoch in (0, 1) for line in (f"Epoch {epoch + 1}/2", rf"4/4 {BAR} 0s {TIME} - {LOGS[epoch]}")]
LINES = [line.replace(f" {BAR} 0s ", " - 0s - ") for line in BARS]


def visible(text):
    """The lines that stay on the screen: what follows the last carriage return of each."""
    return [line.rpartition("\r")[2] for line in text.removesuffix("\n").split("\n")]


def matches(lines, patterns):
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


class StandingClock:
    """A clock that stands still until a test moves it."""

    def __init__(self):
        self.now = 0.0

    def move(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """The clock that bars look at."""
    clock = StandingClock()
    for module in ("bars", "progress"):
        monkeypatch.setattr(f"nnlite.callbacks.{module}.perf_counter", lambda: clock.now)
    return clock


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("verbose", "expected"), [(1, BARS), (2, LINES)])
def test_progress_in_a_log_file_is_one_line_per_epoch_below_its_number(verbose, expected, capsys):
    run([ProgressBar()], SCRIPT, steps=4, verbose=verbose)
    text = capsys.readouterr().out
    assert "\r" not in text
    assert text.endswith("\n")
    assert matches(text.splitlines(), expected), text


@pytest.mark.usefixtures("clock")
def test_progress_in_a_terminal_is_a_live_bar_and_then_the_line(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    run([ProgressBar()], SCRIPT, steps=4)
    text = terminal.getvalue()
    assert re.search(rf"Epoch 1/2\n\r1/4 ━━━━━ {{16}}0s {TIME} - loss: 0\.5000\r", text)
    assert re.search(rf"Epoch 2/2 \(0s left\)\n\r1/4 ━━━━━ {{16}}0s {TIME} - loss: 1234567\.0000\r", text)
    assert matches([line.replace(" (0s left)", "") for line in visible(text)], BARS), visible(text)


def test_progress_in_a_terminal_redraws_at_most_ten_times_a_second(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    wait = LambdaCallback(on_train_batch_end=lambda batch, logs: clock.move(2**-7))
    run([ProgressBar(), wait], SCRIPT[:1], steps=2**10)  # 8 seconds
    assert terminal.getvalue().count("\r") == 2**10 // 13 + 2  # each 13 steps, the first and the last


def test_progress_of_verbose_two_in_a_terminal_has_no_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    run([ProgressBar()], SCRIPT, steps=4, verbose=2)
    assert "\r" not in terminal.getvalue()
    assert matches(terminal.getvalue().splitlines(), LINES)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_is_silent_when_not_verbose(stream, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream())
    callbacks = CallbackList([ProgressBar()], FakeModel(), epochs=2, steps=None, verbose=0)
    assert not any(callbacks.wants(hook) for hook in HOOKS)
    run([ProgressBar()], SCRIPT, verbose=0)
    assert sys.stdout.getvalue() == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_counts_steps_of_unknown_number(stream, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream())
    run([ProgressBar()], SCRIPT[:1], steps=None)
    assert matches(visible(sys.stdout.getvalue()), [BARS[1].replace("4/4", "2/2")])


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_of_evaluation_and_prediction(stream, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream())
    callbacks = CallbackList([ProgressBar()], FakeModel(), steps=1, verbose=1)
    callbacks.on_test_begin()
    callbacks.on_test_batch_end(0, {"loss": 0.5})
    callbacks.on_test_end({"loss": 0.5})
    callbacks.on_predict_begin()
    callbacks.on_predict_batch_end(0)
    callbacks.on_predict_end()
    lines = visible(sys.stdout.getvalue())
    assert matches(lines, [f"1/1 {BAR} 0s {TIME} - loss: 0\\.5000", f"1/1 {BAR} 0s {TIME}"])


def test_progress_in_a_notebook_is_live(monkeypatch):
    class OutStream(io.StringIO):
        __module__ = "ipykernel.iostream"

    monkeypatch.setattr(sys, "stdout", OutStream())
    assert CallbackList([ProgressBar()], FakeModel(), epochs=1, steps=1, verbose=1).wants("on_train_batch_end")


def test_progress_shows_the_mean_of_an_array_of_scores(capsys):
    run([ProgressBar()], [{"loss": 0.5, "r2_score": np.array([0.25, 0.75])}])
    assert capsys.readouterr().out.endswith(" - loss: 0.5000 - r2_score: 0.5000\n")


def test_progress_of_an_epoch_cut_short_in_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    run([ProgressBar(), TerminateOnNaN()], [float("nan")], steps=5)
    assert visible(sys.stdout.getvalue())[-1].startswith("1/5 ━━━━ ")


def test_an_interrupted_epoch_leaves_no_bar_behind(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    callbacks = CallbackList([ProgressBar()], FakeModel(), epochs=1, steps=9, verbose=1)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    callbacks.on_train_end()
    assert visible(sys.stdout.getvalue()) == [""]


def test_a_line_that_is_drawn_over_is_cut_to_the_width_of_the_terminal_and_the_last_is_whole(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    run([ProgressBar()], [SCRIPT[0]], steps=4)
    *live, last = sys.stdout.getvalue().strip().split("\r")
    assert [len(line) for line in live] == [39] and last.endswith("val_accuracy: 1.0000")


def test_what_is_drawn_in_a_notebook_is_not_cut(monkeypatch):
    Cell = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    monkeypatch.setattr(sys, "stdout", Cell())
    monkeypatch.setenv("COLUMNS", "40")
    run([ProgressBar()], [SCRIPT[0]], steps=4)
    assert re.search(r"\r1/4 .* loss: 0\.5000\r", sys.stdout.getvalue())


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_errors_begin_a_line_below_the_bar(method, monkeypatch):
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((9, 2))
    arguments = (x,) if method == "predict" else (x, x[:, :1])
    monkeypatch.setattr(sys, "stdout", Terminal())

    def interrupt(batch, logs):
        if batch == 2:
            raise KeyboardInterrupt

    hook = {"fit": "train", "evaluate": "test", "predict": "predict"}[method]
    stop = LambdaCallback(**{f"on_{hook}_batch_end": interrupt})
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(*arguments, batch_size=1, callbacks=[stop], verbose=1)
    text = sys.stdout.getvalue()
    assert "/9 ━━" in text and visible(text)[-1] == "" and Progbar.on_screen is None


@pytest.mark.parametrize(("encoding", "filled"), [("ascii", "="), ("cp1252", "="), ("utf-8", "\u2501")])
def test_a_bar_has_characters_of_the_encoding_of_the_output(encoding, filled, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr("sys.stdout", stream)
    Progbar(2, width=4).update(2)
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding).startswith(f"2/2 {4 * filled} 0s ")


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_program_without_an_output_trains(verbose, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit([[1.0]], [[1.0]], epochs=2, verbose=verbose).epoch) == 2


def test_every_line_reaches_a_log_file_at_once(monkeypatch, tmp_path):
    with open(tmp_path / "log", "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        lengths = []
        count = LambdaCallback(on_epoch_end=lambda epoch, logs: lengths.append((tmp_path / "log").read_text()))
        run([ProgressBar(), count], [1.0, 2.0])
    assert [text.count("\n") for text in lengths] == [2, 4]


def test_a_single_epoch_has_no_number_and_the_last_line_no_time_left(capsys):
    run([ProgressBar()], [1.0])
    assert len(capsys.readouterr().out.splitlines()) == 1
    run([ProgressBar()], [1.0] * 10)
    assert capsys.readouterr().out.splitlines()[18] == "Epoch 10/10"


def test_time_per_step_is_that_of_training(clock, capsys):
    wait = LambdaCallback(
        on_train_batch_end=lambda batch, logs: clock.move(0.03), on_test_begin=lambda logs=None: clock.move(100)
    )
    run([ProgressBar(), wait], [1.0], steps=2)
    assert " 30ms/step " in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "text"), [(2.5e-5, "25us"), (1.23e-3, "1ms"), (0.9, "900ms"), (2, "2s")])
def test_unit_of_the_time_per_step(seconds, text):
    assert time_of_step(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0s"), (59, "59s"), (61, "1:01"), (3725, "1:02:05")])
def test_time_that_is_left(seconds, text):
    assert duration(seconds) == text


def test_messages_do_not_tear_the_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    run([ReduceLROnPlateau(patience=0, verbose=1), ProgressBar()], [1.0, 1.0])
    lines = visible(terminal.getvalue())
    assert lines[3] == "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.010000000000000002."
    assert [line[:9] for line in lines] == ["Epoch 1/2", "2/2 ━━━━━", "Epoch 2/2", "Epoch 2: ", "2/2 ━━━━━"]


def test_importing_callbacks_loads_numpy_only():
    code = "import nnlite.callbacks, sys; print([m for m in ('pandas', 'sklearn', 'yaml') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("given", "seconds"), [(2, 2), (0.5, 0.5), ("90s", 90), ("1.5m", 90), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations(given, seconds):
    assert MaxTime(given).seconds == seconds
    assert MaxTime.get(MaxTime(given).to_spec()).seconds == seconds


@pytest.mark.parametrize("given", [0, -1, "10", "10 m", "m", "", "1y", "0s", math.inf, None, True])
def test_what_is_no_duration(given):
    if given == "10":
        assert MaxTime(given).seconds == 10  # a number, as text
        return
    with pytest.raises(ConfigError, match=r"MaxTime\.max_time: "):
        MaxTime(given)


class Clock:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self):
        self.now = 0

    def monotonic(self):
        self.now += 1
        return self.now


def test_training_ends_after_the_batch_that_passes_the_time(monkeypatch, capsys):
    monkeypatch.setattr("nnlite.callbacks.stopping.time", Clock())
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    batches = []
    count = LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    x = np.ones((40, 2))
    history = model.fit(x, x[:, 0], batch_size=10, epochs=9, callbacks=[count], max_time="6s", verbose=0)
    assert batches == [0, 1, 2, 3, 0, 1] and history.epoch == [0, 1]
    assert capsys.readouterr().out == "Batch 2: the time of 6s is over, stopping\n"
    model.fit(x, x[:, 0], batch_size=10, epochs=9, callbacks=[MaxTime(1)], verbose=0)
    assert capsys.readouterr().out == "Batch 1: the time of 1 s is over, stopping\n"
    with pytest.raises(ConfigError, match=r"fit\.max_time: expected seconds, or a duration such as 90s"):
        model.fit(x, x[:, 0], max_time="soon")
