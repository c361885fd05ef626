"""Function calls in a Keras graph, rebuilt with those of `nnlite.ops`."""

from collections.abc import Mapping
from typing import Any

from nnlite.errors import ConfigError, DataError, ModelFileError
from nnlite.foreign.keras_specs import plain_value, signatures
from nnlite.foreign.operations.plain_values import FUNCTIONS, value_of_form

__all__ = ["apply_operation", "is_operation"]


def is_operation(document: Any) -> bool:
    """Whether Keras's JSON describes a function rather than a layer; in `.h5` files neither has a module."""
    if "module" in document:
        return str(document["module"]).startswith("keras.src.ops")
    config = document.get("config") or {}
    of_layer = config.keys() & {"trainable", "batch_shape", "layers"} if isinstance(config, Mapping) else True
    return not of_layer and document.get("class_name") in signatures()["operations"]


def apply_operation(
    document: Mapping[str, Any], arguments: list[Any], options: Mapping[str, Any], location: str
) -> Any:
    """The result of the function for the arguments of its call, with the graph's values filled in.

    Raises:
        ModelFileError: a function that nnlite lacks, or that cannot be applied so.
    """
    kind = str(document.get("class_name"))
    signature = signatures()["operations"].get(kind)
    function = signature and FUNCTIONS.get(signature["function"])
    if function is None:
        raise ModelFileError(f"{location}: nnlite.ops has nothing like {kind!r} of Keras")
    settings = {key: plain_value(value, f"{location}.{key}") for key, value in (document.get("config") or {}).items()}
    settings = {key: value for key, value in settings.items() if key in signature["arguments"]}
    keywords = {**settings, **_called(signature["call"], arguments)}
    keywords |= {key: _item(value) for key, value in options.items()}
    order, star = signature["order"], next((one[1:] for one in signature["call"] if one.startswith("*")), None)
    first = order[: order.index(star)] if star in order else order
    ordered = [keywords.pop(name) for name in first if name in keywords]
    while ordered and ordered[-1] is None:  # which nnlite may not have
        ordered.pop()
    spread = keywords.pop(star, ())
    try:
        return function(*ordered, *spread, **keywords)
    except (ConfigError, DataError, TypeError, ValueError) as error:
        raise ModelFileError(f"{location}: {error}") from None


def _called(names: list[str], arguments: list[Any]) -> dict[str, Any]:
    """Name -> argument of a call; a star gathers all that are left."""
    keywords: dict[str, Any] = {}
    left = list(arguments)
    for name in names:
        if name.startswith("*"):
            keywords[name[1:]], left = tuple(map(_item, left)), []
        elif left:
            keywords[name] = _item(left.pop(0))
    return keywords


def _item(value: Any) -> Any:
    """An argument as nnlite takes it: slices and ellipses in their forms, lists of indices as tuples."""
    if isinstance(value, list):
        items = [_item(item) for item in value]
        indexing = any(isinstance(item, slice) or item is ... for item in items)
        return tuple(items) if indexing else items
    if not isinstance(value, dict):
        return value
    special = value_of_form(value)
    return plain_value(value, "the call") if special is None else special
