"""The metrics of a model, as Keras lists them."""

from typing import TYPE_CHECKING, Any

from nnlite.layers.base.contract.structure import kept
from nnlite.metrics import Metric
from nnlite.training.compiled.metrics import metrics_inside

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["listed_metrics"]


def listed_metrics(model: "BaseModel") -> list[Any]:
    """See `BaseModel.metrics`; a metric of the model called loss replaces the mean."""
    attributes: list[Any] = kept(model, Metric)
    compiled = model.trainer.listed_metrics
    own_loss = any(metric.name == "loss" for metric in attributes)
    return [*(compiled[1:] if own_loss else compiled), *attributes, *metrics_inside(model)]
