"""A function as a layer."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from nnlite.layers.base.layer import Layer
from nnlite.registry import NamedFunction
from nnlite.registry.fields import Converted, FromSpec

__all__ = ["Lambda", "Wrapper"]


class Lambda(Layer):
    """outputs = function(inputs, **arguments), its derivative from a record of what the function computes.

    Shape: that of what the function returns, the batch first. Several inputs reach the function as a tuple.

    Args:
        function: made of functions of `nnlite.ops`, of NumPy's functions that have a derivative there, and of
            operators. A model that has the layer can be saved when the function is registered by
            `nnlite.registry.register_function`, whose name stands in the file.
        arguments: passed to the function by keyword; saved with the layer.

    Raises:
        ConfigError: the function uses what has no derivative; or it is saved unregistered.

    >>> import numpy as np
    >>> square = Lambda(lambda inputs: inputs**2)
    >>> square.forward(np.array([[1.0, 3.0]])).tolist()
    [[1.0, 9.0]]
    >>> square.backward(1).tolist()
    [[2.0, 6.0]]
    """

    function: Converted[Callable[..., Any] | str, NamedFunction]
    arguments: dict = field(default_factory=dict)

    takes_several = None

    def call(self, inputs: Any) -> Any:
        return self.function(inputs, **self.arguments)


class Wrapper(Layer):
    """outputs = layer(inputs): the base of a layer that does something around another one.

    A subclass writes `call(self, inputs)`, in which it uses `self.layer` and functions of `nnlite.ops`; the layer
    inside is built, trained and saved with it.

    Args:
        layer: the layer inside.
    """

    layer: FromSpec[Layer]

    def call(self, inputs: Any) -> Any:
        """What the layer inside makes of the inputs."""
        return self.layer(inputs)
