"""Callbacks that set the learning rate between epochs."""

import inspect
import numbers
from collections.abc import Callable
from typing import Literal

from nnlite.callbacks.base import Callback, Verbosity, announce
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.registry.bounds import BelowOne, Index, NonNegative
from nnlite.registry.field_types import read

__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]


def _learning_rate(callback: Callback) -> float:
    """The optimizer's learning rate, which must be a number for `callback` to set it."""
    optimizer = callback.model.optimizer
    rate = optimizer.learning_rate
    if isinstance(rate, numbers.Real):
        return float(rate)
    raise WrongTypeError(
        f"{type(callback).__name__} sets the learning rate, but that of {type(optimizer).__name__} already follows "
        f"{rate!r}; give the optimizer a number or remove the callback"
    )


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch: `learning_rate = schedule(epoch, learning_rate)`.

    The rate of each epoch is logged as `learning_rate`.

    Args:
        schedule: function of the epoch (from 0) and, if it takes a second argument, of the present rate; it returns
            the new rate, >= 0.
        verbose: 1 prints a line per epoch.

    Raises:
        ConfigError: the optimizer follows a schedule of its own, or `schedule` does not return a rate.

    >>> from nnlite import Sequential, layers
    >>> model = Sequential([layers.Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit([[1.0]], [0.0], epochs=3, verbose=0, callbacks=[LearningRateScheduler(lambda _, rate: rate / 2)])
    >>> round(float(model.optimizer.learning_rate), 6)  # 0.01, halved three times
    0.00125
    """

    schedule: Callable
    verbose: Verbosity = 0

    adds = ("learning_rate",)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        _learning_rate(self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        try:
            rate = self._scheduled(epoch)
            if isinstance(rate, str):  # which `read` takes, as in configs
                raise WrongTypeError(f"expected a function that returns a number, got {rate!r}")
            rate = read(rate, NonNegative)
        except ConfigError as error:
            raise error.within(type(self).__name__, "schedule") from None
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            announce(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def _scheduled(self, epoch):
        rate = _learning_rate(self)
        try:
            inspect.signature(self.schedule).bind(epoch, rate)
        except TypeError:
            return self.schedule(epoch)
        return self.schedule(epoch, rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = _learning_rate(self)


class ReduceLROnPlateau(MonitorCallback):
    """Reduces the learning rate when the monitored quantity has not improved for `patience` epochs.

    `rate = max(factor * rate, min_lr)` where `rate > min_lr`. The rate of each epoch, before the reduction at its end,
    is logged as `learning_rate`. What counts as an improvement is said at `EarlyStopping`.

    Args:
        monitor: name in the logs.
        factor: new rate / old rate, in [0, 1).
        patience: number of epochs without improvement after which the rate is reduced, >= 0; 0 reduces as 1 does.
        verbose: 1 prints a line at each reduction.
        mode: "min", "max", or "auto": the direction of the monitored metric.
        min_delta: the smallest change that counts as an improvement, >= 0.
        cooldown: number of epochs after a reduction in which `patience` is not counted, >= 0.
        min_lr: lower bound of the rate, >= 0.

    Raises:
        ConfigError: the run does not log `monitor`, or the optimizer follows a schedule of its own.

    >>> from nnlite import Sequential, layers
    >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile("sgd", "mse")  # its loss is 0 from the start
    >>> _ = model.fit([[1.0]], [0.0], epochs=4, callbacks=[ReduceLROnPlateau("loss", patience=2)], verbose=0)
    >>> round(float(model.optimizer.learning_rate), 6)
    0.001
    """

    monitor: str = "val_loss"
    factor: BelowOne = 0.1
    patience: Index = 10
    verbose: Verbosity = 0
    mode: Literal["auto", "min", "max"] = "auto"
    min_delta: NonNegative = 1e-4
    cooldown: Index = 0
    min_lr: NonNegative = 0.0

    adds = ("learning_rate",)
    state_names = ("best", "wait", "cooldown_counter")
    state_kinds = {"best": ("number", "nothing")}

    def __post_init__(self) -> None:
        super().__post_init__()
        self._restart()

    def _restart(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether a reduction is so recent that `patience` is not counted."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        _learning_rate(self)
        self._restart()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        rate = _learning_rate(self)
        if logs is not None:
            logs["learning_rate"] = rate
        if self.skips(epoch):
            return
        value = self.monitored(logs)
        if self.cooldown_counter:
            self.cooldown_counter -= 1
        if self.improves(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self._reduce(epoch, rate)

    def _reduce(self, epoch: int, rate: float) -> None:
        rate = max(rate * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = rate
        self.cooldown_counter = self.cooldown
        self.wait = 0
        if self.verbose:
            announce(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
