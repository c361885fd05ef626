"""Layers that do nothing, or only scale and shift, taken out of a chain before it predicts."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlite.jacobians import Diagonal
from nnlite.layers import (
    Activation,
    ActivityRegularization,
    AlphaDropout,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Normalization,
    ReLU,
    Rescaling,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from nnlite.ops import activations

IDLE = (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
CONVOLUTIONS = (Conv1D, Conv2D, Conv3D)
ACTIVATIONS = (Activation, ReLU)
LARGEST = (MaxPooling1D, MaxPooling2D, MaxPooling3D)
NEVER_FALL = (
    activations.LeakyReLU,
    activations.ReLU,
    activations.Sigmoid,
    activations.Tanh,
)  # of the largest input they give the largest output


@dataclass(frozen=True)
class Product:
    """activation(inputs @ kernel + bias): a Dense layer, with scales and shifts before and after it multiplied in."""

    kernel: np.ndarray
    bias: np.ndarray | None
    activation: Any
    matrix: bool = True  # whether the inputs are one

    def after(self, scale, shift) -> "Product":
        """This product of `inputs * scale + shift`."""
        bias = shift @ self.kernel if self.bias is None else self.bias + shift @ self.kernel
        return replace(self, kernel=scale[:, None] * self.kernel, bias=bias)

    def then(self, step):
        """This product and the step after it as one; None where they are two."""
        if self.activation is not None:
            return None
        if isinstance(step, Affine):
            return replace(self, kernel=self.kernel * step.scale, bias=step.of(self.bias))
        return replace(self, activation=step.activation) if type(step) in ACTIVATIONS else None


@dataclass(frozen=True)
class Convolution:
    """activation(convolution of inputs + bias), where `pool` is given of the largest of each window.

    Args:
        layer: it says how the windows of the convolution lie.
        kernel: `(*size, channels, filters)`.
        pool: lengths of the windows of the pooling, which lie side by side.
    """

    layer: Any
    kernel: np.ndarray
    bias: np.ndarray | None
    activation: Any
    pool: tuple[int, ...] | None = None

    def after(self, scale, shift):
        """This convolution of `inputs * scale + shift`; None where that is none, as padding stays 0."""
        if self.layer.channels_first or (self.layer.padding != "valid" and np.any(shift)):
            return None
        shifted = (self.kernel * np.reshape(shift, (-1, 1))).sum(axis=tuple(range(self.kernel.ndim - 1)))
        bias = shifted if self.bias is None else self.bias + shifted
        return replace(self, kernel=self.kernel * scale[:, None], bias=bias)

    def then(self, step):
        """This convolution and the step after it as one; None where they are two."""
        if type(step) in LARGEST and self.pool is None and self._may_pool(step):
            return replace(self, pool=step.per_axis("pool_size"))
        if self.activation is not None:
            return None
        if isinstance(step, Affine) and self.pool is None and not self.layer.channels_first:
            return replace(self, kernel=self.kernel * step.scale, bias=step.of(self.bias))
        return replace(self, activation=step.activation) if type(step) in ACTIVATIONS and _by_element(step) else None

    def _may_pool(self, layer):
        """Whether the windows lie side by side, without padding, and may come before the activation."""
        size, strides = layer.geometry
        return (
            size == strides
            and layer.padding == "valid"
            and layer.channels_first == self.layer.channels_first
            and (self.activation is None or isinstance(self.activation, NEVER_FALL))
        )


@dataclass(frozen=True)
class Affine:
    """inputs * scale + shift, per feature of the last axis."""

    scale: np.ndarray
    shift: np.ndarray

    def of(self, values) -> np.ndarray:
        """This function of an array, of zeros where it is None."""
        return self.shift if values is None else values * self.scale + self.shift

    def then(self, step):
        """This function and the step after it as one; None where they are two."""
        if isinstance(step, Affine):
            return Affine(self.scale * step.scale, step.of(self.shift))
        return step.after(self.scale, self.shift) if isinstance(step, Product | Convolution) else None


def folded(layers) -> list:
    """`layers` as a list of `Product`, `Convolution`, `Affine` and layers, as short as it gets.

    Sums and products are taken in float64, so that folding rounds once.
    """
    steps = []
    for step in map(_read, layers):
        if step is None:
            continue
        last = steps[-1] if steps else None
        joined = last.then(step) if isinstance(last, Product | Convolution | Affine) else None
        if joined is None:
            steps.append(step)
        else:
            steps[-1] = joined
    return steps


def _by_element(layer):
    """Whether each output of an activation is a function of one input."""
    _, (part,) = layer.activation.linearize(np.zeros((1, 1)))
    return isinstance(part, Diagonal)


def _read(layer):
    """A layer as `folded` combines it; None for one that does nothing when a model predicts."""
    values = [value.astype(np.float64) for value in layer.values if value.dtype.kind == "f"]
    kind = type(layer)
    activation = layer._activation_argument
    linear = isinstance(activation, activations.Linear)
    if kind in IDLE or (kind is Activation and linear):
        return None
    activation = None if linear else activation
    if kind is Dense:
        return Product(values[0], values[1] if layer.use_bias else None, activation, len(layer.input_shape) == 2)
    if kind in CONVOLUTIONS and layer.groups == 1 and (activation is None or _by_element(layer)):
        return Convolution(layer, values[0], values[1] if layer.use_bias else None, activation)
    return _scales(layer, kind, values)


def _scales(layer, kind, values):
    """A layer that scales and shifts its last axis as `Affine`; any other as it is."""
    if kind is Rescaling:
        features = layer.input_shape[-1]
        return Affine(np.full(features, layer.scale), np.full(features, layer.offset)) if features else layer
    last = len(layer.input_shape or ()) - 1
    if kind is BatchNormalization and layer.axis in (-1, last) and not layer.renorm:
        *gamma_beta, mean, variance = values
        remaining = iter(gamma_beta)
        scale = 1 / np.sqrt(variance + layer.epsilon)
        scale = scale * next(remaining) if layer.scale else scale
        return Affine(scale, (next(remaining) if layer.center else 0.0) - mean * scale)
    if kind is Normalization and layer.axis in (-1, last) and not layer.invert:
        mean, variance = (value.reshape(-1) for value in values)
        scale = 1 / np.where(variance > 0, np.sqrt(variance), 1)
        return Affine(scale, -mean * scale)
    return layer
