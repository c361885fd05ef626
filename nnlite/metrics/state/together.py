"""The metrics of `compile` as one, as Keras lists them among those of a model."""

from collections.abc import Callable, Iterator
from typing import Any

from nnlite.arrays.types import ArrayLike
from nnlite.errors import NotReadyError

__all__ = ["CompileMetrics", "single_metrics"]


class CompileMetrics:
    """All metrics of `compile`, under the name `compile_metrics`.

    Args:
        in_use: gives those in use; none before the first data.
        update: shows them targets, predictions and weights.
    """

    name = "compile_metrics"

    def __init__(self, in_use: Callable[[], list[Any]], update: Callable[[Any, Any, Any], None]) -> None:
        self._in_use, self._update = in_use, update

    @property
    def metrics(self) -> list[Any]:
        """The metrics in use."""
        return self._in_use()

    @property
    def variables(self) -> list[Any]:
        """The state of all of them."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Update all of them with a batch."""
        self._update(y_true, y_pred, sample_weight)

    def result(self) -> dict[str, Any]:
        """Their values so far, by name; `NotReadyError` before the first data."""
        if not self.metrics:
            raise NotReadyError(
                "the metrics of compile have seen no data yet: call fit, evaluate or test_on_batch first"
            )
        return {str(metric.name): metric.result() for metric in self.metrics}

    def reset_state(self) -> None:
        """Reset all of them."""
        for metric in self.metrics:
            metric.reset_state()


def single_metrics(metrics: list[Any]) -> Iterator[Any]:
    """The metrics of a model as a flat list: those of `compile` in place of their container."""
    for metric in metrics:
        if isinstance(metric, CompileMetrics):
            yield from metric.metrics
        else:
            yield metric
