"""A function that predicts faster than the model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nnlite.inference.predictor import Predictor, sets_a_mask
from nnlite.layers import Layer
from nnlite.layers.base.shapes import zeros_for
from nnlite.layers.composite.chain import Chain

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["fast_predictor"]


def fast_predictor(model: "BaseModel", batch_size: int | None) -> Predictor:
    """See `BaseModel.compile_predict`."""
    _, jacobians = model.linearize(zeros_for(model, model.input_shape, batch_size or 1), *model.values)
    layers: list[Layer] = list(_flattened(model))
    if sets_a_mask(jacobians) or any(layer.dtype != model.dtype for layer in layers):
        layers = [model]
    predictor = Predictor(layers, model, model._interpretation.encoder)
    if batch_size is not None and not model.takes_several:
        predictor(zeros_for(model, model.input_shape, batch_size))
    return predictor


def _flattened(layer: Layer) -> Iterator[Layer]:
    """The layers of a chain, those of chains inside it among them; a model of another kind as one layer."""
    if not isinstance(layer.chain, Chain):
        yield layer
        return
    for inner in layer._layers_inside():
        yield from _flattened(inner)
