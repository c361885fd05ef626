"""SwapEMAWeights: evaluation and prediction with averaged weights."""

from typing import Any

from nnlite.callbacks.base import Callback
from nnlite.errors import ConfigError

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Swaps in the averaged weights of an optimizer with `use_ema` for validation, evaluation and prediction.

    After each step `average = ema_momentum * average + (1 - ema_momentum) * weight`. The weights themselves are back
    before the next step; at its end `fit` leaves the averages in the model, with or without this callback.

    Args:
        swap_on_epoch: keep the averages in the model from the end of each epoch to the beginning of the next,
            so that callbacks after this one save them.

    Raises:
        ConfigError: the optimizer keeps no averages.

    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile({"sgd": {"use_ema": True}}, "mse")
    >>> data = [[0.0], [1.0]], [0.0, 1.0]
    >>> history = model.fit(*data, validation_data=data, callbacks=[SwapEMAWeights()], verbose=0)
    >>> sorted(history.history)
    ['loss', 'val_loss']
    """

    swap_on_epoch: bool = False

    watches = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kept: list[Any] | None = None

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if model is not None and model.optimizer is not None and not model.optimizer.use_ema:
            raise ConfigError(
                f"needs averages of the weights: give {type(model.optimizer).__name__} the argument use_ema=True",
                ("SwapEMAWeights",),
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._swap_out()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.swap_on_epoch:
            self._swap_in()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._swap_in()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self._swap_out()

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        self._swap_in()

    def on_predict_end(self, logs: dict[str, float] | None = None) -> None:
        self._swap_out()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._kept = None  # the averages are the weights from now on

    def _swap_in(self) -> None:
        if self._kept is None and self.model.optimizer.built:
            self._kept = self.model.get_weights()
            self.model.trainer.ready_steps().put_averages()

    def _swap_out(self) -> None:
        if self._kept is not None:
            self.model.set_weights(self._kept)
            self._kept = None
