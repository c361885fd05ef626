"""ModelCheckpoint, which saves the model during training; Checkpoints, which save all that is needed to resume it."""

import math
import os
import re
import time
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from nnlite.callbacks.base import Callback, Verbosity, announce
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.callbacks.stopping import seconds_of
from nnlite.errors import ConfigError, DivergenceError, TrainingWarning
from nnlite.foreign import stated_format
from nnlite.registry.bounds import Bound, Count
from nnlite.saving import need_space, replace_by_link, write
from nnlite.saving.patterns import filled

__all__ = ["Checkpoints", "Every", "ModelCheckpoint"]

SHARE = 0.01  # of the time that "auto" spends on writing at most


class ModelCheckpoint(MonitorCallback):
    """Saves the model or its weights after each epoch, every few batches, or whenever the monitored quantity improves.

    Args:
        filepath: the file to write; `{epoch}` (from 1), `{batch}` (from 1, if `save_freq` is a number) and names in the
            logs are filled in: "{epoch:02d}-{val_loss:.2f}.safetensors". Missing folders are made.
        monitor: name in the logs by which models are compared; used only with `save_best_only`.
        verbose: 1 prints a line for every decision.
        save_best_only: save a model only if it is better than all before it, also in earlier calls of `fit`.
        save_weights_only: call `model.save_weights` instead of `model.save`.
        mode: "min", "max", or "auto": the direction of the monitored metric.
        save_freq: "epoch", or a number of batches, counted over the epochs.
        initial_value_threshold: the first value to be better than.

    Raises:
        ConfigError: `monitor`, or a name in `filepath`, is not logged; a whole model was to be saved under a name that
            ends in `.weights.h5`, weights under one that ends in `.keras`, or either under one with an unknown ending;
            the file cannot be written.

    >>> ModelCheckpoint("best-{epoch:02d}.safetensors", monitor="val_loss", save_best_only=True)
    ModelCheckpoint(filepath='best-{epoch:02d}.safetensors', save_best_only=True)
    """

    filepath: str | os.PathLike
    monitor: str = "val_loss"
    verbose: Verbosity = 0
    save_best_only: bool = False
    save_weights_only: bool = False
    mode: Literal["auto", "min", "max"] = "auto"
    save_freq: Literal["epoch"] | Count = "epoch"
    initial_value_threshold: float | None = None

    watches = True
    writes = True
    state_names = ("best", "_epoch", "_batches_since_save")
    state_kinds = {"best": ("number", "nothing")}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.filepath = os.fspath(self.filepath)
        stated_format(self.filepath, whole=not self.save_weights_only)
        self.best = self.initial_value_threshold
        self._epoch = 0
        self._batches_since_save = 0

    def check(self, names: list[str] | None) -> None:
        """`ConfigError` for a quantity that is not logged, or a path that cannot be written."""
        if self.save_best_only:
            super().check(names)
        if names is not None:
            check_writable(self._path(0, dict.fromkeys((*names, "batch"), 0.0) | {"batch": 1}), "ModelCheckpoint")

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
            before = None if self.best is None else f"{self.best:.5f}"
            reason = f"{self.monitor} improved from {before} to {value:.5f}, "
            self.best = value
        else:
            if self.verbose:
                announce(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
            return
        if self.verbose:
            announce(f"Epoch {epoch + 1}: {reason}saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            announce(f"Epoch {epoch + 1}: finished saving model to {path}")

    def _path(self, epoch: int, logs: dict) -> str:
        try:
            return filled(os.fspath(self.filepath), {**logs, "epoch": epoch + 1})
        except ValueError as error:
            raise ConfigError(str(error), ("ModelCheckpoint", "filepath")) from None


class EveryBound(Bound):
    """Accepts "auto", or a number of epochs, steps or minutes: `"1 epoch"`, `"500 steps"`, `"10 min"`."""

    pattern = r"auto|(\d+) *(epochs?|steps?)|(\d+(\.\d+)?) *(s|sec|min|m|h)"

    def check(self, value: str) -> None:
        """Raise `ConfigError` unless `value` has this form."""
        match = re.fullmatch(self.pattern, value)
        if match is None or (value != "auto" and float(match[1] or match[3]) <= 0):
            raise ConfigError(f"expected auto, or something like 1 epoch, 500 steps or 10 min, got {value!r}")

    def schema(self) -> dict[str, Any]:
        """The bound as keywords of JSON Schema."""
        return {"pattern": f"^({self.pattern})$"}

    def __str__(self) -> str:
        return "such as 1 epoch, 500 steps or 10 min"

    def __repr__(self) -> str:
        """Short, as `help` shows it in signatures."""
        return "Every"


Every = Annotated[str, EveryBound()]


class Checkpoints(Callback):
    """Saves to disk all that is needed to resume the training exactly, by `fit(resume=folder)`.

    `step-<n>.safetensors` are the last ones, by the optimizer's steps, `last.safetensors` is the newest of them, and
    `best.safetensors` is the model of the epoch with the lowest `val_loss`. `load_model` reads them all.
    Weights that are not finite are never kept. The training always ends with a checkpoint.

    Args:
        folder: folder of the checkpoints; missing folders are created.
        every: "1 epoch", "500 steps" or "10 min"; "auto": after each epoch, unless writing would take more than one
            percent of the time, as for epochs of milliseconds.
        keep: number of `step-<n>` files; older ones are removed.

    Raises:
        ConfigError: `every` is none of these, or the folder cannot be written.
        OutputError: the disk has no room for a checkpoint. A later failure to write one is a `TrainingWarning`.

    >>> Checkpoints("checkpoints", every="500 steps", keep=2)
    Checkpoints(folder='checkpoints', every='500 steps', keep=2)
    """

    folder: str | os.PathLike
    every: Every = "auto"
    keep: Count = 3

    state_names = ("best",)
    watches = True
    writes = True
    comes_last = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.folder = os.fspath(self.folder)
        match = re.fullmatch(EveryBound.pattern, self.every)
        assert match is not None  # the field is checked
        self._unit = "auto" if self.every == "auto" else "time" if match[3] else (match[2] or "").rstrip("s")
        self._count = int(match[1]) if match[1] else 1
        self._seconds = seconds_of(f"{match[3]}{match[5][0]}") if match[3] else 0.0
        self.best = math.inf
        self._best_weights: list[Any] | None = None  # that are not on the disk yet
        self._epoch = 0
        self._next = 0.0

    @property
    def present(self) -> bool:
        """Whether there are checkpoints in the folder."""
        return any(Path(self.folder).glob("step-*.safetensors"))

    def check(self, names: list[str] | None) -> None:
        """`ConfigError` if the folder is not writable, `OutputError` if the disk has no room for a file."""
        check_writable(os.path.join(self.folder, "last.safetensors"), "Checkpoints")
        if not self.params.get("resumed") and self.present:
            raise ConfigError(
                f"{self.folder} holds checkpoints of another training: continue that one with resume, or choose "
                "another folder",
                ("Checkpoints", "folder"),
            )
        size = sum(value.nbytes for value in self.model.values) * 3  # with the optimizer's memory
        need_space(nearest_folder(Path(self.folder)), size, self.folder)

    def listens(self, hook: str) -> bool:
        unused = hook == "on_train_batch_end" and self._unit in ("auto", "epoch")
        return not unused and super().listens(hook)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        self.best, self._best_weights = math.inf, None
        self._next = time.monotonic() + self._seconds

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        by_step = self._unit == "step" and self.model.optimizer.batches % self._count == 0
        if by_step or (self._unit == "time" and time.monotonic() >= self._next):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        value = (logs or {}).get("val_loss", math.inf)
        if value < self.best:
            self.best, self._best_weights = value, [array.copy() for array in self.model.values]
        last = epoch + 1 >= self.params["epochs"] or self.model.stop_training
        by_epoch = self._unit == "epoch" and (epoch + 1) % self._count == 0
        if last or by_epoch or (self._unit == "auto" and time.monotonic() >= self._next):
            self._save(epoch + 1, 0)

    def on_train_interrupted(self, epoch: int, batch: int) -> None:
        self._save(epoch, batch)

    def _save(self, epoch: int, batch: int) -> None:
        begun = time.monotonic()
        try:
            self._write(*self.model.trainer.session.checkpoint(epoch, batch))
        except DivergenceError:  # the last one that is finite stays
            return
        except OSError as error:  # training is worth more than one of its checkpoints
            warnings.warn(f"no checkpoint: {error}; training continues", TrainingWarning, stacklevel=2)
        ended = time.monotonic()
        self._next = ended + (self._seconds or (ended - begun) / SHARE)

    def _write(self, header: dict, arrays: dict) -> None:
        """The best model first: what a checkpoint knows of it has to be there."""
        folder = Path(self.folder)
        if self._best_weights is not None:
            write(folder / "best.safetensors", *self._best_state())
            self._best_weights = None
        path = folder / f"step-{self.model.optimizer.batches:010d}.safetensors"
        write(path, header, arrays)
        replace_by_link(path, folder / "last.safetensors")
        steps = sorted(folder.glob("step-*.safetensors"))
        newest = steps.index(path)  # those after it are of a training that went on from an earlier one
        for other in (*steps[: max(newest + 1 - self.keep, 0)], *steps[newest + 1 :]):
            other.unlink(missing_ok=True)

    def _best_state(self) -> tuple[dict, dict]:
        """Header and arrays of the best model, compiled, without the optimizer's memory, which is of another epoch."""
        header, arrays = self.model.file_state()
        names = [name for name in arrays if name.startswith("weights/")]
        return header, dict(zip(names, self._best_weights or [], strict=True))


def nearest_folder(path: Path) -> Path:
    """The folder itself, or its nearest existing parent."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def check_writable(path: str | os.PathLike, where: str) -> None:
    """`ConfigError` unless a file of this name, and any missing parent folders, can be created."""
    folder = nearest_folder(Path(path).parent)
    if not folder.is_dir():
        raise ConfigError(f"{path} cannot be written: {folder} is not a folder", (where,))
    if Path(path).is_dir():
        raise ConfigError(f"{path} cannot be written: it is a folder", (where,))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path} cannot be written: the folder {folder} is read-only", (where,))
