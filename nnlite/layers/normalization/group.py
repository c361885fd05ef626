"""Normalization over groups of features, by the root mean square, and to unit length."""

import math
from typing import Any

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Array, BatchShape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError
from nnlite.initializers import Initializer
from nnlite.jacobians import (
    Bundle,
    ColumnNormalizationJacobians,
    Composed,
    Diagonal,
    Jacobians,
    Quotient,
    Rearrange,
    StandardizeGroups,
)
from nnlite.layers.base.attributes import Fixed
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.normalization.moments import (
    add_scale_and_center,
    axes_from_left,
    checked_axes,
    gamma_and_beta,
    in_place,
    scale_and_center_maps,
    to_last_axes,
)
from nnlite.registry.bounds import Positive
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["GroupNormalization", "RMSNormalization", "UnitNormalization"]


class GroupNormalization(Layer):
    """outputs = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, moments of each example and group.

    The features of `axis` are cut into `groups` groups of neighbors; moments are taken over a group and all other
    axes but the batch. One group is layer normalization, one group per feature is instance normalization.

    Shape: `(batch, ...)`, unchanged; gamma and beta `(features,)`.

    Args:
        groups: number of groups, a divisor of the features; -1 for one per feature.
        axis: the axis of the features.
        epsilon: added to the variance; PyTorch's default is 1e-5.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalty added to the loss.
        beta_constraint, gamma_constraint: projection of the values after each update.

    Raises:
        ConfigError: the number of features is not a multiple of `groups`.

    Reference: Wu & He 2018, arXiv:1803.08494.

    >>> import numpy as np
    >>> layer = GroupNormalization(groups=2)  # of two channels each
    >>> print(layer(np.array([[[1.0, 3.0, 10.0, 30.0]]])).round(2))
    [[[-1.  1. -1.  1.]]]
    """

    groups: int = 32
    axis: int = -1
    epsilon: Positive = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: FromSpec[Initializer] = option(default="zeros")
    gamma_initializer: FromSpec[Initializer] = option(default="ones")
    beta_regularizer: FromSpec[Regularizer | None] = option(default=None)
    gamma_regularizer: FromSpec[Regularizer | None] = option(default=None)
    beta_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    gamma_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)

    def validate(self) -> None:
        if self.groups < 1 and self.groups != -1:
            raise ConfigError(f"GroupNormalization takes groups >= 1, or -1 for one per feature, got {self.groups}")

    supports_masking = True
    _kernel_gain = 2
    _fixes = "rank"

    def build(self, input_shape: BatchShape) -> None:
        (axis,) = checked_axes(self, self.axis, input_shape)
        features: Any = input_shape[axis]
        if features % self.groups:
            raise ConfigError(f"{self.label} cannot cut {features} features into {self.groups} groups of equal size")
        add_scale_and_center(self, (features,))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: np.ndarray, *gamma_beta: np.ndarray) -> tuple[np.ndarray, Bundle]:
        inputs = floating(self, inputs)
        to_last, from_last = to_last_axes(inputs, axes_from_left(self.axis, inputs.ndim))
        moved_shape = from_last.in_shape
        batch, *between, features = moved_shape
        groups = features if self.groups == -1 else self.groups
        rows = inputs.transpose(to_last.axes).reshape(batch, math.prod(between), features)
        gamma, beta = gamma_and_beta(self, gamma_beta)
        outputs, standardized, inverse, *_ = kernels.normalize_columns(rows, gamma, beta, self.epsilon, groups)
        maps = scale_and_center_maps(standardized.reshape(moved_shape), gamma, beta)
        by_rows = StandardizeGroups(standardized, inverse[:, None], groups)
        to_rows = Rearrange(inputs.shape, rows.shape, to_last.axes)
        maps[0] = Composed(maps[0], Rearrange(rows.shape, moved_shape), by_rows, to_rows)
        outputs = outputs.reshape(moved_shape)
        if in_place(to_last):
            return outputs, ColumnNormalizationJacobians(maps, standardized, inverse, gamma, groups)
        return outputs.transpose(from_last.axes), Jacobians(*maps, outer=from_last)


class RMSNormalization(Layer):
    """outputs = scale * inputs / sqrt(mean(inputs ** 2) + epsilon), the mean of each example over `axis`.

    Shape: any, unchanged; scale has the lengths of `axis`.

    Args:
        axis: one axis or several, over which the mean is taken.
        epsilon: added to the mean; PyTorch takes the rounding unit of the dtype when nothing is given.

    Reference: Zhang & Sennrich 2019, arXiv:1910.07467.

    >>> import numpy as np
    >>> RMSNormalization()(np.array([[3.0, -3.0], [0.5, 0.5]])).round(3).tolist()
    [[1.0, -1.0], [1.0, 1.0]]
    """

    axis: int | tuple[int, ...] = -1
    epsilon: Positive = 1e-6

    supports_masking = True

    @property
    def _fixes(self) -> Fixed:
        return "last" if self.axis == -1 else "rank"

    def build(self, input_shape: BatchShape) -> None:
        shape = tuple(input_shape[axis] for axis in checked_axes(self, self.axis, input_shape))
        self.scale = self.add_weight(shape, "ones", name="scale")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        axes = axes_from_left(self.axis, inputs.ndim)
        to_last, from_last = to_last_axes(inputs, axes)
        moved = inputs.transpose(to_last.axes)
        over = tuple(range(-len(axes), 0))
        inverse = 1 / np.sqrt((moved * moved).mean(axis=over, keepdims=True) + self.epsilon)
        normalized = moved * inverse
        by_inputs = Composed(
            Diagonal(scale, moved.shape, moved.shape),
            Quotient(normalized, normalized, inverse, over, 1 / scale.size),
            to_last,
        )
        jacobians = Jacobians(by_inputs, Diagonal(normalized, scale.shape, moved.shape), outer=from_last)
        return (normalized * scale).transpose(from_last.axes), jacobians


class UnitNormalization(Layer):
    """outputs = inputs / sqrt(max(sum(inputs ** 2), 1e-12)): each example has the length 1 over `axis`.

    Shape: any, unchanged. Zeros stay zeros.

    Args:
        axis: one axis or several, over which the length is taken.

    >>> import numpy as np
    >>> print(UnitNormalization()(np.array([[3.0, 4.0], [0.0, 2.0]])))
    [[0.6 0.8]
     [0.  1. ]]
    """

    axis: int | tuple[int, ...] = -1

    supports_masking = True
    _fixes = "nothing"

    _needs_no_building = True

    def build(self, input_shape: BatchShape) -> None:
        rank = len(input_shape)
        axes = axes_from_left(self.axis, rank)
        if (
            0 in axes
            or len(set(axes)) < len(axes)
            or not all(-rank <= axis < rank for axis in np.atleast_1d(self.axis))
        ):
            raise ConfigError(f"{self.label}: axis {self.axis} does not name axes after the batch of {input_shape}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        inputs = floating(self, inputs)
        axes = tuple(axis - inputs.ndim for axis in axes_from_left(self.axis, inputs.ndim))
        squares = (inputs * inputs).sum(axis=axes, keepdims=True)
        long = squares.real > 1e-12
        inverse = 1 / np.sqrt(np.where(long, squares, np.full((), 1e-12, inputs.real.dtype)))
        outputs = inputs * inverse
        return outputs, Jacobians(Quotient(outputs, outputs, inverse, axes, long.astype(inputs.real.dtype)))
