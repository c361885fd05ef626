"""The dense layers inside attention with heads, as attributes."""

from typing import Any, NamedTuple

from nnlite.parameters import Parameter

__all__ = []


class Projection(NamedTuple):
    """The parameters of one of the dense layers in attention with heads; None of them before it is built.

    Attributes:
        name: that of the layer in paths.
        kernel, bias: `bias` is None without `use_bias`.
    """

    name: str
    kernel: Parameter | None
    bias: Parameter | None


def projection(name: str) -> property:
    """The attribute of a `Headed` layer that shows the `Projection` of this name."""

    def read(layer: Any) -> Projection:
        known = {parameter.name: parameter for parameter in layer.parameters}
        path = layer._path_inside(f"{name}_kernel").removesuffix("/kernel")
        return Projection(path, known.get(f"{name}_kernel"), known.get(f"{name}_bias"))

    return property(read, doc=f"The kernel and the bias of the {name}.")
