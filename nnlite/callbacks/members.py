"""BestMembers: each member of a model ends with the weights of its own best epoch."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from nnlite.callbacks.base import Verbosity, announce
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.errors import ConfigError
from nnlite.layers.base.call import layers_within
from nnlite.parameters import Parameter, assign_all, each_once
from nnlite.registry.bounds import Index, NonNegative

__all__ = ["BestMembers"]


class BestMembers(MonitorCallback):
    """Gives each member of a model, at the end of training, the weights of its own best epoch.

    Members are trained by `fit(folds=...)`; the parameters of layers with an argument `members` have theirs along the
    first axis. A model that is trained as one counts as a single member, and all its weights are restored. Until an
    epoch improves on anything, the first one counts as a member's best; an epoch in which its value is NaN never does.

    Args:
        monitor: name in the logs, of which each member has a value: that of the validation.
        min_delta: a change must exceed it to count as an improvement.
        patience: number of epochs without improvement of any member after which training stops; None for never.
        verbose: 1 prints a line when training is stopped and when weights are restored.
        mode: "min", "max", or "auto": the direction of the monitored metric.

    Attributes:
        best, best_epochs: of each member, `(members,)`: its best value, NaN before there is one, and the epoch of that.

    Raises:
        ConfigError: the run does not log `monitor` for each member, or members share parameters that are trained.

    >>> BestMembers(patience=10)
    BestMembers(patience=10)
    """

    monitor: str = "val_loss"
    min_delta: NonNegative = 0.0
    patience: Index | None = None
    verbose: Verbosity = 0
    mode: Literal["auto", "min", "max"] = "auto"

    state_names = ("wait", "stopped_epoch", "best", "best_epochs", "_kept")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = np.empty(0)
        self.best_epochs = np.empty(0, int)
        self._kept: list[np.ndarray] = []  # the best weights so far
        self._apart: list[Parameter] = []  # what they belong to, where there are members; else the whole model

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        members = self.best.size and self.model.trainer.folds is not None
        self._apart = self._of_members() if members else []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.skips(epoch):
            return
        values, apart = self._values(logs)
        if not self.best.size:
            self.best, self.best_epochs = np.full(len(values), np.nan), np.full(len(values), epoch)
            self._apart = self._of_members() if apart else []
            self._kept = [parameter.value.copy() for parameter in self._apart] if apart else self.model.get_weights()
        references = [None if np.isnan(value) else float(value) for value in self.best]
        improved = np.array([self.improves(*pair) for pair in zip(values, references, strict=True)])
        self.best[improved], self.best_epochs[improved] = values[improved], epoch
        if not apart and improved[0]:
            self._kept = self.model.get_weights()
        for parameter, kept in zip(self._apart, self._kept if apart else [], strict=True):
            kept[improved] = parameter.value[improved]
        self.wait = 0 if improved.any() else self.wait + 1
        if self.patience is not None and self.wait and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _values(self, logs: dict[str, float] | None) -> tuple[np.ndarray, bool]:
        """The monitored value of each member, and whether there are members."""
        value, of_members = self.monitored(logs), self.model.trainer.member_logs
        if of_members is None:
            return np.array([value]), False
        if self.monitor not in of_members:
            known = ", ".join(of_members) or "nothing"
            raise ConfigError(f"BestMembers monitors {self.monitor!r}; known of each member of this run: {known}")
        return of_members[self.monitor], True

    def _of_members(self) -> list[Parameter]:
        """The parameters of which each member has its own; `ConfigError` if training changes others too."""
        separate = member_parameters(self.model)
        shared = {id(parameter) for parameter in self.model.trainable_weights} - set(map(id, separate))
        for layer in [*self.model.layers, self.model]:  # which may have weights of its own
            if any(id(parameter) in shared for parameter in layer.parameters):
                raise ConfigError(f"BestMembers: all members share the parameters of {layer.label}, which are trained")
        return separate

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            announce(f"Epoch {self.stopped_epoch + 1}: no member has improved for {self.wait} epochs, stopping")
        if self._kept and self.verbose:
            epochs = ", ".join(str(epoch + 1) for epoch in self.best_epochs)
            announce(f"Restoring the weights of each member from the end of its best epoch: {epochs}.")
        if self._apart:
            assign_all(self._apart, self._kept, type(self).__name__)
        elif self._kept:
            self.model.set_weights(self._kept)
        self._kept, self._apart = [], []


def member_parameters(model: Any) -> list[Parameter]:
    """The parameters of which each member has its own, along the first axis: those of layers with `member_count`."""
    return each_once([_within(model)])


def _within(layer: Any) -> Iterator[Parameter]:
    for inside in (layer, *layers_within(layer)):
        if inside.member_count:
            yield from inside.parameters
