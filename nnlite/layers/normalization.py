"""Batch and layer normalization."""

import numpy as np

from nnlite.errors import ConfigError
from nnlite.initializers import Initializer
from nnlite.jacobians import Broadcast, Composed, Diagonal, Jacobians, Rearrange, Standardize
from nnlite.layers.base import Layer
from nnlite.reading import Fraction, Positive
from nnlite.regularizers import Regularizer

__all__ = ["BatchNormalization", "LayerNormalization"]


class BatchNormalization(Layer):
    """outputs = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, per feature of `axis`.

    While training, the moments are those of the batch and the moving averages follow:
    `moving = moving * momentum + batch * (1 - momentum)`. At inference, and when the layer is frozen, the moving
    averages take their place.

    Shape: any, unchanged; gamma, beta, moving_mean and moving_variance `(features,)`.

    Args:
        axis: the axis of the features.
        momentum: of the moving averages, in [0, 1]; PyTorch's momentum is 1 minus this one.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalty added to the loss.

    The variance is the biased one everywhere; PyTorch keeps the unbiased one in its moving average.

    Reference: Ioffe & Szegedy 2015, arXiv:1502.03167.
    """

    axis: int = -1
    momentum: Fraction = 0.99
    epsilon: Positive = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    moving_mean_initializer: Initializer = "zeros"
    moving_variance_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None

    def build(self, input_shape):
        shape = tuple(input_shape[axis] for axis in checked_axes(self, self.axis, input_shape))
        add_scale_and_center(self, shape)
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def linearize(self, inputs, *parameters, training=False):
        *gamma_beta, moving_mean, moving_variance = parameters
        to_last, from_last = to_last_axes(inputs, (self.axis % inputs.ndim,))
        moved = inputs.transpose(to_last.axes)
        if training and self.trainable:
            axes = tuple(range(-moved.ndim, -1))
            standardized, by_inputs, mean, variance = standardize(moved, axes, self.epsilon)
            state = tuple(
                old * self.momentum + new.reshape(old.shape) * (1 - self.momentum)
                for old, new in ((moving_mean, mean), (moving_variance, variance))
            )
        else:
            inverse_deviation = 1 / np.sqrt(moving_variance + self.epsilon)
            standardized = (moved - moving_mean) * inverse_deviation
            by_inputs, state = Diagonal(inverse_deviation, moved.shape, moved.shape), ()
        outputs, maps = scale_and_center(self, standardized, gamma_beta)
        by_inputs = Composed(maps[0], by_inputs, to_last)
        jacobians = Jacobians(by_inputs, *maps[1:], None, None, outer=from_last, state=state)
        return outputs.transpose(from_last.axes), jacobians


class LayerNormalization(Layer):
    """outputs = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, moments of each example over `axis`.

    Shape: any, unchanged; gamma and beta have the lengths of `axis`.

    Args:
        axis: one axis or several, over which moments are taken.
        epsilon: added to the variance; PyTorch's default is 1e-5.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalty added to the loss.

    Reference: Ba et al. 2016, arXiv:1607.06450.
    """

    axis: int | tuple[int, ...] = -1
    epsilon: Positive = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None

    def build(self, input_shape):
        axes = checked_axes(self, self.axis, input_shape)
        add_scale_and_center(self, tuple(input_shape[axis] for axis in axes))

    def compute_output_shape(self, input_shape):
        return input_shape

    def linearize(self, inputs, *gamma_beta):
        axes = tuple(sorted(axis % inputs.ndim for axis in np.atleast_1d(self.axis).tolist()))
        to_last, from_last = to_last_axes(inputs, axes)
        moved = inputs.transpose(to_last.axes)
        standardized, by_inputs, _, _ = standardize(moved, tuple(range(-len(axes), 0)), self.epsilon)
        outputs, maps = scale_and_center(self, standardized, gamma_beta)
        by_inputs = Composed(maps[0], by_inputs, to_last)
        return outputs.transpose(from_last.axes), Jacobians(by_inputs, *maps[1:], outer=from_last)


def checked_axes(layer, axis, input_shape) -> list[int]:
    """`axis` counted from the left, in order; `ConfigError` unless it names known lengths after the batch."""
    rank = len(input_shape)
    axes = sorted(own + rank if own < 0 else own for own in np.atleast_1d(axis).tolist())
    for own in axes:
        if not 1 <= own < rank or input_shape[own] is None or axes.count(own) > 1:
            raise ConfigError(f"{layer.label}: axis {axis} does not name features of inputs {input_shape}")
    return axes


def add_scale_and_center(layer, shape) -> None:
    """Declare gamma and beta as the layer's `scale` and `center` ask."""
    if layer.scale:
        layer.gamma = layer.add_weight(
            shape, layer.gamma_initializer, regularizer=layer.gamma_regularizer, name="gamma"
        )
    if layer.center:
        layer.beta = layer.add_weight(shape, layer.beta_initializer, regularizer=layer.beta_regularizer, name="beta")


def to_last_axes(inputs, axes) -> tuple[Rearrange, Rearrange]:
    """The maps that move `axes` to the end, in order, and back."""
    order = (*(axis for axis in range(inputs.ndim) if axis not in axes), *axes)
    back = tuple(np.argsort(order).tolist())
    moved_shape = tuple(inputs.shape[axis] for axis in order)
    return Rearrange(inputs.shape, moved_shape, order), Rearrange(moved_shape, inputs.shape, back)


def standardize(inputs, axes, epsilon):
    """(inputs - mean) / sqrt(variance + epsilon) over `axes`: the result, its Jacobian, mean and variance."""
    mean = inputs.mean(axis=axes, keepdims=True)
    centered = inputs - mean
    variance = (centered * centered).mean(axis=axes, keepdims=True)
    inverse_deviation = 1 / np.sqrt(variance + epsilon)
    standardized = centered * inverse_deviation
    return standardized, Standardize(standardized, inverse_deviation, axes), mean, variance


def scale_and_center(layer, standardized, gamma_beta):
    """gamma * standardized + beta over the last axes: the result, the maps by standardized, gamma and beta."""
    remaining = list(gamma_beta)
    shape = standardized.shape
    outputs, slopes, maps = standardized, np.ones((), standardized.real.dtype), []
    if layer.scale:
        slopes = remaining.pop(0)
        outputs = standardized * slopes
        maps.append(Diagonal(standardized, slopes.shape, shape))
    if layer.center:
        beta = remaining.pop(0)
        outputs = outputs + beta
        maps.append(Broadcast(beta.shape, shape))
    return outputs, [Diagonal(slopes, shape, shape), *maps]
