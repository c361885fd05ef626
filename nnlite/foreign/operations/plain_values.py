"""Functions by their names; arrays, bytes, slices and ellipses in Keras's JSON: `{"class_name", "config"}`."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnlite import ops
from nnlite.arrays.weights import EagerTensor

__all__ = ["FUNCTIONS", "plain_form", "value_of_form"]

# Name -> function; a graph names those on images as all others.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {**vars(ops.image), **vars(ops)}

# Type -> Keras's name for its values, and what is written of one.
WRITERS: dict[type, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    EagerTensor: ("__tensor__", lambda array: {"value": array.tolist(), "dtype": array.dtype.name}),
    np.ndarray: ("__numpy__", lambda array: {"value": array.tolist(), "dtype": array.dtype.name}),
    bytes: ("__bytes__", lambda text: {"value": text.decode("utf-8", "surrogateescape")}),
    slice: ("__slice__", lambda part: {"start": part.start, "stop": part.stop, "step": part.step}),
    type(...): ("__ellipsis__", lambda _: {}),
}
READERS: dict[Any, Callable[[Mapping[str, Any]], Any]] = {
    "__tensor__": lambda config: ops.convert_to_tensor(config["value"], config["dtype"]),
    "__numpy__": lambda config: np.array(config["value"], config["dtype"]),
    "__bytes__": lambda config: config["value"].encode("utf-8", "surrogateescape"),
    "__slice__": lambda config: slice(config["start"], config["stop"], config["step"]),
    "__ellipsis__": lambda _: ...,
}


def plain_form(value: Any) -> dict[str, Any] | None:
    """An array, bytes, a slice or an ellipsis as a dict; None for anything else.

    >>> plain_form(slice(1, None)), plain_form("text")
    ({'class_name': '__slice__', 'config': {'start': 1, 'stop': None, 'step': None}}, None)
    """
    for kind, (name, arguments) in WRITERS.items():
        if isinstance(value, kind):
            return {"class_name": name, "config": arguments(value)}
    return None


def value_of_form(form: Any) -> Any:
    """The array, bytes, slice or ellipsis for a dict of `plain_form`; None for anything else.

    >>> value_of_form({"class_name": "__ellipsis__", "config": {}})
    Ellipsis
    """
    read = READERS.get(form.get("class_name")) if isinstance(form, Mapping) else None
    return None if read is None else read(form["config"])
