"""Attributes of a layer that have a value before they are given one: its name and its type."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from nnlite.config import FloatType, floatx
from nnlite.registry.names import default_name

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

_counts: Counter[str] = Counter()  # how many names were made of each class


class Name:
    """The attribute `name`: the one that was given or, once it is asked for, one made of the class: `dense_1`.

    Within the package `layer._given_name` is read, None until the layer has one: a model numbers such a layer among its
    own, under the name that was made if that is free.
    """

    def __get__(self, layer: "Layer | None", owner: Any = None) -> Any:
        if layer is None:
            return None
        given = vars(layer).get("name")
        if given is None and layer._made_name is None:
            stem = layer._name_stem
            number = _counts[stem]
            _counts[stem] += 1
            layer._made_name = f"{stem}_{number}" if number else stem
        return layer._made_name if given is None else given

    def __set__(self, layer: "Layer", value: Any) -> None:
        vars(layer)["name"] = value


class TypeName:
    """The attribute `dtype`: the one that was given or that the layer was built in, before that `floatx()`."""

    def __get__(self, layer: "Layer | None", owner: Any = None) -> Any:
        return None if layer is None else vars(layer).get("dtype") or floatx()

    def __set__(self, layer: "Layer", value: Any) -> None:
        vars(layer)["dtype"] = value


def show_made(cls: type) -> None:
    """Let fields of a class that are called `name` or `dtype`, None by default, be the attributes of all layers."""
    for name in ("name", "dtype"):
        if name in vars(cls) and vars(cls)[name] is None:
            delattr(cls, name)


@property
def given_name(self: Any) -> str | None:
    """The name; None until the layer is given one."""
    return vars(self).get("name")


@property
def name_stem(self: Any) -> str:
    """The beginning of names that are made for the layer."""
    return default_name(type(self)).lstrip("_")


@property
def given_dtype(self: Any) -> FloatType | None:
    """The type that was given, or that the layer was built in; None before."""
    return vars(self).get("dtype")


@property
def compute_dtype(self: Any) -> str:
    """`dtype`, in which the layer computes."""
    return self.dtype


@property
def variable_dtype(self: Any) -> str:
    """`dtype`: parameters have the type that the layer computes in."""
    return self.dtype


def forget_names() -> None:
    """Count the names of layers from the beginning."""
    _counts.clear()
