"""One call of `fit`: its position, as a checkpoint stores it, and how a later call continues from there."""

import numbers
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import saving
from nnlite.callbacks import CallbackList, History
from nnlite.data.batches import Epoch, Together
from nnlite.errors import ConfigError, DivergenceError, ModelFileError, TrainingWarning
from nnlite.errors.boundary import reading
from nnlite.errors.caller import warn_user
from nnlite.metrics import Mean
from nnlite.saving.boundary import reading_saved
from nnlite.training.safety.checkpoint_files import Checkpoint
from nnlite.training.safety.plans import compare_plans, training_plan_of

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["Session"]


class Session:
    """One call of `fit`.

    Args:
        trainer: of a compiled model that is built.
        callbacks: all that take part.
        batches: that are trained on.
        options: the arguments of `fit`.

    Attributes:
        epochs: those that are left.
        batch: how many batches of the first of them are done already.
        begun: the optimizer's steps when the training began.
        first_epoch: the epoch in which it began.
        steps: batches of an epoch; None until the first has ended where that is not known beforehand.
        shuffled_at: the optimizer's steps when the epoch began, which decide the order of its rows.
        loss: the mean of the epoch so far.
        logs: of the last epoch.
        stopped: whether a callback has ended the training already.
        guarded: whether losses and weights that are not finite end the training.
        restores: whether the weights of the last epoch that was finite are given back then.
    """

    def __init__(self, trainer: "Trainer", callbacks: CallbackList, batches: Any, options: Mapping[str, Any]) -> None:
        assert trainer.optimizer is not None  # the model is compiled
        self.trainer, self.callbacks, self.batches = trainer, callbacks, batches
        self.options = options
        self.epochs = range(options["initial_epoch"], options["epochs"])
        self.guarded = options["on_divergence"] not in (None, "ignore")
        self.restores = options["on_divergence"] == "restore"
        self._kept: tuple[list[np.ndarray], dict[str, Any]] | None = None
        self.first_epoch, self.begun = self.epochs.start, trainer.optimizer.batches
        self.batch, self.shuffled_at = 0, self.begun
        self.steps: int | None = batches.steps
        self.loss = Mean(name="loss")
        self.logs: dict[str, float] = {}
        self.stopped = False
        self._plan: dict[str, Any] | None = None
        self._taken: dict[str, Any] | None = None  # the state that continues
        self._file: Path | None = None  # that it is from
        self._anyway = False
        if options["resume"] is not None or any(one.comes_last for one in callbacks.callbacks):
            self._plan = training_plan_of(trainer, batches, options, callbacks.callbacks)

    def resume(self, checkpoint: Checkpoint, anyway: bool = False) -> None:
        """Continue from a checkpoint: weights, optimizer and position now; callbacks once they have begun.

        Raises:
            ConfigError: it is of another training, unless `anyway`.
            ModelFileError: it does not fit the model, or its state is damaged.
        """
        self._file, self._anyway = checkpoint.path, anyway
        with self._reading():
            self._resume(checkpoint, anyway)

    @property
    def _by_callback(self) -> bool:
        """Whether a callback, not the argument `resume`, names the checkpoint."""
        return self.options["resume"] is None

    def _reading(self) -> AbstractContextManager[None]:
        """A context in which the state of the checkpoint is restored; its errors name the file."""
        return reading(self._file, "cannot be resumed from", kind=ModelFileError)

    def _resume(self, checkpoint: Checkpoint, anyway: bool) -> None:
        state, trainer = checkpoint.state, self.trainer
        if not anyway:
            assert self._plan is not None
            beside = {"callbacks": None} if self._by_callback else {}  # as with Keras, beside others than before
            compare_plans(state["plan"] | beside, self._plan | beside, checkpoint.path)
        if state["epoch"] > self.options["epochs"]:
            raise ConfigError(f"epochs is {self.options['epochs']}, but {state['epoch']} are done already")
        trainer.model.load_weights(checkpoint.path)
        assert trainer.optimizer is not None
        slots = saving.slots_from_arrays(checkpoint.arrays)
        trainer.optimizer.set_state({"iterations": checkpoint.iterations, "slots": slots})
        self.first_epoch, self.begun, self.shuffled_at = state["first_epoch"], state["begun"], state["shuffled_at"]
        self.epochs, self.batch = range(state["epoch"], self.options["epochs"]), state["batch"]
        self.loss.total, self.loss.count = state["loss"]
        self.logs, self.stopped = state["logs"], state["stopped"] and state["epochs"] == self.options["epochs"]
        self.steps = self.steps or state["steps"]
        self.callbacks.params["resumed"] = True
        self._taken = state
        self._skip(state)

    def _skip(self, state: Mapping[str, Any]) -> None:
        """Pass over the batches that an iterator without a second start has given in the epochs before."""
        done = (state["epoch"] - state["first_epoch"]) * (state["steps"] or 0)
        self.batches.skip(done)

    def take_up(self) -> None:
        """Restore callbacks and learning rate from the checkpoint, if the training continues from one."""
        if self._taken is not None:
            with self._reading():
                self._take_up(self._taken)

    def _take_up(self, state: Mapping[str, Any]) -> None:
        trainer, rate = self.trainer, state["learning_rate"]
        assert trainer.optimizer is not None
        if rate is not None and isinstance(trainer.optimizer.learning_rate, numbers.Real) and self._same_rate():
            trainer.optimizer.learning_rate = rate
        left = list(state["callbacks"])
        for callback in self.callbacks.callbacks:
            if self._by_callback and isinstance(callback, History):  # as with Keras, that of the epochs of this call
                continue
            index = next((n for n, (name, _) in enumerate(left) if name == type(callback).__name__), None)
            if index is not None:  # the first of its class that is not taken yet
                with reading_saved(self._file):
                    callback.set_state(left.pop(index)[1])
            elif callback.state_names and not callback.watches and not self._anyway:
                raise ConfigError(f"there is no saved state of {type(callback).__name__}, which would start over")

    def _same_rate(self) -> bool:
        """Whether the learning rate that the training began with is the one that it was to begin with."""
        rates = [next(iter(plan["compile"]["optimizer"].values()))["learning_rate"] for plan in self._plans()]
        return rates[0] == rates[1]

    def _plans(self) -> list[dict[str, Any]]:
        assert self._plan is not None and self._taken is not None
        return [self._plan, self._taken["plan"]]

    def keep(self) -> None:
        """Save weights and optimizer in memory, if they may have to be restored."""
        if self.restores:
            assert self.trainer.optimizer is not None
            model: Any = self.trainer.model
            self._kept = model.get_weights(), self.trainer.optimizer.get_state()

    def give_back(self, error: DivergenceError) -> None:
        """Restore weights and optimizer as of the last finite epoch, and end the training."""
        assert self._kept is not None and self.trainer.optimizer is not None
        model: Any = self.trainer.model
        model.set_weights(self._kept[0])
        self.trainer.optimizer.set_state(self._kept[1])
        self.trainer.diverged = True
        warn_user(f"{error}. The weights of the last finite epoch are restored", TrainingWarning)

    def begin_epoch(self, together: Together) -> tuple[Epoch, Mean, int]:
        """The remaining batches of the epoch, the mean of its losses so far, and the number of batches done.

        Mean and metrics start over, or continue; `together` is that of the batches' `epoch`.
        """
        trainer = self.trainer
        assert trainer.optimizer is not None
        if self.batch and self._taken is not None:
            with reading_saved(self._file):
                for metric, state in zip(trainer.metrics, self._taken["metrics"], strict=True):
                    metric.set_state(state)
            left = self.batches.epoch(self.shuffled_at, self.batch, together)
            if self.stopped:
                left.close()
            return left, self.loss, self.batch
        self.loss.reset_state()
        self.batch, self.shuffled_at = 0, trainer.optimizer.batches
        for metric in trainer.metrics:
            metric.reset_state()
        return self.batches.epoch(self.shuffled_at, together=together), self.loss, 0

    def checkpoint(self, epoch: int, batch: int) -> tuple[dict, dict[str, np.ndarray]]:
        """Header and arrays of a model file that also stores the position of the training: before `batch` of `epoch`.

        Raises:
            DivergenceError: a weight, or what the optimizer remembers, is not finite.
        """
        header, arrays = self.trainer.model.file_state()
        broken = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
        if broken:
            raise DivergenceError(f"{broken[0]} is not finite")
        state, more = saving.state_to_arrays(self._state(epoch, batch), "training/")
        return {**header, "training": state}, {**arrays, **more}

    def _state(self, epoch: int, batch: int) -> dict[str, Any]:
        trainer = self.trainer
        rate: Any = trainer.optimizer and trainer.optimizer.learning_rate
        return {
            "plan": self._plan,
            "epochs": self.options["epochs"],
            "epoch": epoch,
            "batch": batch,
            "first_epoch": self.first_epoch,
            "begun": self.begun,
            "shuffled_at": self.shuffled_at,
            "steps": self.steps,
            "learning_rate": rate if isinstance(rate, numbers.Real) else None,
            "loss": [self.loss.total, self.loss.count],
            "metrics": [metric.get_state() for metric in trainer.metrics] if batch else [],
            "callbacks": [[type(one).__name__, self._known_by(one)] for one in self.callbacks.callbacks],
            "logs": {name: value for name, value in self.logs.items() if isinstance(value, numbers.Real)},
            "stopped": trainer.stop_training,
        }

    @staticmethod
    def _known_by(callback: Any) -> dict[str, Any]:
        try:
            state = callback.get_state()
            saving.state_to_arrays(state, "")
        except ConfigError as error:
            raise error.within(type(callback).__name__, "get_state") from None
        return state
