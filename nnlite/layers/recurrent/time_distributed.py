"""A layer at each step."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.jacobians import FoldedJacobians
from nnlite.layers.base.layer import Layer
from nnlite.ops.activations import ActivationFunction
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, child_of
from nnlite.registry.fields import FromSpec

__all__ = ["TimeDistributed"]


class TimeDistributed(Layer):
    """Applies the same layer at each step: outputs[:, t] = layer(inputs[:, t]).

    Steps and examples are one long batch to the layer, so that moments over the batch go over all steps too.

    Shape: `(batch, steps, ...) -> (batch, steps, ...)`; what the layer makes of `(batch, ...)`.

    Args:
        layer: takes one input and returns one output. One that asks for a mask gets that of each step.

    Raises:
        ShapeError: inputs without steps, a mask of other lengths than the inputs.

    >>> import numpy as np
    >>> from nnlite.layers import Conv2D
    >>> TimeDistributed(Conv2D(4, 3))(np.ones((2, 10, 8, 8, 1))).shape  # ten images a row
    (2, 10, 6, 6, 4)
    """

    layer: FromSpec[Layer]

    supports_masking = True

    @property
    def input_kind(self) -> str:
        """The kind of inputs that the wrapped layer takes."""
        return self.layer.input_kind

    @property
    def _final_activation(self) -> ActivationFunction | None:
        """The final activation of the layer inside."""
        return self.layer._final_activation

    @property
    def _output_dtype(self) -> str:
        return self.layer._output_dtype

    def build(self, input_shape: tuple) -> None:
        shape = self._step_shape(input_shape)
        self.layer.dtype = self.layer._given_dtype or self.dtype
        self.layer._ensure_built(shape, child_of(self.random, 0))
        self.parameters.extend(self.layer.parameters)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        inner = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (*input_shape[:2], *inner[1:])

    def _step_shape(self, shape: tuple) -> tuple:
        """The shape of the inputs of a step."""
        if len(shape) < 3:
            raise ShapeError(f"{self.label} needs inputs of shape (batch, steps, ...), got {shape}")
        return (shape[0], *shape[2:])

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        batch, steps = inputs.shape[:2]
        if mask is not None and np.shape(mask)[:2] != (batch, steps):
            raise ShapeError(
                f"{self.label} needs a mask that begins with {(batch, steps)}, as the inputs {inputs.shape} do, "
                f"got {np.shape(mask)}"
            )
        inner = None if mask is None or np.ndim(mask) < 3 else np.reshape(mask, (batch * steps, *np.shape(mask)[2:]))
        available = {"training": training, "random": child_of(random, 0), "mask": inner}
        context = {name: available[name] for name in self.layer._context}
        folded = inputs.reshape(batch * steps, *inputs.shape[2:])
        output, jacobians = self.layer.linearize(folded, *parameters, **context)
        outputs = np.reshape(output, (batch, steps, *output.shape[1:]))
        return outputs, FoldedJacobians(jacobians, inputs.shape, outputs.shape)

    def _check_input_shape(self, shape: tuple) -> None:
        """`ShapeError` unless the layer inside takes steps of inputs of `shape`; their number may vary."""
        if len(shape) != len(self.input_shape):
            super()._check_input_shape(shape)
        self.layer._check_input_shape((shape[0], *shape[2:]))

    def _state_pairs(self, state: tuple) -> Iterable[tuple[Parameter, np.ndarray]]:
        return self.layer._state_pairs(state)

    def _check_ready(self) -> None:
        self.layer._check_ready()
