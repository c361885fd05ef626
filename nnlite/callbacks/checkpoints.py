"""ModelCheckpoint: saves the model while it is trained."""

import os
from pathlib import Path
from typing import Literal, cast

from nnlite.callbacks.base import Verbosity, announce
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.errors import ConfigError, did_you_mean
from nnlite.registry.field_types import Count

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after every epoch, every few batches, or whenever it is better than before.

    Args:
        filepath: where to; `{epoch}` (from 1), `{batch}` (from 1, if `save_freq` is a number) and the names in the
            logs are filled in: "{epoch:02d}-{val_loss:.2f}.safetensors". Missing folders are made.
        monitor: name in the logs that tells which model is better; read only if `save_best_only`.
        verbose: 1 prints a line for every decision.
        save_best_only: save only a model that is better than all before it, also over several calls of `fit`.
        save_weights_only: call `model.save_weights` instead of `model.save`.
        mode: "min", "max", or "auto": the direction of the monitored metric.
        save_freq: "epoch", or a number of batches, counted over the epochs.
        initial_value_threshold: the first value to be better than.

    Raises:
        ConfigError: `monitor`, or a name in `filepath`, is not logged.
    """

    filepath: str | os.PathLike
    monitor: str = "val_loss"
    verbose: Verbosity = 0
    save_best_only: bool = False
    save_weights_only: bool = False
    mode: Literal["auto", "min", "max"] = "auto"
    save_freq: Literal["epoch"] | Count = "epoch"
    initial_value_threshold: float | None = None

    state_names = ("best", "_epoch", "_batches_since_save")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.filepath = os.fspath(self.filepath)
        self.best = self.initial_value_threshold
        self._epoch = 0
        self._batches_since_save = 0

    def listens(self, hook: str) -> bool:
        unused = "on_train_batch_end" if self.save_freq == "epoch" else "on_epoch_end"
        return hook != unused and super().listens(hook)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._batches_since_save += 1
        if self._batches_since_save >= cast(int, self.save_freq):
            self._batches_since_save = 0
            self._save(self._epoch, {**(logs or {}), "batch": batch + 1})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: dict) -> None:
        path = self._path(epoch, logs)
        if not self.save_best_only:
            reason = ""
        elif self.skips(epoch):
            return
        elif self.improves(value := self.monitored(logs), self.best):
            before = "" if self.best is None else f" from {self.best:.5f}"
            reason = f"{self.monitor} improved{before} to {value:.5f}, "
            self.best = value
        else:
            if self.verbose:
                announce(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
            return
        if self.verbose:
            announce(f"Epoch {epoch + 1}: {reason}saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)

    def _path(self, epoch: int, logs: dict) -> str:
        names = {**logs, "epoch": epoch + 1}
        try:
            return os.fspath(self.filepath).format(**names)
        except KeyError as error:
            reason = f"unknown name {error} in {self.filepath!r}; {did_you_mean(error.args[0], names)}"
        except (ValueError, IndexError, TypeError) as error:
            reason = f"cannot fill in {self.filepath!r}: {error}"
        raise ConfigError(reason, ("ModelCheckpoint", "filepath"))
