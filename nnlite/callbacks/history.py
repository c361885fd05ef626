"""History: the logs of every epoch, and their learning curves."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from nnlite.callbacks.base import Callback
from nnlite.charts import Chart, Series, line_chart, notebook, number_text
from nnlite.errors import ConfigError, shown

__all__ = ["History", "curves"]

WIDE_RANGE = 20.0  # the largest over the smallest value of a loss from which on the axis is logarithmic
SMALLER_IS_BETTER = ("loss", "error", "mse", "mae", "rmse", "mape", "msle", "deviance", "crossentropy", "divergence")


class History(Callback):
    """Records the logs of every epoch; `fit` returns it. A notebook displays it as learning curves.

    Attributes:
        epoch: numbers of the epochs, from 0.
        history: name -> one value per epoch in which it was logged.

    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
    >>> history.history
    {'loss': [0.5], 'val_loss': [0.6]}
    >>> history
    History of 1 epoch: loss 0.5, val_loss 0.6
    >>> history.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.75})
    >>> history
    History of 2 epochs, the last: loss 0.25, val_loss 0.75; best val_loss 0.6 in epoch 0
    """

    watches = True
    state_names = ("epoch", "history")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        if self.model is not None:
            self.model.history = self

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        for name, values in {"epoch": self.epoch, **self.history}.items():
            if not isinstance(values, list) or not all(isinstance(value, Real) for value in values):
                raise ConfigError(f"expected a list of numbers, got {shown(values)}", (name,))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        count = len(self.epoch)
        if not count:
            return "History of 0 epochs"
        last = ", ".join(f"{name} {_value_text(values[-1])}" for name, values in self.history.items())
        if count == 1:
            return f"History of 1 epoch: {last}"
        return f"History of {count} epochs, the last: {last}{self._best()}"

    def _best(self) -> str:
        """The lowest validation loss, or loss, and its epoch."""
        for name in ("val_loss", "loss"):
            values = np.asarray(self.history.get(name, []), float)
            if values.shape == (len(self.epoch),) and np.isfinite(values).any():
                best = int(np.nanargmin(values))
                return f"; best {name} {number_text(float(values[best]))} in epoch {self.epoch[best]}"
        return ""

    def _repr_html_(self) -> str:
        charts = curves(self.epoch, self.history)
        return notebook(f"<p>{self!r}</p>{''.join(chart.figure() for chart in charts)}")


def curves(epochs: Sequence[int], history: Mapping[str, Sequence[Any]]) -> list[Chart]:
    """One chart per logged quantity, with its training and validation values.

    Args:
        epochs: their numbers.
        history: name -> one value per epoch; a shorter one belongs to the last epochs, as validation that is not done
            in each. Several values per epoch, as of an ensemble, are drawn as their mean.
    """
    names = dict.fromkeys(name.removeprefix("val_") for name in history)
    charts = []
    for name in names:
        pair = {key: history[key] for key in (name, f"val_{name}") if key in history}
        lines = {key: _aligned(values, len(epochs)) for key, values in pair.items()}
        finite = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
        small = any(word in name for word in SMALLER_IS_BETTER) or name == "learning_rate"
        log = small and bool(finite.size) and finite.min() > 0 and finite.max() / finite.min() > WIDE_RANGE
        series = [Series(key, epochs, values) for key, values in lines.items()]
        charts.append(line_chart(series, name, "epoch", "", log_y=log, note="Logarithmic axis." if log else ""))
    return charts


def _aligned(values: Sequence[Any], count: int) -> np.ndarray:
    means = [np.mean(value) for value in values[max(len(values) - count, 0) :]]
    return np.array([*[np.nan] * (count - len(means)), *means], float)


def _value_text(value: Any) -> str:
    return " ".join(number_text(float(number)) for number in np.ravel(value))
