"""Callbacks as Keras calls them, in real trainings: events and logs, backups, averages, messages to a server."""

import importlib.util
import inspect
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from nnlite import Input, Sequential, callbacks
from nnlite.callbacks import (
    BackupAndRestore,
    Callback,
    ModelCheckpoint,
    ProgbarLogger,
    RemoteMonitor,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
)
from nnlite.errors import ConfigError, DivergenceError, TrainingWarning
from nnlite.layers import Dense, Dropout

X = np.random.default_rng(2).normal(size=(40, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def model(optimizer="adam"):
    chain = Sequential([Input((3,)), Dense(6, activation="tanh"), Dropout(0.2), Dense(1)], seed=4)
    chain.compile(optimizer, "mse")
    return chain


class Everything(Callback):
    """Signatures without defaults, as many programs have them."""

    def __post_init__(self):
        super().__post_init__()
        self.seen = []

    def on_train_begin(self, logs):
        self.seen.append(("train", logs))

    def on_epoch_begin(self, epoch, logs):
        self.seen.append(("epoch", epoch, logs))

    def on_batch_begin(self, batch, logs):
        self.seen.append(("batch", batch, logs))

    def on_batch_end(self, batch, logs):
        self.seen.append(("batch end", batch, sorted(logs)))

    def on_test_begin(self, logs):
        self.seen.append(("test", logs))

    def on_test_batch_begin(self, batch, logs):
        self.seen.append(("test batch", batch, logs))

    def on_predict_begin(self, logs):
        self.seen.append(("predict", logs))

    def on_predict_batch_begin(self, batch, logs):
        self.seen.append(("predict batch", batch, logs))

    def on_predict_batch_end(self, batch, logs):
        self.seen.append(("predict batch end", batch, logs["outputs"].shape))

    def on_predict_end(self, logs):
        self.seen.append(("predict end", logs))


def test_every_event_gets_its_logs():
    chain, listener = model(), Everything()
    chain.fit(X, Y, batch_size=40, validation_data=(X, Y), validation_batch_size=40, callbacks=[listener], verbose=0)
    expected = [("train", {}), ("epoch", 0, {}), ("batch", 0, {}), ("batch end", 0, ["loss"])]
    assert listener.seen == [*expected, ("test", {}), ("test batch", 0, {})]
    listener.seen.clear()
    chain.predict(X, callbacks=[listener], verbose=0)
    expected = [("predict", {}), ("predict batch", 0, {}), ("predict batch end", 0, (40, 1)), ("predict end", {})]
    assert listener.seen == expected


class Power(Callback):
    """Ends the training as a power failure does, after so many batches."""

    batches: int

    watches = True

    def on_train_batch_end(self, batch, logs=None):
        self.batches -= 1
        if not self.batches:
            raise RuntimeError("no power")


@pytest.mark.parametrize(("save_freq", "batches", "first"), [("epoch", 9, 2), (3, 8, 1), (1, 1, 0)])
def test_a_training_goes_on_from_its_backup_as_if_nothing_had_happened(tmp_path, save_freq, batches, first):
    options = {"batch_size": 10, "epochs": 4, "verbose": 0}
    whole = model()
    expected = whole.fit(X, Y, **options).history
    folder = tmp_path / "backup"
    with pytest.raises(RuntimeError, match="no power"):
        model().fit(X, Y, callbacks=[Power(batches), BackupAndRestore(folder, save_freq)], **options)
    if save_freq == 1:
        assert not any(folder.iterdir())
    else:
        assert len([*folder.glob("step-*")]) == 1
    again = model()
    history = again.fit(X, Y, callbacks=[BackupAndRestore(folder, save_freq)], **options).history
    for mine, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert history == {name: values[first:] for name, values in expected.items()} and not folder.exists()


def test_a_backup_may_stay_and_is_of_one_training(tmp_path):
    options = {"batch_size": 10, "epochs": 2, "verbose": 0}
    keep = BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False)
    first = model()
    first.fit(X, Y, callbacks=[keep], **options)
    assert len([*tmp_path.glob("step-*")]) == 2
    second = model()
    second.fit(X, Y, callbacks=[BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False)], **options)
    np.testing.assert_array_equal(second.get_weights()[0], first.get_weights()[0])
    with pytest.raises(ConfigError):
        model("sgd").fit(X, Y, callbacks=[BackupAndRestore(tmp_path)], **options)


AVERAGING = {"adam": {"use_ema": True, "ema_momentum": 0.8, "learning_rate": 0.05}}


def test_averages_are_judged_and_the_weights_are_trained(tmp_path):
    options = {"batch_size": 10, "epochs": 3, "verbose": 0, "validation_data": (X, Y)}
    plain, swapping = model(AVERAGING), model(AVERAGING)
    without = plain.fit(X, Y, **options).history
    within = swapping.fit(X, Y, callbacks=[SwapEMAWeights()], **options).history
    assert within["loss"] == without["loss"] and within["val_loss"] != without["val_loss"]
    for mine, theirs in zip(swapping.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert swapping.evaluate(X, Y, verbose=0) == pytest.approx(within["val_loss"][-1], rel=1e-6)
    saved = ModelCheckpoint(tmp_path / "{epoch}.safetensors", save_weights_only=True)
    third = model(AVERAGING)
    history = third.fit(X, Y, callbacks=[SwapEMAWeights(swap_on_epoch=True), saved], **options).history
    assert history["loss"] == without["loss"]
    third.load_weights(tmp_path / "2.safetensors")
    assert third.evaluate(X, Y, verbose=0) == pytest.approx(history["val_loss"][1], rel=1e-6)
    with pytest.raises(ConfigError, match="use_ema=True"):
        model().fit(X, Y, callbacks=[SwapEMAWeights()], verbose=0)


@pytest.fixture
def server():
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, self.headers["Content-Type"], self.headers["X-Who"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", received
        running.shutdown()


def test_a_server_gets_the_logs(server):
    root, received = server
    monitors = [RemoteMonitor(root, headers={"X-Who": "me"}), RemoteMonitor(root, "/json", send_as_json=True)]
    history = model().fit(X, Y, epochs=2, callbacks=monitors, verbose=0).history
    path, kind, who, body = received[0]
    assert (path, kind, who) == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "me")
    assert json.loads(urllib.parse.parse_qs(body)["data"][0]) == {"epoch": 0, "loss": history["loss"][0]}
    path, kind, who, body = received[3]
    assert (path, kind, who) == ("/json", "application/json", None)
    assert json.loads(body) == {"epoch": 1, "loss": history["loss"][1]}


def test_a_server_gets_null_for_what_is_not_finite(server):
    root, received = server
    monitor = RemoteMonitor(root, "/json", send_as_json=True)
    monitor.on_epoch_end(0, {"loss": float("nan"), "f1": np.array([np.inf, 0.5])})
    assert received[0][3].strip() == '{"epoch": 0, "loss": null, "f1": [null, 0.5]}'


def test_a_server_that_does_not_answer_is_a_warning():
    with pytest.warns(TrainingWarning, match="did not reach http://127.0.0.1:9"):
        model().fit(X, Y, callbacks=[RemoteMonitor("http://127.0.0.1:9")], verbose=0)
    with pytest.raises(ConfigError, match=r"RemoteMonitor\.root: expected http://"):
        RemoteMonitor("file:///tmp")


def test_nan_may_be_an_error():
    broken = Y * np.float32(1e30)
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match="NaN or Inf loss") as caught:
        model().fit(X, broken, callbacks=[TerminateOnNaN(raise_error=True)], verbose=0)
    assert isinstance(caught.value, DivergenceError)


def test_a_progress_bar_by_keras_name_is_the_only_one(capsys):
    model().fit(X, Y, callbacks=[ProgbarLogger()])
    assert capsys.readouterr().out.count("2/2") == 1


def test_what_tensorboard_files_do_not_hold_is_refused():
    with pytest.raises(ConfigError, match=r"TensorBoard\.write_images: is not written here"):
        TensorBoard(write_images=True)
    assert TensorBoard(write_graph=False).write_graph is False


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_callbacks_take_what_keras_callbacks_take():
    import keras

    for name, theirs in vars(keras.callbacks).items():
        if not inspect.isclass(theirs) or name in ("CallbackList", "Callback", "OrbaxCheckpoint"):
            continue
        mine = inspect.signature(getattr(callbacks, name).__init__).parameters
        for parameter in inspect.signature(theirs.__init__).parameters.values():
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                assert parameter.name in mine, f"{name}({parameter.name}=)"


def test_a_training_goes_on_from_its_backup_beside_other_callbacks(tmp_path):
    class Interrupts(Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyError("interrupted")

    folder = tmp_path / "backup"
    options = {"epochs": 4, "batch_size": 2, "verbose": 0}
    with pytest.raises(KeyError, match="interrupted"):
        model("sgd").fit(X, Y, callbacks=[BackupAndRestore(folder), Interrupts()], **options)
    begun = []
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    history = model("sgd").fit(X, Y, callbacks=[BackupAndRestore(folder), watch], **options)
    assert begun == history.epoch == [1, 2, 3]  # those of this call, as in Keras
    with pytest.raises(ConfigError, match="backup_dir: is empty"):
        BackupAndRestore("")


def test_a_program_that_is_restarted_goes_on_from_its_backup_though_no_seed_is_set(tmp_path):
    """Each process draws other seeds; the order of rows, the split and dropout go on as the first one began them."""

    class Interrupts(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyError("interrupted")

    def unseeded():
        network = Sequential([Input((3,)), Dense(3), Dropout(0.5), Dense(1)])
        network.compile("adam", "mse")
        return network

    options = {"epochs": 4, "batch_size": 2, "validation_split": 0.25, "verbose": 0}
    whole, begun, resumed = unseeded(), unseeded(), unseeded()
    begun.seed = whole.seed
    begun.set_weights(whole.get_weights())
    with pytest.raises(KeyError, match="interrupted"):
        begun.fit(X, Y, callbacks=[BackupAndRestore(tmp_path / "backup"), Interrupts()], **options)
    resumed.evaluate(X, Y, verbose=0)  # its steps exist, with the seed that it drew
    assert resumed.seed != whole.seed
    logs = resumed.fit(X, Y, callbacks=[BackupAndRestore(tmp_path / "backup")], **options).history
    expected = whole.fit(X, Y, **options).history
    assert logs == {name: values[2:] for name, values in expected.items()}
    for weight, wanted in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, wanted)


def test_an_invalid_loss_ends_the_training_by_the_older_hook_too():
    callback = TerminateOnNaN()
    callback.set_model(model("sgd"))
    callback.on_batch_end(0, {"loss": float("inf")})
    assert callback.model.stop_training


def test_a_list_of_callbacks_may_add_what_keras_adds():
    listed = callbacks.CallbackList([TerminateOnNaN()], add_history=True, add_progbar=True, model=model("sgd"))
    assert {type(one).__name__ for one in listed.callbacks} == {"TerminateOnNaN", "History", "ProgbarLogger"}
    listed = callbacks.CallbackList(listed.callbacks, add_history=True, add_progbar=True)
    assert len(listed.callbacks) == 3  # one of each is enough


def test_a_loop_of_ones_own_gets_the_history_from_the_model():
    network = model("sgd")
    listed = callbacks.CallbackList([], network, add_history=True, epochs=2)
    listed.on_train_begin()
    logs = [network.train_on_batch(X, Y, return_dict=True) for _ in range(2)]
    for epoch, values in enumerate(logs):
        listed.on_epoch_end(epoch, values)
    assert network.history.history == {"loss": [values["loss"] for values in logs]}


def test_parameters_of_a_list_are_given_to_all():
    several = callbacks.CallbackList([Callback(), Callback()], epochs=3)
    assert [one.params for one in several.callbacks] == [{"epochs": 3}] * 2
    several.set_params({"epochs": 4})
    assert [one.params for one in several.callbacks] == [several.params] * 2 == [{"epochs": 4}] * 2
