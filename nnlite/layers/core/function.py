"""A function as a layer."""

import inspect
from collections.abc import Callable
from dataclasses import field
from typing import Any, cast

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
            `nnlite.registry.register_function`, whose name is in the file.
        arguments: passed to the function by keyword; saved with the layer.
        output_shape: the shape of one example of the outputs, or a function of the inputs' shape; found by a trial on
            zeros when None. It is not part of the config.
        mask: the mask of the outputs, or a function of inputs and mask; None for that of the inputs where the function
            returns them. It is not part of the config.

    A function with the arguments `training` or `mask` gets them.

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
    _further_arguments = ("output_shape", "mask")
    _output_shape, _mask = cast(Any, None), cast(Any, None)

    def _take_further(self, arguments: dict[str, Any]) -> None:
        self._output_shape, self._mask = arguments.get("output_shape"), arguments.get("mask")
        self._writes_mask = self._mask is not None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            shape: Any = self._output_shape(input_shape)
            return tuple(shape)
        batch = input_shape[0][0] if self.takes_several else input_shape[0]
        return (batch, *self._output_shape)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self._mask(inputs, previous_mask) if callable(self._mask) else self._mask

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Apply the function, with `training` and `mask` if it takes them."""
        context = {"training": training, "mask": mask}
        wanted = inspect.signature(self.function.function).parameters
        options = {name: value for name, value in context.items() if name in wanted and name not in self.arguments}
        return self.function(inputs, **self.arguments, **options)


class Wrapper(Layer):
    """outputs = layer(inputs): the base of a layer that wraps another one.

    A subclass writes `call(self, inputs)`, in which it uses `self.layer` and functions of `nnlite.ops`; the layer
    inside is built, trained and saved with it.

    Args:
        layer: the layer inside.

    >>> from nnlite.layers import Dense
    >>> class Doubled(Wrapper):
    ...     def call(self, inputs):
    ...         return 2 * self.layer(inputs)
    >>> Doubled(Dense(1, kernel_initializer="ones"))([[1.0, 2.0]]).tolist()
    [[6.0]]
    """

    layer: FromSpec[Layer]

    def call(self, inputs: Any) -> Any:
        """Apply the wrapped layer to the inputs."""
        return self.layer(inputs)
