"""BackupAndRestore: an interrupted training resumes when `fit` is called again."""

import os
import shutil
from typing import Any, Literal

from nnlite.callbacks.base import Callback
from nnlite.callbacks.checkpoints import Checkpoints
from nnlite.errors import ConfigError
from nnlite.registry.bounds import Count

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Callback):
    """Backs up the training, so that after an interruption the same call of `fit` resumes it.

    The backup is a checkpoint of `Checkpoints`, with weights, optimizer, position and callbacks, so that the training
    ends with exactly the weights that it would have had without the interruption.

    Args:
        backup_dir: a folder for this training alone; missing folders are made.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: also keep the backup before the last one.
        delete_checkpoint: remove the backup when the training is complete.

    Raises:
        ConfigError: no folder; the backup belongs to another training or other callbacks; the folder cannot be
            written.

    >>> import os, tempfile
    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> folder = os.path.join(tempfile.mkdtemp(), "backup")
    >>> _ = model.fit([[0.0], [1.0]], [0.0, 1.0], callbacks=[BackupAndRestore(folder)], verbose=0)
    >>> os.path.exists(folder)
    False
    """

    backup_dir: str | os.PathLike
    save_freq: Literal["epoch"] | Count = "epoch"
    double_checkpoint: bool = False
    delete_checkpoint: bool = True

    watches = True
    writes = True
    comes_last = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.backup_dir = os.fspath(self.backup_dir)
        if not self.backup_dir:
            raise ConfigError("is empty; name a folder for the backups", (type(self).__name__, "backup_dir"))
        every = "1 epoch" if self.save_freq == "epoch" else f"{self.save_freq} steps"
        self._checkpoints = Checkpoints(self.backup_dir, every, keep=2 if self.double_checkpoint else 1)

    def resumes_from(self) -> str | None:
        """The folder, if there is a backup in it."""
        return os.fspath(self.backup_dir) if self._checkpoints.present else None

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._checkpoints.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._checkpoints.set_params(params)

    def check(self, names: list[str] | None) -> None:
        """As `Checkpoints.check`."""
        self._checkpoints.check(names)

    def get_state(self) -> dict[str, Any]:
        """The state of the checkpoints."""
        return self._checkpoints.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """The state of the checkpoints."""
        self._checkpoints.set_state(state)

    def listens(self, hook: str) -> bool:
        return hook in ("on_train_begin", "on_train_end") or self._checkpoints.listens(hook)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._done = False
        self._checkpoints.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._checkpoints.on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._checkpoints.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._checkpoints.on_epoch_end(epoch, logs)
        self._done = epoch + 1 >= self.params["epochs"] or self.model.stop_training

    def on_train_interrupted(self, epoch: int, batch: int) -> None:
        self._checkpoints.on_train_interrupted(epoch, batch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._done and self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)
