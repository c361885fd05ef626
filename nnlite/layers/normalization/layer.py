"""Layer normalization: every example is standardized by its own moments."""

import math
from dataclasses import field

import numpy as np

from nnlite import kernels, ops
from nnlite.arrays.types import BatchShape
from nnlite.constraints import Constraint
from nnlite.initializers import Initializer
from nnlite.jacobians import Bundle, Composed, Jacobians, NormalizationJacobians, Standardize
from nnlite.layers.base.attributes import Fixed
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.normalization.moments import (
    add_scale_and_center,
    axes_from_left,
    checked_axes,
    gamma_and_beta,
    scale_and_center_maps,
    to_last_axes,
)
from nnlite.ops.tracing import Trace
from nnlite.registry.bounds import Positive
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["LayerNormalization"]


class LayerNormalization(Layer):
    """outputs = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, moments of each example over `axis`.

    Shape: any, unchanged; gamma and beta have the lengths of `axis`.

    Args:
        axis: one axis or several, over which moments are taken.
        epsilon: added to the variance; PyTorch's default is 1e-5.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalty added to the loss.
        beta_constraint, gamma_constraint: projection of the values after each update.
        rms_scaling: `gamma * inputs / sqrt(variance + epsilon)` in place of that, without beta; as in Keras it is there
            for old models, and `RMSNormalization` does what its name says.

    Reference: Ba et al. 2016, arXiv:1607.06450.

    >>> import numpy as np
    >>> print(LayerNormalization()(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])).round(2))
    [[-1.22  0.    1.22]
     [-1.22  0.    1.22]]
    """

    axis: int | tuple[int, ...] = -1
    epsilon: Positive = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: FromSpec[Initializer] = option(default="zeros")
    gamma_initializer: FromSpec[Initializer] = option(default="ones")
    beta_regularizer: FromSpec[Regularizer | None] = option(default=None)
    gamma_regularizer: FromSpec[Regularizer | None] = option(default=None)
    beta_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    gamma_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    rms_scaling: bool = field(default=False, kw_only=True)

    supports_masking = True
    _kernel_gain = 2

    @property
    def _fixes(self) -> Fixed:
        return "last" if self.axis == -1 else "rank"

    def validate(self) -> None:
        if self.rms_scaling:
            self.scale, self.center = True, False

    def build(self, input_shape: BatchShape) -> None:
        axes = checked_axes(self, self.axis, input_shape)
        add_scale_and_center(self, tuple(input_shape[axis] for axis in axes))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: np.ndarray, *gamma_beta: np.ndarray) -> tuple[np.ndarray, Bundle]:
        inputs = floating(self, inputs)
        axes = axes_from_left(self.axis, inputs.ndim)
        if self.rms_scaling:
            return self._by_deviation(inputs, *gamma_beta, axes=axes)
        to_last, from_last = to_last_axes(inputs, axes)
        moved, last = inputs.transpose(to_last.axes), tuple(range(-len(axes), 0))
        gamma, beta = gamma_and_beta(self, gamma_beta)
        rows = moved.reshape(-1, math.prod(moved.shape[axis] for axis in last))
        scale, center = (None if part is None else part.reshape(-1) for part in (gamma, beta))
        outputs, standardized, inverse_deviation = kernels.normalize(rows, scale, center, self.epsilon)
        outputs, normal = outputs.reshape(moved.shape), standardized.reshape(moved.shape)
        by_inputs = Standardize(normal, inverse_deviation.reshape(*moved.shape[: last[0]], *[1] * len(last)), last)
        maps = scale_and_center_maps(normal, gamma, beta)
        if to_last.axes == tuple(range(inputs.ndim)):
            maps = [Composed(maps[0], by_inputs), *maps[1:]]
            return outputs, NormalizationJacobians(maps, standardized, inverse_deviation, scale)
        by_inputs = Composed(maps[0], by_inputs, to_last)
        return outputs.transpose(from_last.axes), Jacobians(by_inputs, *maps[1:], outer=from_last)

    def _by_deviation(self, inputs: np.ndarray, gamma: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, Bundle]:
        """`gamma * inputs / sqrt(variance + epsilon)`."""
        trace = Trace()
        x, scale = trace.variable(inputs), trace.variable(gamma)
        centered = x - ops.mean(x, axis=axes, keepdims=True)
        variance = ops.mean(centered * centered, axis=axes, keepdims=True)
        lengths = tuple(length if axis in axes else 1 for axis, length in enumerate(inputs.shape))
        outputs = x / ops.sqrt(variance + self.epsilon) * ops.reshape(scale, lengths)
        return outputs.value, trace.jacobians(outputs)
