"""Batch normalization: features are standardized by the moments of the batch."""

import math
from typing import Any, cast

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Array, BatchShape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError
from nnlite.initializers import Initializer
from nnlite.jacobians import Bundle, ColumnNormalizationJacobians, Composed, Diagonal, Jacobians, Standardize
from nnlite.jacobians.together import batch_sums
from nnlite.layers.base.contract.input_spec import Described, spec_of_axes
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Affine
from nnlite.layers.normalization.moments import (
    add_scale_and_center,
    axes_from_left,
    checked_axes,
    counted_entries,
    gamma_and_beta,
    in_place,
    scale_and_center,
    scale_and_center_maps,
    standardize,
    to_last_axes,
)
from nnlite.registry.bounds import Fraction, Positive
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["BatchNormalization"]


class BatchNormalization(Layer):
    """outputs = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, per feature of `axis`.

    During training, the moments are those of the batch, and the moving averages are updated:
    `moving = moving * momentum + batch * (1 - momentum)`. At inference, and when the layer is frozen, the moving
    averages are used instead and do not change.

    With `renorm`, training uses `standardized * r + d` with `r = deviation / renorm_stddev` and
    `d = (mean - renorm_mean) / renorm_stddev`, so that training uses the same statistics as inference. r and d count as
    constants in the Jacobian, as the method requires.

    Shape: any, unchanged; gamma, beta, moving_mean and moving_variance `(features,)`.

    Args:
        axis: the axis of the features, or several whose entries each have moments of their own.
        momentum: of the moving averages, in [0, 1]; PyTorch's momentum is 1 minus this one.
        epsilon: added to the variance.
        center, scale: whether to use beta and gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalty added to the loss.
        beta_constraint, gamma_constraint: projection of the values after each update.
        synchronized: only False is allowed: a single process has the whole batch.
        renorm: correct the moments of the batch by running ones, for small batches.
        renorm_clipping: `{rmin, rmax, dmax}`, bounds of r and of abs(d); a missing one does not bind.
        renorm_momentum: of renorm_mean and renorm_stddev.

    A `mask` of booleans, or of weights >= 0, broadcast to the inputs' first axes, excludes entries from the moments;
    all entries are normalized. A feature without any remaining entry has mean and variance 0.

    The variance is always the biased one; PyTorch uses the unbiased one for its moving average.

    Reference: Ioffe & Szegedy 2015, arXiv:1502.03167; Ioffe 2017, arXiv:1702.03275.

    >>> import numpy as np
    >>> layer, x = BatchNormalization(momentum=0.5), np.array([[1.0], [3.0]])
    >>> layer(x, training=True).round(2).tolist()  # by the moments of the batch
    [[-1.0], [1.0]]
    >>> np.asarray(layer.moving_mean).tolist()
    [1.0]
    """

    axis: int | tuple[int, ...] = -1
    momentum: Fraction = 0.99
    epsilon: Positive = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: FromSpec[Initializer] = option(default="zeros")
    gamma_initializer: FromSpec[Initializer] = option(default="ones")
    moving_mean_initializer: FromSpec[Initializer] = option(default="zeros")
    moving_variance_initializer: FromSpec[Initializer] = option(default="ones")
    beta_regularizer: FromSpec[Regularizer | None] = option(default=None)
    gamma_regularizer: FromSpec[Regularizer | None] = option(default=None)
    beta_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    gamma_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    synchronized: bool = False
    renorm: bool = False
    renorm_clipping: dict | None = None
    renorm_momentum: Fraction = 0.99

    _kernel_gain = 2
    beta = gamma = moving_mean = moving_variance = cast(Any, None)
    input_spec = Described(lambda layer: spec_of_axes(layer, layer.axis))

    def validate(self) -> None:
        self.stops_gradient = self.renorm  # r and d
        if self.synchronized:
            raise ConfigError("BatchNormalization cannot be synchronized: there is one process and one batch")
        for name, value in (self.renorm_clipping or {}).items():
            if name not in ("rmin", "rmax", "dmax") or not isinstance(value, (int, float)) or value < 0:
                raise ConfigError(f"renorm_clipping takes numbers >= 0 for rmin, rmax and dmax, got {name}={value!r}")
        bounds = {"rmin": 0.0, "rmax": math.inf} | (self.renorm_clipping or {})
        if bounds["rmin"] > bounds["rmax"]:
            raise ConfigError(f"renorm_clipping needs rmin <= rmax, got {self.renorm_clipping}")

    supports_masking = True
    _fixes = "rank"

    def build(self, input_shape: BatchShape) -> None:
        shape = tuple(input_shape[axis] for axis in checked_axes(self, self.axis, input_shape))
        add_scale_and_center(self, shape)
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )
        if self.renorm:
            self.renorm_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="renorm_mean")
            self.renorm_stddev = self.add_weight(shape, "ones", trainable=False, name="renorm_stddev")
            self.renorm_stddev.assign(np.sqrt(self.moving_variance.value))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Affine | None:
        if self.axis not in (-1, len(self.input_shape) - 1) or self.renorm:
            return None
        *gamma_beta, mean, variance = (value.astype(np.float64) for value in self.values)
        remaining = iter(gamma_beta)
        scale = 1 / np.sqrt(variance + self.epsilon)
        scale = scale * next(remaining) if self.scale else scale
        return Affine(scale, (next(remaining) if self.center else 0.0) - mean * scale)

    def linearize(
        self, inputs: np.ndarray, *parameters: np.ndarray, training: bool = False, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, Bundle]:
        count = self.scale + self.center
        gamma_beta, averages = parameters[:count], parameters[count:]
        axes = axes_from_left(self.axis, inputs.ndim)
        to_last, from_last = to_last_axes(inputs, axes)
        of_batch = training and self.trainable and not self.renorm
        if of_batch and mask is None and batch_sums() is None and in_place(to_last):
            return self._by_columns(inputs, len(axes), gamma_beta, averages)
        moved = inputs.transpose(to_last.axes)
        if training and self.trainable:
            counted = None if mask is None else counted_entries(self, mask, inputs).transpose(to_last.axes)
            standardized, by_inputs, state = self._by_batch(moved, len(axes), averages, counted)
        else:
            inverse_deviation = 1 / np.sqrt(averages[1] + self.epsilon)
            standardized = (moved - averages[0]) * inverse_deviation
            by_inputs, state = Diagonal(inverse_deviation, moved.shape, moved.shape), ()
        outputs, maps = scale_and_center(self, standardized, gamma_beta)
        by_inputs = Composed(maps[0], by_inputs, to_last)
        jacobians = Jacobians(by_inputs, *maps[1:], *[None] * len(averages), outer=from_last, state=state)
        return outputs.transpose(from_last.axes), jacobians

    def _by_columns(self, inputs, rank, gamma_beta, averages):
        """As `linearize`, by the moments of a batch whose features are its last `rank` axes."""
        shape = inputs.shape[-rank:]
        gamma, beta = gamma_and_beta(self, gamma_beta)
        scale, center = (None if part is None else part.reshape(-1) for part in (gamma, beta))
        features = math.prod(shape)
        rows = inputs.reshape(1, math.prod(inputs.shape[:-rank]), features)
        outputs, standardized, inverse, *moments = kernels.normalize_columns(
            rows, scale, center, self.epsilon, features
        )
        normal, axes = standardized.reshape(inputs.shape), tuple(range(-inputs.ndim, -rank))
        maps = scale_and_center_maps(normal, gamma, beta)
        by_inputs = Standardize(normal, inverse.reshape(*[1] * len(axes), *shape), axes)
        state = [
            old * self.momentum + new.reshape(shape) * (1 - self.momentum)
            for old, new in zip(averages, moments, strict=True)
        ]
        maps = [Composed(maps[0], by_inputs), *maps[1:], *[None] * len(averages)]
        jacobians = ColumnNormalizationJacobians(maps, standardized, inverse, scale, features, tuple(state))
        return outputs.reshape(inputs.shape), jacobians

    def _by_batch(self, moved, rank, averages, counted):
        """The inputs standardized by moments over all but their last `rank` axes, its map, and the new averages."""
        axes = tuple(range(-moved.ndim, -rank))
        standardized, by_inputs, *moments = standardize(moved, axes, self.epsilon, counted, batch_sums())
        mean: Array
        variance: Array
        mean, variance = (moment.reshape(averages[0].shape) for moment in moments)
        statistics, momenta = [mean, variance], [self.momentum, self.momentum]
        if self.renorm:
            deviation: Array = np.sqrt(variance + self.epsilon)
            factor, offset = self._corrections(mean.real, deviation.real, *averages[2:])
            standardized = standardized * factor + offset
            by_inputs = Composed(Diagonal(factor, moved.shape, moved.shape), by_inputs)
            statistics += [mean, deviation]
            momenta += [self.renorm_momentum, self.renorm_momentum]
        state = [
            old * momentum + new * (1 - momentum)
            for old, new, momentum in zip(averages, statistics, momenta, strict=True)
        ]
        return standardized, by_inputs, tuple(state)

    def _corrections(self, mean, deviation, renorm_mean, renorm_stddev):
        """r and d of batch renormalization."""
        reference = np.maximum(renorm_stddev, math.sqrt(self.epsilon))
        bounds = {"rmin": 0.0, "rmax": math.inf, "dmax": math.inf} | (self.renorm_clipping or {})
        factor = np.clip(deviation / reference, bounds["rmin"], bounds["rmax"])
        return factor, np.clip((mean - renorm_mean) / reference, -bounds["dmax"], bounds["dmax"])
