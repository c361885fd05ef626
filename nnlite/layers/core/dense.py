"""The fully connected layer."""

from typing import Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Broadcast, Composed, Jacobians, KernelOfRows, Penalized, RowsTimesKernel
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.kernels.reference.dense import LINEAR, DenseLayer
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Product
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.registry.field_types import Count
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["Dense"]


class Dense(Layer):
    """outputs = activation(inputs @ kernel + bias).

    Shape: `(batch, ..., features) -> (batch, ..., units)`; kernel `(features, units)`, bias `(units,)`.

    Args:
        units: number of outputs.
        activation: an activation function or its name; linear when None.
        use_bias: whether there is a bias.
        kernel_initializer: `glorot_uniform` keeps the variance of signals and gradients across layers.
        bias_initializer: zeros by default.
        kernel_regularizer, bias_regularizer: penalty added to the loss.
        activity_regularizer: penalty on the outputs, summed over the batch, added to the loss.

    PyTorch's Linear keeps the transposed kernel `(units, features)` and initialises both uniformly by
    1 / sqrt(features).
    """

    units: Count
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    use_bias: bool = True
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    activity_regularizer: FromSpec[Regularizer | None] = option(default=None)

    supports_masking = True

    def validate(self) -> None:
        self._penalizes = self.activity_regularizer is not None

    @property
    def ends_in_activation(self) -> bool:
        """Not with a penalty on activities, which needs the outputs: the logits alone would not do."""
        return not self._penalizes

    def at_inference(self) -> Product:
        kernel, *bias = (value.astype(np.float64) for value in self.values)
        activation = None if kernel_code(self.activation) == LINEAR else self.activation
        return Product(kernel, bias[0] if bias else None, activation, len(self.input_shape) == 2)

    def _dense_part(self) -> DenseLayer | None:
        code = kernel_code(self.activation)
        if code is None or self._penalizes or len(self.input_shape) != 2:
            return None
        return DenseLayer(self.input_shape[-1], self.units, self.use_bias, code)

    def build(self, input_shape: tuple) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(f"{self.label} needs inputs of shape (batch, ..., features), got {input_shape}")
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(
            shape, self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, regularizer=self.bias_regularizer, name="bias"
            )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.units)

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        outputs = rows_matmul(inputs, kernel)
        shape = outputs.shape
        by_inputs = RowsTimesKernel(kernel, inputs.shape, shape)
        by_kernel = KernelOfRows(inputs, kernel.shape, shape)
        if bias is None:
            maps = (by_inputs, by_kernel)
        else:
            outputs = outputs + bias if outputs.dtype != bias.dtype else np.add(outputs, bias, out=outputs)
            maps = (by_inputs, by_kernel, Broadcast(bias.shape, shape))
        outer = None
        if self.activation is not None:
            outputs, jacobians = self.activation.linearize(outputs)
            outer = jacobians[0]
        if self._penalizes:
            regularizer: Any = self.activity_regularizer
            penalized = Penalized(outputs, regularizer)
            outer = penalized if outer is None else Composed(penalized, outer)
        return outputs, Jacobians(*maps, outer=outer)
