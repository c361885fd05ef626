"""`Function`, a graph of layers and ops that is only called."""

from typing import Any

from nnlite.layers import Layer
from nnlite.layers.base.symbolic import Symbol
from nnlite.models.functional import Model

__all__ = ["Function"]


class Function:
    """The values between `inputs` and `outputs` of a graph as a function of arrays; layers keep their weights.

    A `Model` is trained, saved and summarized; this is called.

    Args:
        inputs: an `Input`, what a layer gave, or a list or dict of such.
        outputs: what layers and ops made of them, in the form in which results are returned.
        name: for display.

    Attributes:
        inputs, outputs: the symbols, in lists.

    Raises:
        ConfigError: outputs that depend on an `Input` which is not among `inputs`.

    >>> import numpy as np
    >>> from nnlite import Input
    >>> left, right = Input((2,)), Input((2,))
    >>> [values.tolist() for values in Function([left, right], [left + right, left * right])([[[1, 2]], [[3, 4]]])]
    [[[4.0, 6.0]], [[3.0, 8.0]]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        self._model = Model(inputs, outputs, name=name)

    def __call__(self, inputs: Any) -> Any:
        """The outputs for `inputs`, arrays or symbols, in their structure."""
        return self._model(inputs)

    @property
    def name(self) -> str:
        """The given name, or one derived from the class."""
        return str(self._model._given_name or "function")

    @property
    def inputs(self) -> list[Symbol]:
        """The inputs as symbols."""
        return self._model.inputs

    @property
    def outputs(self) -> list[Symbol]:
        """The outputs as symbols."""
        return self._model.outputs

    @property
    def operations(self) -> list[Layer]:
        """The layers and the ops in use, inputs first."""
        return list(self._model._listed())

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the outputs for inputs of `input_shape`."""
        return self._model.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Stand-ins for the outputs, in their structure, for inputs of known shape and dtype."""
        return self._model.compute_output_spec(inputs)

    def __repr__(self) -> str:
        return f"Function(inputs={self.inputs}, outputs={self.outputs})"
