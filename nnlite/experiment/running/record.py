"""The history of a run on disk, epoch by epoch."""

import os
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from nnlite.callbacks.logging import CSVLogger
from nnlite.errors import TrainingWarning

__all__ = ["RunRecord"]

SHARE = 0.01  # of the time that flushing to the disk takes at most


class RunRecord(CSVLogger, abstract=True):
    """A `CSVLogger` that flushes its rows to disk, and lets training continue if they cannot be written.

    Each row is written at once, and flushed to the disk unless that would take more than a hundredth of the time.

    Attributes:
        on_begin: called when the training begins, all checks behind it.
        on_row: called with the number of epochs, when rows have reached the disk.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on_begin: Callable[[], None] | None = None
        self.on_row: Callable[[int], None] | None = None
        self._next = 0.0
        self._failed = False

    def columns_of(self, names: Iterable[str]) -> list[str]:
        """The columns in the order of the logs: the loss comes first."""
        return ["epoch", *names]

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin(logs)
        if self.on_begin is not None:
            self.on_begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        try:
            super().on_epoch_end(epoch, logs)
            begun = time.monotonic()
            if begun >= self._next or epoch + 1 >= self.params["epochs"]:
                self._flush()
                ended = time.monotonic()
                self._next = ended + (ended - begun) / SHARE
                if self.on_row is not None:
                    self.on_row(epoch + 1)
        except OSError as error:
            if not self._failed:
                warnings.warn(
                    f"{self.filename}: {error.strerror or error}; training continues", TrainingWarning, stacklevel=2
                )
            self._failed = True

    def get_state(self) -> dict[str, Any]:
        try:
            return super().get_state()
        except OSError:  # the disk lost what the history of `fit` still has
            return {"rows": []}

    def _flush(self) -> None:
        with open(self.filename, "rb+") as file:
            os.fsync(file.fileno())
