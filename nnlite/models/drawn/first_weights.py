"""Names and initial weights of the layers of a graph."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nnlite.errors import ConfigError
from nnlite.layers import Layer
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.symbolic import fingerprint
from nnlite.layers.base.variables.holders import hold
from nnlite.models.base import BaseModel
from nnlite.models.drawn.recorded import name_inside
from nnlite.registry.modules import given_arguments

__all__ = ["draw_weights", "name_layers"]


def name_layers(layers: Sequence[Layer]) -> None:
    """Name the unnamed layers; `ConfigError` for duplicate names."""
    names = [layer.name for layer in layers if layer._given_name]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"there are two layers named {twice[0]!r}; names must be unique")
    name_inside(layers)


def draw_weights(model: Any, redraw: bool) -> None:
    """Initialize the layers as part of the model.

    With `redraw` those whose weights nothing happened to since they were built draw them again, from its seed.
    """
    layers = model._layers_inside()
    untouched = [redraw and _is_untouched(layer) for layer in layers]  # before any is drawn: layers may share weights
    for index, layer in enumerate(layers):
        if untouched[index]:
            twin = type(layer).from_config(given_arguments(layer))
            twin._ensure_built(layer.input_shape, model.random.child(index))
            for parameter, new in zip(layer.parameters, twin.parameters, strict=True):
                if not parameter.is_state:
                    parameter.assign(new.value)
            _take_fingerprints(layer, twin)
        layer._drawn = None
        if isinstance(layer, BaseModel):
            layer._nested = True
    hold(model, layers, _draw_again)


def _draw_again(model: Any) -> None:
    """Take over the parameters that a layer got after the model was drawn; steps of training are rebuilt."""
    model._build_graph(redraw=False)
    if "trainer" in vars(model):  # made when it is first asked for
        model.trainer.forget_model()


def _is_untouched(layer: Layer) -> bool:
    """Whether nothing happened to the weights of a layer since it was built."""
    trainable = any(not parameter.is_state for parameter in layer.parameters)
    return trainable and layer._drawn is not None and layer._drawn == fingerprint(layer)


def _take_fingerprints(layer: Layer, twin: Layer) -> None:
    """The first weights of `layer`, and of the layers inside, are those of its twin now."""
    layer._first = twin._first
    for inner, other in zip(inner_layers(layer), inner_layers(twin), strict=True):
        _take_fingerprints(inner, other)
