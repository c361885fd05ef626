"""BestMembers: each ensemble member ends with the weights of its best epoch, or the mean of several."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from nnlite.callbacks.base import Verbosity, announce
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.errors import ConfigError
from nnlite.layers.base.call import layers_within
from nnlite.parameters import Parameter, assign_all, each_once
from nnlite.registry.bounds import Count, Index, NonNegative, Positive

__all__ = ["BestMembers"]


class BestMembers(MonitorCallback):
    """Restores for each member of a model, at the end of training, the weights of its own best epoch.

    Members are trained by `fit(folds=...)`; the parameters of layers with an argument `members` have theirs along the
    first axis. A model that is trained as one counts as a single member, and all its weights are restored. Until an
    epoch improves on anything, the first one counts as a member's best; an epoch in which its value is NaN never does.

    With `average` above 1 they are the mean of the weights of so many best epochs, those of integers the best epoch's:
    which epoch is the best of all is partly chance, and the mean lies between several good ones.

    With a `temperature` above 1, members that a softmax ends are judged by the loss after their logits were divided by
    it. Late epochs tell classes apart better and are too sure of it, which `TemperatureScaling` mends afterwards, and
    the loss as it is prefers early ones.

    Args:
        monitor: name of a value of the validation in the logs; each member has its own.
        min_delta: a change must exceed it to count as an improvement.
        patience: number of epochs without improvement of any member after which training stops; None for never.
        verbose: 1 prints a line when training is stopped and when weights are restored.
        mode: "min", "max", or "auto": the direction of the monitored metric.
        average: number of the best epochs whose weights are averaged.
        temperature: above 0; other than 1 for members alone, and with the monitor "val_loss".

    Attributes:
        best, best_epochs: of each member, `(members,)`: its best value, NaN before there is one, and the epoch of that.

    Raises:
        ConfigError: the run does not log `monitor` for each member, members share parameters that are trained, or a
            temperature other than 1 with another monitor, without members, or without a softmax at the end.

    References: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy
    without increasing inference time", arXiv:2203.05482; of the epochs of one training in place of several ones.
    Berta et al. 2025, "Rethinking Early Stopping: Refine, Then Calibrate", arXiv:2501.19195; by a fixed temperature in
    place of the best one of each epoch.

    >>> BestMembers(patience=10)
    BestMembers(patience=10)
    """

    monitor: str = "val_loss"
    min_delta: NonNegative = 0.0
    patience: Index | None = None
    verbose: Verbosity = 0
    mode: Literal["auto", "min", "max"] = "auto"
    average: Count = 1
    temperature: Positive = 1.0

    state_names = ("wait", "stopped_epoch", "best_epochs", "_kept", "_ranked")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature != 1 and self.monitor != "val_loss":
            raise ConfigError(f"temperature={self.temperature} judges by val_loss, not by {self.monitor}", ("monitor",))
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epochs = np.empty(0, int)
        self._kept: list[np.ndarray] = []  # the weights of the best epochs so far, the best one's first
        self._ranked: list[np.ndarray] = []  # the members' values in each of these epochs, NaN if there is none yet
        self._apart: list[Parameter] = []  # what they belong to, where there are members; else the whole model
        self._tempered: np.ndarray | None = None  # the last losses by the temperature

    @property
    def best(self) -> np.ndarray:
        """The best value of each member, NaN before the first."""
        return self._ranked[0] if self._ranked else np.empty(0)

    def set_state(self, state: dict[str, Any]) -> None:
        best = np.asarray(state.get("best", ()))  # of a version that kept the best epoch alone
        known = {name: value for name, value in state.items() if name != "best"}
        super().set_state({"_ranked": [best.copy()] if best.size else [], **known})
        members = self._ranked and self.model.trainer.folds is not None
        self._apart = self._of_members() if members else []

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        if self.temperature != 1 and self.model.trainer.judgement is not None:
            self._tempered = np.array(self.model.trainer.judgement.losses(self.temperature))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.skips(epoch):
            return
        values, apart = self._values(logs)
        if not self._ranked:
            self.best_epochs = np.full(len(values), epoch)
            self._apart = self._of_members() if apart else []
            self._ranked = [np.full(len(values), np.nan) for _ in range(self.average)]
            self._kept = [array for _ in self._ranked for array in self._weights()]
        improved = self._improved(values, self.best)
        self.best_epochs[improved] = epoch
        if self._improved(values, self._ranked[-1]).any():
            self._insert(values.copy(), self._weights())
        self.wait = 0 if improved.any() else self.wait + 1
        if self.patience is not None and self.wait and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _weights(self) -> list[np.ndarray]:
        """Copies of the weights of the moment."""
        return [parameter.value.copy() for parameter in self._apart] if self._apart else self.model.get_weights()

    def _improved(self, values: np.ndarray, references: np.ndarray) -> np.ndarray:
        """The members with a value better than the reference; NaN stands for no reference."""
        bests = [None if np.isnan(reference) else float(reference) for reference in references]
        return np.array([self.improves(*pair) for pair in zip(values, bests, strict=True)])

    def _insert(self, values: np.ndarray, weights: list[np.ndarray]) -> None:
        """Give each member's epoch its rank among the best, and forget the last of these."""
        for rank, ranked in enumerate(self._ranked):
            better = self._improved(values, ranked)
            ranked[better], values[better] = values[better], ranked[better]
            for index, array in enumerate(weights, rank * len(weights)):
                kept = self._kept[index]
                if self._apart:
                    kept[better], array[better] = array[better], kept[better]
                elif better[0]:
                    self._kept[index], weights[index - rank * len(weights)] = array, kept

    def _averaged(self) -> list[np.ndarray]:
        """The mean of each member's weights in its best epochs; of integers those of the best."""
        count = len(self._kept) // len(self._ranked)
        is_ranked = np.array([~np.isnan(ranked) for ranked in self._ranked])
        is_ranked[0] = True
        shares, averaged = is_ranked / is_ranked.sum(axis=0), []
        for index, best in enumerate(self._kept[:count]):
            if best.dtype.kind != "f" or len(is_ranked) == 1:
                averaged.append(best)
                continue
            shape = (len(is_ranked), -1, *[1] * (best.ndim - 1)) if self._apart else (-1, *[1] * best.ndim)
            stacked = np.stack(self._kept[index::count])
            averaged.append((stacked * shares.reshape(shape)).sum(axis=0).astype(best.dtype))
        return averaged

    def _values(self, logs: dict[str, float] | None) -> tuple[np.ndarray, bool]:
        """The monitored value of each member, and whether there are members."""
        value, of_members = self.monitored(logs), self.model.trainer.member_logs
        if self.temperature != 1:
            if of_members is None or self._tempered is None:
                raise ConfigError(f"BestMembers(temperature={self.temperature}) needs members: fit with folds")
            return self._tempered, True
        if of_members is None:
            return np.array([value]), False
        if self.monitor not in of_members:
            names = ", ".join(of_members) or "nothing"
            raise ConfigError(f"BestMembers monitors {self.monitor!r}; known of each member of this run: {names}")
        return of_members[self.monitor], True

    def _of_members(self) -> list[Parameter]:
        """The parameters that each member has separately; `ConfigError` if training changes others too."""
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
            assign_all(self._apart, self._averaged(), type(self).__name__)
        elif self._kept:
            self.model.set_weights(self._averaged())
        self._kept, self._ranked, self._apart = [], [], []


def member_parameters(model: Any) -> list[Parameter]:
    """The parameters with a leading axis of members: those of layers with `member_count`."""
    return each_once([_within(model)])


def _within(layer: Any) -> Iterator[Parameter]:
    for inside in (layer, *layers_within(layer)):
        if inside.member_count:
            yield from inside.parameters
