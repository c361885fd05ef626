"""Values of a graph as the calls in Keras's JSON name them, and which of them are masks alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlite.errors import ModelFileError
from nnlite.foreign.operations.reading import is_operation

__all__ = ["flat", "is_value", "key_of", "of_mask", "without_masks"]

# What Keras draws of the masks that `Embedding` and `Masking` make; here masks are passed on automatically.
OF_MASKS = ("Any", "NotEqual")


def without_masks(documents: Sequence[Any], ends: Any) -> list[Any]:
    """The layers and functions of a graph with these outputs, but those whose values are masks alone."""
    used, masks = set(flat(ends)), [one for one in documents if _can_mask(one)]
    for one in [*(one for one in documents if one not in masks), *masks[::-1]]:  # each is behind what it takes
        applied = is_operation(one)
        if one not in masks or one["name"] in used:
            for node in one["inbound_nodes"]:
                options = node.get("kwargs") or {}
                told = [options[name] for name in options if applied or not name.endswith("mask")]
                used |= {key_of(item, "a call")[0] for item in flat([node["args"], told]) if is_value(item)}
    return [one for one in documents if one not in masks or one["name"] in used]


def _can_mask(document: Any) -> bool:
    return is_operation(document) and document.get("class_name") in OF_MASKS


def is_value(item: Any) -> bool:
    """Whether an argument of a call is a value of the graph."""
    return isinstance(item, dict) and item.get("class_name") == "__keras_tensor__"


def flat(items: Any) -> list[Any]:
    """Items of nested lists and dicts, without None."""
    if isinstance(items, dict) and "class_name" not in items:
        return flat([*items.values()])
    if not isinstance(items, (list, tuple)):
        return [] if items is None else [items]
    return [item for one in items for item in flat(one)]


def of_mask(layers: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether an argument of a call is a mask that a layer of the graph makes."""
    return value is None or (name == "mask" and all(key_of(item, name)[0] not in layers for item in flat(value)))


def key_of(item: Any, location: str) -> Any:
    """`(layer, use, part)` of a value of the graph; `ModelFileError` for anything else."""
    try:
        return tuple(item["config"]["keras_history"])
    except (KeyError, TypeError):
        raise ModelFileError(f"{location} is called with {item!r}, which is not a value of the graph") from None
