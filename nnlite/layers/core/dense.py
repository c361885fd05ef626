"""The fully connected layer."""

import numpy as np

from nnlite.errors import ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Broadcast, Composed, Jacobians, KernelOfRows, Penalized, RowsTimesKernel
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.layers.base.layer import Layer
from nnlite.ops.activations import ActivationFunction
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
    ends_in_activation = True

    def validate(self):
        self.penalizes = self.activity_regularizer is not None
        self.ends_in_activation = not self.penalizes  # its outputs are needed, not the logits alone

    def build(self, input_shape):
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

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def linearize(self, inputs, kernel, bias=None):
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
        if self.penalizes:
            penalized = Penalized(outputs, self.activity_regularizer)
            outer = penalized if outer is None else Composed(penalized, outer)
        return outputs, Jacobians(*maps, outer=outer)
