"""Base of trackers: settings once, logs by epoch, and the same run again after a resume."""

from typing import Any

from nnlite.callbacks.base import Callback, scalars

__all__ = ["Tracker"]


class Tracker(Callback, abstract=True):
    """Logs settings and epochs to a run, which `open_run` begins or continues just before it is first needed.

    A checkpoint keeps the identifier of the run, so that a training that is resumed continues in it.
    """

    watches = True
    writes = True
    state_names = ("_identifier",)
    state_kinds = {"_identifier": ("string", "nothing")}

    def load(self) -> Any:
        """The library; `MissingLibraryError` if it is not installed."""
        raise NotImplementedError

    def open_run(self, identifier: str | None) -> str | None:
        """Begin a run, or continue the one with this identifier; returns the identifier to continue it by."""
        raise NotImplementedError

    def log_settings(self, settings: dict[str, Any]) -> None:
        """Log the settings of the training."""
        raise NotImplementedError

    def log_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Log the metrics of an epoch, numbered from 0."""
        raise NotImplementedError

    def log(self, name: str, value: float, step: int) -> None:
        """Log a scalar during training, for use by other callbacks. `TensorBoard` has the same method.

        Args:
            name: as the tracker shows it.
            value: a number.
            step: where it stands along the axis; epochs count from 0.
        """
        self._begin()
        self.log_epoch(step, {name: float(value)})

    def close_run(self) -> None:
        """End the run, if `open_run` began or continued it."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._library = self.load()
        self._identifier: str | None = None
        self._open = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._begin()
        self.log_epoch(epoch, scalars(logs))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._open:
            self.close_run()

    def _begin(self) -> None:
        """Open the run, unless it is open, and log the settings of a new one."""
        if self._open:
            return
        continued = self._identifier is not None
        self._identifier = self.open_run(self._identifier)
        self._open = True
        if not continued:
            self.log_settings(self._settings())

    def _settings(self) -> dict[str, Any]:
        """The settings that decide the training, as far as the model knows."""
        optimizer = self.model.optimizer
        arguments = {f"optimizer.{name}": value for name, value in optimizer.get_config().items() if value is not None}
        return {
            "optimizer": type(optimizer).__name__,
            **arguments,
            "loss": str(self.model.trainer.config()["loss"]),
            "epochs": self.params["epochs"],
            "seed": self.model.seed,
            "parameters": sum(weight.size for weight in self.model.weights),
        }
