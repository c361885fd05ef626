"""Holders of layers: the models and layers that list the parameters of a layer among their own."""

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["hold", "take_from", "tell_holders"]

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


def take_from(holder: Any, layers: Iterable[Any]) -> None:
    """Add to the parameters of `holder` those of the layers that it does not list yet."""
    ids = set(map(id, holder.parameters))
    for layer in layers:
        holder.parameters.extend(parameter for parameter in layer.parameters if id(parameter) not in ids)
        ids.update(map(id, layer.parameters))
