"""The loop of `fit` for full-batch optimizers: one batch, more logs, stopping conditions."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.callbacks import Callback
from nnlite.callbacks.base import announce
from nnlite.config import max_epochs
from nnlite.data.batches import ArrayBatches, count_rows
from nnlite.errors import ConfigError
from nnlite.metrics.state.kinds import check_state, check_weights
from nnlite.optimizers import Optimizer
from nnlite.optimizers.full_batch import FullBatchOptimizer
from nnlite.optimizers.full_batch.base import EPOCHS, FAILURES

if TYPE_CHECKING:
    from nnlite.training.epoch import Batches

__all__ = ["FullBatchWatch", "arguments_for", "listeners_for", "need_one_batch"]

ALL_ROWS = 2**40
VALIDATION_ROWS = 256


def arguments_for(optimizer: Optimizer | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `fit`; for a full-batch optimizer, all rows in order, unless a size was given.

    No more epochs than `nnlite.config.max_epochs()` are left.
    """
    limit = max_epochs()
    if limit is not None and limit < options["epochs"]:
        warnings.warn(f"epochs={options['epochs']} is limited to {limit} by config.set_max_epochs", stacklevel=4)
        options = {**options, "epochs": limit}
    if not isinstance(optimizer, FullBatchOptimizer):
        return dict(options)
    batch_size = options["batch_size"]
    whole = {"batch_size": ALL_ROWS if batch_size in (None, "auto") else batch_size, "shuffle": False}
    return {**options, **whole, "validation_batch_size": options["validation_batch_size"] or VALIDATION_ROWS}


def need_one_batch(optimizer: Optimizer | None, batches: "Batches") -> None:
    """`ConfigError` if a full-batch optimizer would see only part of the rows."""
    if not isinstance(optimizer, FullBatchOptimizer):
        return
    name = type(optimizer).__name__
    if not isinstance(batches, ArrayBatches):
        raise ConfigError(f"{name} takes all rows at once: pass arrays, neither batches nor folds")
    rows = count_rows(batches.arrays[0])
    if batches.batch_size < rows:
        raise ConfigError(
            f"{name} takes all {rows} rows at once, batch_size is {batches.batch_size}: leave it out, or take an "
            "optimizer that trains by batches",
            ("fit", "batch_size"),
        )
    batches.batch_size = rows


def listeners_for(optimizer: Optimizer | None) -> list[Callback]:
    """The callback that training with this optimizer needs, before all others."""
    return [FullBatchWatch(optimizer)] if isinstance(optimizer, FullBatchOptimizer) else []


class FullBatchWatch(Callback, abstract=True):
    """Adds the optimizer's logs of an iteration to those of the epoch, and stops the training by validation.

    Args:
        optimizer: that of the training.
    """

    watches = True
    state_names = ("failures", "best", "weights")
    state_kinds = {"weights": ("list", "nothing")}

    optimizer: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        self.adds = tuple(self.optimizer.log_names)  # type: ignore[misc]
        self.failures, self.best = 0, float("inf")
        self.weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.optimizer.begin()
        self.failures, self.best, self.weights = 0, float("inf"), None

    def get_state(self) -> dict[str, Any]:
        """The state of the watch, and the logs of an iteration that no epoch has reported yet."""
        return {**super().get_state(), "said": self.optimizer.logs, "stop_reason": self.optimizer.stop_reason}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        check_weights(self.model, self.weights, "weights")
        check_state(state, {"said": {}, "stop_reason": None}, {"stop_reason": ("string", "nothing")})
        self.optimizer.logs, self.optimizer.stop_reason = state["said"], state["stop_reason"]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        logs.update(self.optimizer.logs)
        if self.optimizer.max_fail is not None and "val_loss" in logs:
            self._judge(logs["val_loss"])
        if self.optimizer.stop_reason is None and epoch + 1 == self.params.get("epochs"):
            self.optimizer.stop_reason = EPOCHS

    def _judge(self, value: float) -> None:
        if value < self.best:
            self.failures, self.best, self.weights = 0, value, self.model.get_weights()
            return
        self.failures += 1
        if self.failures >= self.optimizer.max_fail:
            self.optimizer.stop_reason = FAILURES
            self.model.stop_training = True
            if self.weights is not None:
                self.model.set_weights(self.weights)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.params.get("verbose") and self.optimizer.stop_reason is not None:
            announce(f"{type(self.optimizer).__name__}: {self.optimizer.stop_reason}")
