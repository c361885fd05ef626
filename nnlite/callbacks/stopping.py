"""Callbacks that end the training early."""

import math
import re
import time
from typing import Annotated, Any, Literal

from nnlite.callbacks.base import Callback, Verbosity, announce
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.errors import ConfigError, DivergenceError
from nnlite.metrics.state.kinds import check_weights
from nnlite.registry.bounds import Bound, Index

__all__ = ["Duration", "EarlyStopping", "InvalidLossError", "MaxTime", "TerminateOnNaN"]

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class DurationBound(Bound):
    """Accepts a number of seconds, or a string with units: `"90s"`, `"10m"`, `"1h30m"`, `"2d"`."""

    pattern = r"(\d+(\.\d+)?[dhms])+"

    def check(self, value: float | str) -> None:
        """Raise `ConfigError` unless `value` is a duration."""
        if isinstance(value, str) and not re.fullmatch(self.pattern, value):
            raise ConfigError(f"expected seconds, or a duration such as 90s, 10m, 1h30m or 2d, got {value!r}")
        if not 0 < seconds_of(value) < math.inf:
            raise ConfigError(f"must be > 0 and finite, got {value!r}")

    def schema(self) -> dict[str, Any]:
        """The bound as keywords of JSON Schema."""
        return {"pattern": f"^({self.pattern})$", "exclusiveMinimum": 0}

    def __str__(self) -> str:
        return "such as 10m"

    def __repr__(self) -> str:
        """Short, as `help` shows it in signatures."""
        return "Duration"


Duration = Annotated[float | str, DurationBound()]


def seconds_of(duration: float | str) -> float:
    """`"1h30m"` as 5400.0; a number already is in seconds."""
    if not isinstance(duration, str):
        return float(duration)
    parts = re.findall(r"([\d.]+)([dhms])", duration)
    return float(sum(float(number) * SECONDS[unit] for number, unit in parts))


class EarlyStopping(MonitorCallback):
    """Ends the training when the monitored quantity has not improved for `patience` epochs.

    An epoch improves on the best one before it if `value < best - |min_delta|` in the mode "min", or
    `value > best + |min_delta|` in the mode "max"; NaN never improves.

    Args:
        monitor: name in the logs.
        min_delta: the smallest change that counts as an improvement; its sign is ignored.
        patience: number of epochs without improvement after which training stops, >= 0; 0 stops as 1 does.
        verbose: 1 prints a line when training is stopped and when weights are restored.
        mode: "min", "max", or "auto": the direction of the monitored metric.
        baseline: the quantity must also be better than this to restart the patience.
        restore_best_weights: give the model the weights of its best epoch at the end of training, whether it was
            stopped early or not. The first epoch counts as the best until another one improves on it.
        start_from_epoch: number of epochs at the start that are ignored.

    Attributes:
        stopped_epoch: the epoch, from 0, after which it ended the training; 0 if it did not.
        best, best_epoch: the best value, None before there is one, and its epoch.

    Raises:
        ConfigError: the run does not log `monitor`; this is checked before training wherever the names are known.

    >>> from nnlite import Sequential, layers
    >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile("sgd", "mse")  # its loss is 0 from the start
    >>> history = model.fit([[1.0]], [0.0], epochs=9, callbacks=[EarlyStopping("loss", patience=2)], verbose=0)
    >>> history.epoch
    [0, 1, 2]
    """

    monitor: str = "val_loss"
    min_delta: float = 0.0
    patience: Index = 0
    verbose: Verbosity = 0
    mode: Literal["auto", "min", "max"] = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: Index = 0

    state_names = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")
    state_kinds = {"best": ("number", "nothing"), "best_weights": ("list", "nothing")}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.min_delta = abs(self.min_delta)  # as in Keras, which takes the sign from the direction
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights = None

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        check_weights(self.model, self.best_weights, "best_weights")

    def get_monitor_value(self, logs: dict[str, float] | None) -> float:
        """The monitored value of an epoch with these logs; a subclass may compute one."""
        return self.monitored(logs)

    def check(self, names: list[str] | None) -> None:
        """As `MonitorCallback.check`; whoever computes the value need not find it in the logs."""
        super().check(names if type(self).get_monitor_value is EarlyStopping.get_monitor_value else None)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.skips(epoch):
            return
        value = self.get_monitor_value(logs)
        if epoch < self.start_from_epoch:
            return
        improved = self.improves(value, self.best)
        if improved:
            self.best, self.best_epoch = value, epoch
        if self.restore_best_weights and (improved or self.best_weights is None):
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if improved:
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            announce(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                announce(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class InvalidLossError(DivergenceError, RuntimeError):
    """The loss became NaN or infinite, with `raise_error` of `TerminateOnNaN`."""


class TerminateOnNaN(Callback):
    """Stops the training within the epoch as soon as the loss is NaN or infinite.

    Data that hold NaN are refused before training; here it is weights that have grown without bound. The argument
    `on_divergence` of `fit` stops before a step with such a loss, names the layer, or gives the last good weights back.

    Args:
        raise_error: raise `InvalidLossError` instead of stopping.

    Raises:
        InvalidLossError: with `raise_error`; it is a `RuntimeError` too.

    >>> from nnlite import Sequential
    >>> callback = TerminateOnNaN()
    >>> callback.set_model(Sequential())
    >>> callback.on_train_batch_end(3, {"loss": math.inf})
    Batch 3: Invalid loss, terminating training
    >>> callback.model.stop_training
    True
    """

    raise_error: bool = False

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise InvalidLossError(f"NaN or Inf loss encountered in batch {batch}: {loss}")
            announce(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True

    def on_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.on_train_batch_end(batch, logs)


class MaxTime(Callback):
    """Stops the training after the batch at which the time limit is reached.

    Args:
        max_time: in seconds, or with units: `"90s"`, `"10m"`, `"1h30m"`, `"2d"`.

    Raises:
        ConfigError: an invalid duration.

    >>> MaxTime("1h30m").seconds
    5400.0
    """

    max_time: Duration

    state_names = ("elapsed",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seconds = seconds_of(self.max_time)
        self._begun = math.inf

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._begun = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, including those before an interruption."""
        return time.monotonic() - self._begun

    @elapsed.setter
    def elapsed(self, seconds: float) -> None:
        self._begun = time.monotonic() - seconds

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.elapsed >= self.seconds and not self.model.stop_training:
            self.model.stop_training = True
            limit = self.max_time if isinstance(self.max_time, str) else f"{self.max_time:g} s"
            announce(f"Batch {batch + 1}: the time of {limit} is over, stopping")
