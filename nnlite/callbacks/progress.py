"""ProgressBar: Keras's bars and lines; ProgressLog: lines at intervals, or JSON."""

import json
import re
import sys
from time import perf_counter
from typing import Any, Literal, cast

import numpy as np

from nnlite.callbacks.bars import Progbar, duration, is_interactive, remove_line
from nnlite.callbacks.base import Callback, for_json
from nnlite.callbacks.stopping import DurationBound, seconds_of
from nnlite.errors import ConfigError
from nnlite.registry.bounds import Count

__all__ = ["ProgbarLogger", "ProgressBar", "ProgressLog"]

_SECONDS_BETWEEN_REFRESHES = 0.1


class ProgressBar(Callback):
    """Prints the progress of epochs, evaluations and predictions in Keras's format: steps, time, loss and metrics.

    `verbose` of the run decides: 0 is silent, 1 draws a live bar, 2 prints a line at the end of each. Where the output
    is neither a terminal nor a notebook, such as a log file, 1 prints the last state of each bar only. Time per step
    is that of training, without the validation. A live bar shows the time left of the epoch, and above it, from the
    second epoch on, that of the training, by the mean of the epochs so far.

    >>> from nnlite import Sequential, layers
    >>> model = Sequential([layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit([[1.0]], [0.0], callbacks=[ProgressBar()], verbose=2)
    1/1 - 0s - .../step - loss: 1.0000
    """

    watches = True
    writes = True
    verbose = epochs = 1  # these and the next as Keras names them
    target, progbar, seen = cast("int | None", None), cast(Progbar, None), 0

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self.verbose, self.epochs, self.target = params.get("verbose", 1), params.get("epochs", 1), params.get("steps")
        self._live = self.verbose == 1 and is_interactive(sys.stdout)
        self._in_fit, self.seen = False, 0
        self._first: tuple[int, float] | None = None  # the epoch that training began with, and when

    def listens(self, hook: str) -> bool:
        if hook.endswith("_batch_end"):
            return bool(self.verbose) and (self._live or self.target is None)
        return bool(self.verbose) and super().listens(hook)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        epochs = self.epochs
        self._first = self._first or (epoch, perf_counter())
        first, start = self._first
        left = duration((perf_counter() - start) / max(epoch - first, 1) * (epochs - epoch))
        if epochs > 1:
            note = f" ({left} left)" if self._live and epoch > first else ""
            print(f"Epoch {epoch + 1}/{epochs}{note}", flush=True)
        self._begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._end(logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        remove_line()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        if self._in_fit:
            self.progbar.stop_clock()
        else:
            self._begin()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        self._begin()

    def on_predict_end(self, logs: dict[str, float] | None = None) -> None:
        self._end(None)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.seen = batch + 1
        if self._live:
            self.progbar.update(self.seen, _items(logs), finalize=False)

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.on_train_batch_end(batch)  # logs hold the outputs

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if not self._in_fit:  # which shows its own steps while it validates
            self.on_train_batch_end(batch, logs)

    def _begin(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, 20, self.verbose, _SECONDS_BETWEEN_REFRESHES, None, ())

    def _end(self, logs: dict[str, float] | None) -> None:
        done = self.seen or self.target or 0
        self.target = self.progbar.target = self.target or done
        self.progbar.update(done, _items(logs), finalize=True)
        self.seen = 0


class ProgbarLogger(ProgressBar):
    """Keras's name for `ProgressBar`, which `fit` adds automatically unless `verbose=0`.

    >>> from nnlite import Sequential, layers
    >>> model = Sequential([layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit([[1.0]], [0.0], callbacks=[ProgbarLogger()], verbose=2)
    1/1 - 0s - .../step - loss: 1.0000
    """


class ProgressLog(Callback):
    """Prints plain lines, suited to log files and to other programs.

    A line of text has epoch, step, time and all logs. As JSON each line is an object with `event` ("epoch", or "step"
    within an epoch), `epoch` (from 1), `epochs`, `step` (training steps done by the optimizer), `seconds` (since
    training began), and all logs by name, null where a value is not finite.

    Args:
        every: how often: a number of epochs, or a duration such as "10s" or "1h30m" for lines at these intervals, also
            within an epoch. The last epoch has a line in any case.
        format: "text" or "json".

    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit([[0.0], [1.0]], [0.0, 1.0], callbacks=[ProgressLog(format="json")], verbose=0)
    {"event": "epoch", "epoch": 1, "epochs": 1, "step": 1, "seconds": ..., "loss": ...}
    """

    every: Count | str = 1
    format: Literal["text", "json"] = "text"

    watches = True
    writes = True
    state_names = ("_unsaid",)
    state_kinds = {"_unsaid": ("list", "nothing")}

    def __post_init__(self) -> None:
        super().__post_init__()
        self._seconds = seconds_of(_joined(self.every)) if isinstance(self.every, str) else None

    def validate(self) -> None:
        if isinstance(self.every, str) and not re.fullmatch(DurationBound.pattern, _joined(self.every)):
            message = f"expected a number of epochs, or a time such as 10s or 2m, got {self.every!r}"
            raise ConfigError(message, (type(self).__name__, "every"))

    def listens(self, hook: str) -> bool:
        return super().listens(hook) and (hook != "on_train_batch_end" or self._seconds is not None)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._start = self._last = perf_counter()
        self._unsaid: tuple[int, dict[str, float]] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._is_due():
            self._say("step", self._epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        due = (epoch + 1) % self.every == 0 if isinstance(self.every, int) else self._is_due()
        self._unsaid = None if due else (epoch, dict(logs or {}))
        if due:
            self._say("epoch", epoch, logs or {})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._unsaid is not None:
            self._say("epoch", *self._unsaid)

    def _is_due(self) -> bool:
        return perf_counter() - self._last >= (self._seconds or 0.0)

    def _say(self, event: str, epoch: int, logs: dict[str, float]) -> None:
        self._last = perf_counter()
        seconds, epochs, step = self._last - self._start, self.params["epochs"], self.model.optimizer.iterations
        if self.format == "json":
            head = {"event": event, "epoch": epoch + 1, "epochs": epochs, "step": step, "seconds": round(seconds, 3)}
            print(json.dumps(head | {name: for_json(value) for name, value in logs.items()}), flush=True)
            return
        width = len(str(epochs))
        parts = [f"Epoch {epoch + 1:{width}}/{epochs}", f"step {step}", duration(seconds), _numbers(logs)]
        print("  ".join(part for part in parts if part), flush=True)


def _joined(text: str) -> str:
    """A duration without spaces: "10 s" as "10s"."""
    return "".join(text.split())


def _numbers(logs) -> str:
    """`loss 0.3127  accuracy 0.9123`"""
    return "  ".join(f"{name} {_number(value)}" for name, value in (logs or {}).items())


def _number(value) -> str:
    if np.ndim(value):
        return " ".join(_number(item) for item in value)
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def _items(logs: dict[str, float] | None) -> list[tuple[str, Any]]:
    return list((logs or {}).items())
