"""The names of the parameters of a model."""

from typing import Any

from nnlite.layers.base.call import inner_layers
from nnlite.training.trainable import Trainable

__all__ = ["parameter_names"]


def parameter_names(model: Trainable, separator: str = ".") -> list[str]:
    """A name for each of `model.parameters`: `"dense.kernel"`, or with another separator."""
    names = _names_within(model, separator, "")
    return [name if names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(names)]


def _names_within(layer: Any, separator: str, prefix: str | None = None) -> list[str]:
    """A name for each parameter of a layer: `"dense.kernel"`, `"block.dense.kernel"` in a layer that it keeps.

    Layers without a name, such as the cell of a recurrent layer, do not show.
    """
    if prefix is None:
        prefix = f"{layer.name}{separator}" if layer._given_name else ""
    inner = {
        id(parameter): f"{prefix}{name}"
        for kept in inner_layers(layer)
        for parameter, name in zip(kept.parameters, _names_within(kept, separator), strict=True)
    }
    return [inner.get(id(parameter), f"{prefix}{parameter.name}") for parameter in layer.parameters]
