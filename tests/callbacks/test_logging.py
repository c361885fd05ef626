"""Logs for people, programs, TensorBoard and trackers of experiments."""

import json
import math
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import nnlite
from nnlite import Sequential
from nnlite.callbacks import Callback, MLflowLogger, ProgressLog, TensorBoard, WandbLogger
from nnlite.callbacks.event_files import EventFile, crc32c
from nnlite.cli import main
from nnlite.errors import ConfigError, MissingLibraryError
from nnlite.layers import Dense
from nnlite.optimizers import SGD

ROOT = Path(nnlite.__file__).parents[1]
X = np.random.default_rng(0).standard_normal((64, 3))
Y = X @ [1.0, 2.0, 3.0]
CONFIG = """\
seed: 0
data: {source: {SklearnDataset: {name: iris}}}
model: [{Dense: {units: 3}}]
compile: {loss: {SparseCategoricalCrossentropy: {from_logits: true}}, metrics: [accuracy]}
fit: {epochs: 6}
"""


def fitted(*callbacks, epochs=3, **more):
    model = Sequential([Dense(2, "tanh", name="first"), Dense(1, name="last")], seed=0)
    model.compile({"Adam": {"learning_rate": 0.01}}, "mse", ["mae"])
    model.fit(X, Y, batch_size=16, epochs=epochs, callbacks=list(callbacks), validation_data=(X, Y), verbose=0, **more)
    return model


# Lines


def test_json_lines_have_every_figure(capsys):
    model = fitted(ProgressLog(format="json"))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["epoch"], event["epochs"], event["step"]) for event in events] == [
        ("epoch", 1, 3, 4), ("epoch", 2, 3, 8), ("epoch", 3, 3, 12)
    ]  # fmt: skip
    for name, values in model.history.history.items():
        assert [event[name] for event in events] == values
    assert 0 <= events[0]["seconds"] <= events[1]["seconds"]


def test_json_has_null_for_what_is_not_finite(capsys):
    log = ProgressLog(format="json")
    log.set_params({"epochs": 1})
    log.set_model(fitted())
    log.on_train_begin()
    log.on_epoch_end(0, {"loss": math.nan, "each": np.array([1.0, math.inf])})
    event = json.loads(capsys.readouterr().out)
    assert event["loss"] is None and event["each"] == [1.0, None]


def test_lines_come_every_so_many_epochs_and_at_the_end(capsys):
    fitted(ProgressLog(3), epochs=8)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["Epoch 3/8", "Epoch 6/8", "Epoch 8/8"]
    assert re.fullmatch(r"Epoch 8/8  step 32  \ds  loss [\d.]+  mae [\d.]+  val_loss [\d.]+  val_mae [\d.]+", lines[-1])


def test_lines_come_at_intervals_within_an_epoch_too(capsys, monkeypatch):
    moments = iter(range(10_000))  # each look at the clock is a second later
    monkeypatch.setattr("nnlite.callbacks.progress.perf_counter", lambda: float(next(moments)))
    fitted(ProgressLog("0.1m", "json"), epochs=4)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {event["event"] for event in events} == {"step", "epoch"} and events[-1]["epoch"] == 4
    assert events[-1]["event"] == "epoch"
    gaps = np.diff([event["seconds"] for event in events[:-1]])
    assert (gaps >= 6).all() and (gaps <= 8).all()


def test_an_interval_may_have_spaces():
    assert ProgressLog(" 1.5 m")._seconds == ProgressLog("90s")._seconds == 90


@pytest.mark.parametrize("every", ["often", "10 seconds", "-3s", ""])
def test_an_interval_that_is_none_is_refused(every):
    with pytest.raises(ConfigError, match="expected a number of epochs, or a time such as 10s or 2m"):
        ProgressLog(every)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)


def test_the_command_prints_json_lines_alone(config, capsys):
    assert main(["train", "c.yaml", "--log-format", "json", "--log-every", "2"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["epoch", "epoch", "epoch", "end"]
    assert [event["epoch"] for event in events[:-1]] == [2, 4, 6]
    end = events[-1]
    kept = json.loads(Path(end["run"], "metrics.json").read_text())
    assert {**end["metrics"], "baseline": end["baseline"]} == {key: kept[key] for key in kept if key != "warnings"}
    assert "ProgressLog" not in Path(end["run"], "config.yaml").read_text()


def test_the_command_prints_lines_at_intervals_and_then_the_metrics(config, capsys):
    assert main(["train", "c.yaml", "--log-every", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines[:2]] == ["Epoch 4/6", "Epoch 6/6"] and lines[2].startswith("part ")
    assert main(["train", "c.yaml", "--log-every", "soon"]) == 2
    assert "--log-every soon: expected a number of epochs" in capsys.readouterr().err
    assert main(["train", "c.yaml", "--log-every", "4", "--quiet"]) == 2


def test_a_log_file_has_plain_lines(config):
    done = subprocess.run(
        [sys.executable, "-m", "nnlite", "train", "c.yaml"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert done.returncode == 0 and b"\r" not in done.stdout + done.stderr and b"\x1b" not in done.stdout
    assert done.stdout.count(b"Epoch") == 6


# TensorBoard


def records(path):
    """The contents of a TFRecord file, with sums checked."""

    def masked(content):
        crc = crc32c(content)
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    content, found = path.read_bytes(), []
    while content:
        (length, crc) = struct.unpack("<QI", content[:12])
        assert crc == masked(content[:8])
        found.append(content[12 : 12 + length])
        assert struct.unpack("<I", content[12 + length : 16 + length])[0] == masked(found[-1])
        content = content[16 + length :]
    return found


def test_crc32c_is_that_of_the_standard():
    # RFC 3720, B.4
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E and crc32c(b"") == 0


def test_event_files_are_whole_and_begin_with_their_version(tmp_path):
    file = EventFile(tmp_path / "new" / "folder")
    file.scalars(300, {"loss": 0.5})
    file.close()
    first, second = records(file.path)
    assert b"brain.Event:2" in first and b"loss" in second and struct.pack("<f", 0.5) in second
    assert b"\x10\xac\x02" in second  # step 300
    assert EventFile(tmp_path).path != EventFile(tmp_path).path


def read_events(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    return events.Reload()


def scalars(events, tag):
    if tag in events.Tags()["scalars"]:
        return [(event.step, event.value) for event in events.Scalars(tag)]
    return [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]


def test_tensorboard_reads_what_was_logged(tmp_path):
    model = fitted(TensorBoard(tmp_path, histogram_freq=2, write_steps_per_second=True, update_freq=2))
    history, train = model.history.history, read_events(tmp_path / "train")
    for folder, prefix in (("train", ""), ("validation", "val_")):
        events = read_events(tmp_path / folder)
        for name in ("loss", "mae"):
            found = scalars(events, f"epoch_{name}")
            assert [step for step, _ in found] == [0, 1, 2]
            assert np.allclose([value for _, value in found], history[prefix + name], rtol=1e-6)
    assert np.allclose([value for _, value in scalars(train, "epoch_learning_rate")], 0.01)
    assert len(scalars(train, "epoch_steps_per_second")) == 3
    assert [step for step, _ in scalars(train, "batch_loss")] == [2, 4, 6, 8, 10, 12]
    tags = train.Tags()
    assert {"first/kernel", "first/bias", "last/kernel", "last/bias"} <= set(tags["histograms"] + tags["tensors"])
    histogram = train.Histograms("first/kernel")
    assert [event.step for event in histogram] == [0, 2]
    kernel, last = model.layers[0].weights[0].value, histogram[-1].histogram_value
    assert last.num == kernel.size and np.isclose(last.min, kernel.min()) and np.isclose(last.max, kernel.max())
    assert np.isclose(last.sum, kernel.sum()) and sum(last.bucket) == kernel.size
    assert last.bucket_limit[-1] == last.max


def test_tensorboard_logs_the_rate_that_a_function_gives(tmp_path):
    model = Sequential([Dense(1)], seed=0)
    model.compile(SGD(lambda: 0.25), "mse")
    model.fit([[0.0], [1.0]], [0.0, 1.0], callbacks=[TensorBoard(tmp_path)], verbose=0)
    assert scalars(read_events(tmp_path / "train"), "epoch_learning_rate") == [(0, 0.25)]


def test_batches_are_not_logged_unless_asked_for(tmp_path):
    fitted(TensorBoard(tmp_path))
    assert not any("batch_" in tag for tag in read_events(tmp_path / "train").Tags()["scalars"])
    assert not TensorBoard(tmp_path).listens("on_train_batch_end") and TensorBoard(update_freq=3).listens(
        "on_train_batch_end"
    )
    assert TensorBoard(update_freq="batch").update_freq == 1


def test_values_that_are_not_finite_are_written(tmp_path):
    file = EventFile(tmp_path)
    file.scalars(0, {"nan": math.nan, "large": 1e300})
    file.histogram(0, "weights", np.array([math.nan]))
    file.close()
    events = read_events(tmp_path)
    assert math.isnan(scalars(events, "nan")[0][1]) and scalars(events, "large")[0][1] == math.inf


def test_the_command_writes_event_files(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text(CONFIG.replace("epochs: 6", "epochs: 2"))
    folder, run = tmp_path / "logs", str(tmp_path / "run")
    train = ["train", str(tmp_path / "config.yaml"), "--quiet", "--out", run]
    assert main([*train, "--tensorboard", str(folder)]) == 0
    assert [step for step, _ in scalars(read_events(folder / "train"), "epoch_loss")] == [0, 1]
    assert main(["train", "--resume", run, "--epochs", "3", "--quiet", "--tensorboard", str(tmp_path / "more")]) == 0
    assert [step for step, _ in scalars(read_events(tmp_path / "more" / "train"), "epoch_loss")] == [2]


class LogsMore(Callback):
    """A figure of its own for each of the others: all have the same `log(name, value, step)`."""

    def __init__(self, *others):
        super().__init__()
        self.others = others

    def on_epoch_end(self, epoch, logs=None):
        for other in self.others:
            other.log("mine/half", logs["loss"] / 2, epoch)


def test_callbacks_log_further_figures_by_one_method(tmp_path, monkeypatch):
    mlflow, wandb = StandIn(), WandbStandIn()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    others = [TensorBoard(tmp_path), MLflowLogger(), WandbLogger()]
    model = fitted(LogsMore(*others), *others)  # the first to be called: it opens the runs
    halves = [loss / 2 for loss in model.history.history["loss"]]
    written = scalars(read_events(tmp_path / "train"), "mine/half")
    assert [step for step, _ in written] == [0, 1, 2]
    np.testing.assert_allclose([value for _, value in written], halves, rtol=1e-6)
    logged = [arguments[0] for name, arguments, _ in mlflow.calls if name == "log_metrics"]
    assert [values["mine/half"] for values in logged if "mine/half" in values] == halves
    logged = [call[1] for call in wandb.calls if call[0] == "log"]
    assert [values["mine/half"] for values in logged if "mine/half" in values] == halves


# MLflow


class StandIn(ModuleType):
    """What the callback uses of MLflow, noting each call."""

    def __init__(self, active=None):
        super().__init__("mlflow")
        self.calls, self.active = [], active

    def active_run(self):
        return self.active

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            return SimpleNamespace(info=SimpleNamespace(run_id="7"))

        return call


def test_mlflow_gets_a_run_with_settings_and_epochs(monkeypatch):
    mlflow = StandIn()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    model = fitted(MLflowLogger("prices", "first", "file:mlruns", {"who": "me"}))
    names = [name for name, _, _ in mlflow.calls]
    assert names == [
        "set_tracking_uri", "set_experiment", "start_run", "set_tags", "log_params", *["log_metrics"] * 3, "end_run"
    ]  # fmt: skip
    settings = mlflow.calls[4][1][0]
    assert settings["optimizer"] == "Adam" and settings["optimizer.learning_rate"] == 0.01
    assert settings["epochs"] == 3 and settings["parameters"] == 11 and "MeanSquaredError" in settings["loss"]
    logged = [(arguments[0], options["step"]) for name, arguments, options in mlflow.calls if name == "log_metrics"]
    assert [step for _, step in logged] == [0, 1, 2]
    assert [values["val_mae"] for values, _ in logged] == model.history.history["val_mae"]


def test_a_run_that_is_active_is_used_and_left_open(monkeypatch):
    mlflow = StandIn(active="a run")
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    fitted(MLflowLogger())
    assert [name for name, _, _ in mlflow.calls] == ["log_params", *["log_metrics"] * 3]


def test_without_mlflow_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingLibraryError, match=r'MLflow, which is not installed: pip install "nnlite\[mlflow\]"'):
        fitted(MLflowLogger())


def test_a_resumed_training_goes_on_in_its_run_of_mlflow(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", StandIn())
    fitted(MLflowLogger(), {"Checkpoints": {"folder": str(tmp_path)}}, epochs=2)
    mlflow = StandIn()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    fitted(MLflowLogger(), epochs=3, resume=tmp_path)
    assert [(name, options) for name, _, options in mlflow.calls] == [
        ("start_run", {"run_id": "7"}), ("log_metrics", {"step": 2}), ("end_run", {})
    ]  # fmt: skip


# Weights & Biases


class WandbStandIn(ModuleType):
    """What the callback uses of wandb, noting each call."""

    def __init__(self, run=None):
        super().__init__("wandb")
        self.calls, self.run = [], run

    def init(self, **options):
        self.calls.append(("init", options))
        return self.new_run()

    def new_run(self):
        def note(name):
            return lambda *arguments, **options: self.calls.append((name, *arguments, options))

        config = SimpleNamespace(update=note("config"))
        return SimpleNamespace(id="w1", config=config, log=note("log"), finish=note("finish"))


def test_wandb_gets_a_run_with_settings_and_epochs(monkeypatch):
    wandb = WandbStandIn()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    model = fitted(WandbLogger("prices", "first", "offline", ["a"], "here"))
    assert wandb.calls[0] == (
        "init", {"project": "prices", "name": "first", "mode": "offline", "tags": ["a"], "dir": "here"}
    )  # fmt: skip
    assert [call[0] for call in wandb.calls] == ["init", "config", "log", "log", "log", "finish"]
    assert wandb.calls[1][1]["optimizer.learning_rate"] == 0.01 and wandb.calls[1][1]["parameters"] == 11
    logged = [call[1:] for call in wandb.calls if call[0] == "log"]
    assert [options for _, options in logged] == [{"step": 0}, {"step": 1}, {"step": 2}]
    assert [values["val_mae"] for values, _ in logged] == model.history.history["val_mae"]


def test_a_run_of_wandb_that_is_active_is_used_and_left_open(monkeypatch):
    wandb = WandbStandIn()
    wandb.run = wandb.new_run()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    fitted(WandbLogger())
    assert [call[0] for call in wandb.calls] == ["config", "log", "log", "log"]


def test_a_resumed_training_goes_on_in_its_run_of_wandb(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", WandbStandIn())
    fitted(WandbLogger(), {"Checkpoints": {"folder": str(tmp_path)}}, epochs=2)
    wandb = WandbStandIn()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    fitted(WandbLogger(), epochs=3, resume=tmp_path)
    assert [call[0] for call in wandb.calls] == ["init", "log", "finish"]
    assert wandb.calls[0][1].items() >= {"id": "w1", "resume": "allow"}.items()


def test_without_wandb_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(
        MissingLibraryError, match=r'Weights & Biases, which is not installed: pip install "nnlite\[wandb\]"'
    ):
        fitted(WandbLogger())
