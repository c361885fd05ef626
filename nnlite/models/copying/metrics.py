"""The metrics of a model, as Keras lists them."""

from typing import TYPE_CHECKING, Any

from nnlite.metrics import Metric

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["listed_metrics"]


def listed_metrics(model: "BaseModel") -> list[Any]:
    """See `BaseModel.metrics`; a metric of the model's own that is called loss takes the place of the mean."""
    kept = [item for value in vars(model).values() for item in _metrics_in(value)]
    compiled = model.trainer.listed_metrics
    own_loss = any(metric.name == "loss" for metric in kept)
    return [*(compiled[1:] if own_loss else compiled), *kept]


def _metrics_in(value: Any) -> list[Metric]:
    items = value if isinstance(value, (list, tuple)) else value.values() if isinstance(value, dict) else [value]
    return [item for item in items if isinstance(item, Metric)]
