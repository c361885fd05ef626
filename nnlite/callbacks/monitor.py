"""MonitorCallback: the base of callbacks that watch one quantity of the logs."""

import math
import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.callbacks.base import Callback
from nnlite.errors import ConfigError
from nnlite.metrics import Metric
from nnlite.metrics.state.together import single_metrics

__all__ = ["MonitorCallback", "is_validated"]

MODES = ("auto", "min", "max")


def is_validated(epoch: int, frequency: int | list[int]) -> bool:
    """Whether `validation_freq` asks for a validation after `epoch` (from 0); a list holds epochs counted from 1."""
    return epoch + 1 in frequency if isinstance(frequency, list) else (epoch + 1) % frequency == 0


class MonitorCallback(Callback, abstract=True):
    """Base of callbacks with the fields `monitor` (a name in the logs) and `mode` ("auto", "min" or "max").

    With "auto" the direction is that of the monitored metric: a loss is to fall, an accuracy is to rise. Any other
    string counts as "auto", with a warning.
    """

    min_delta = 0.0

    if TYPE_CHECKING:  # fields of the subclasses
        monitor = cast(str, None)
        mode = cast(str, None)

    def __post_init__(self) -> None:
        if isinstance(self.mode, str) and self.mode not in MODES:
            modes = ", ".join(MODES)
            message = f"{type(self).__name__}: unknown mode {self.mode!r}, not one of {modes}; 'auto' is used"
            warnings.warn(message, stacklevel=3)
            self.mode = "auto"
        super().__post_init__()

    def monitored(self, logs: dict[str, float] | None) -> float:
        """The monitored value, or `ConfigError` if this run does not log it."""
        logs = logs or {}
        if self.monitor in logs:
            return logs[self.monitor]
        has_validation = any(name.startswith("val_") for name in logs)
        lacks_validation = self.monitor.startswith("val_") and not has_validation
        hint = ". Pass validation_data or validation_split" if lacks_validation else ""
        raise ConfigError(
            f"{type(self).__name__} monitors {self.monitor!r}, which this run does not log; "
            f"available: {', '.join(logs) or 'nothing'}{hint}"
        )

    def check(self, names: list[str] | None) -> None:
        """`ConfigError` if the run will not log the monitored quantity, or if "auto" cannot tell its direction."""
        if names is not None:
            self.monitored(dict.fromkeys(names, 0.0))
        self._higher_is_better()

    def skips(self, epoch: int) -> bool:
        """Whether `epoch` has no monitored value because `validation_freq` skipped its validation."""
        frequency = (self.params or {}).get("validation_freq", 1)
        return self.monitor.startswith("val_") and not is_validated(epoch, frequency)

    @property
    def monitor_op(self) -> Any:
        """`np.greater` where larger values are better, else `np.less`."""
        return np.greater if self._higher_is_better() else np.less

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; NaN never is."""
        if self._higher_is_better():
            return value - self.min_delta > (-math.inf if reference is None else reference)
        return value + self.min_delta < (math.inf if reference is None else reference)

    def _higher_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        direction = self._metric_direction(name)
        if direction is None:
            raise ConfigError(
                f"{type(self).__name__} monitors {self.monitor!r}, of which it is not known whether it should "
                "rise or fall; pass mode='max' or mode='min'"
            )
        return direction

    def _metric_direction(self, name: str) -> bool | None:
        """Direction of the model's metric of that name, or else of the metric class of that name."""
        for metric in () if self.model is None else single_metrics(self.model.metrics):
            if metric.name == name:
                return metric.higher_is_better
        try:
            return Metric.get(name).higher_is_better
        except ConfigError:
            return None
