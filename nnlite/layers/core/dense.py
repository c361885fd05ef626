"""Dense, Embedding and the layers that hold a place."""

from dataclasses import field
from typing import Literal

import numpy as np

from nnlite.config import FLOAT_TYPES
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Broadcast, Composed, GatherRows, Jacobians, KernelOfRows, Penalized, RowsTimesKernel
from nnlite.jacobians import Identity as IdentityJacobian
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import Symbol
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.shaping import as_indices
from nnlite.registry.field_types import Count
from nnlite.regularizers import Regularizer

__all__ = ["Dense", "Embedding", "Identity", "Input"]


class Input(Layer):
    """States the shape of one example, so that a model is built at once; layers called on it draw a graph.

    Args:
        shape: without the batch axis, for example `(28, 28)`; None for a length that varies.
        dtype: `"string"` and integers say what the data are; what a layer makes of them is its own matter.
    """

    shape: tuple[Count | None, ...]
    dtype: Literal[(*FLOAT_TYPES, "int32", "int64", "string")] | None = field(default=None, kw_only=True)

    supports_masking = True

    def __post_init__(self):
        super().__post_init__()
        self.symbol = Symbol(self, (), (None, *self.shape))

    @property
    def input_kind(self) -> str:
        """What `dtype` says."""
        return {"string": "strings", "int32": "indices", "int64": "indices"}.get(self.dtype, "numbers")

    def linearize(self, inputs):
        return inputs, Jacobians(IdentityJacobian(inputs.shape))


class Identity(Layer):
    """outputs = inputs."""

    supports_masking = True

    def linearize(self, inputs):
        return inputs, Jacobians(IdentityJacobian(inputs.shape))


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
    activation: ActivationFunction | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None

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


class Embedding(Layer):
    """outputs = embeddings[inputs]: one learned vector per whole number in [0, input_dim).

    Shape: `(batch, ...) -> (batch, ..., output_dim)`. The indices have no derivative.

    Args:
        input_dim: number of different indices.
        output_dim: length of each vector.
        embeddings_initializer: uniform in [-0.05, 0.05] by default.
        embeddings_regularizer: penalty added to the loss.
        sparse: whether a training step changes only the rows that its batch uses, which is quicker for large tables.
            SGD without momentum gives the same result; other optimizers then let the memory of a row rest while the
            row is not used, as PyTorch's SparseAdam does.
        mask_zero: whether index 0 fills up sequences: layers that heed masks and the loss leave it out. Its vector
            is looked up all the same.

    Raises:
        DataError: an index that is no whole number in [0, input_dim).
        ConfigError: `sparse` together with a regularizer, which concerns all rows.
    """

    input_dim: Count
    output_dim: Count
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer | None = None
    mask_zero: bool = field(default=False, kw_only=True)
    sparse: bool = field(default=False, kw_only=True)

    input_kind = "indices"

    def validate(self):
        if self.sparse and self.embeddings_regularizer is not None:
            raise ConfigError("a regularizer changes all rows; choose it or sparse", (type(self).__name__,))

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            name="embeddings",
            sparse=self.sparse,
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def linearize(self, inputs, embeddings):
        indices = as_indices(inputs, self.input_dim, self.label)
        outputs = embeddings.take(indices, axis=0)
        mask = indices != 0 if self.mask_zero else None
        return outputs, Jacobians(None, GatherRows(indices, -2, embeddings.shape, outputs.shape), mask=mask)
