"""History: the logs of every epoch."""

from nnlite.callbacks.base import Callback

__all__ = ["History"]


class History(Callback):
    """Records the logs of every epoch; `fit` returns it.

    Attributes:
        epoch: numbers of the epochs, from 0.
        history: name -> one value per epoch in which it was logged.

    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
    >>> history.history
    {'loss': [0.5], 'val_loss': [0.6]}
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
