"""Holders of layers: the models and layers that list the parameters of a layer among their own."""

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.contract.structure import kept
from nnlite.parameters import each_once
from nnlite.registry import Configurable

__all__ = ["hold", "hold_inner", "layers_beside", "succeed", "take_inner", "take_state", "tell_holders"]

# layer -> those that list its parameters, and how each takes over new ones
_holders: "WeakKeyDictionary[Any, WeakKeyDictionary[Any, Callable[[Any], None]]]" = WeakKeyDictionary()


def hold(holder: Any, layers: Iterable[Any], take: Callable[[Any], None]) -> None:
    """Have `take(holder)` called when one of the layers gets further parameters."""
    for layer in layers:
        _holders.setdefault(layer, WeakKeyDictionary())[holder] = take


def tell_holders(layer: Any) -> None:
    """Let all who list the parameters of a layer take over the new ones."""
    for holder, take in [*_holders.get(layer, {}).items()]:
        take(holder)
        tell_holders(holder)


def succeed(holder: Any, heir: Any) -> None:
    """Give `heir` the state of `holder`, and have it told what that is told of its layers."""
    vars(heir).update(vars(holder))
    for layer in kept(heir, LayerAttributes):
        if holder in (holders := _holders.get(layer, {})):
            holders[heir] = holders[holder]


def take_state(self: Any, state: dict[str, Any]) -> None:
    """Take the state of a pickled or copied layer, and hold the layers inside as that did."""
    Configurable.__setstate__(self, state)
    if self._traced and self._build_done:
        hold_inner(self)


def hold_inner(layer: Any) -> None:
    """List the parameters of the layers that a layer which writes `call` keeps, and those that they get later."""
    hold(layer, kept(layer, LayerAttributes), take_inner)
    take_inner(layer)


def take_inner(holder: Any) -> None:
    """List the parameters of `holder`: its own, and those of the layers inside, whichever of these were built first."""
    layers = kept(holder, LayerAttributes)
    inside = each_once(
        layer.weights if layer._traced and not layer._build_done else layer.parameters for layer in layers
    )
    ids, count = set(map(id, inside)), len(holder.parameters)
    holder.parameters[:] = [*(parameter for parameter in holder.parameters if id(parameter) not in ids), *inside]
    trains = holder._builds_itself and "trainer" in vars(holder)
    if trains and len(holder.parameters) > count and not holder.trainer.writes_steps:
        holder.trainer.forget_model()  # its steps have the parameters of before


def layers_beside(model: Any) -> list[Any]:
    """The layers that are attributes of a graph or a chain without being part of it, such as a head of its steps."""
    inside = set(map(id, model._layers_inside()))
    return [layer for layer in kept(model, LayerAttributes) if id(layer) not in inside]
