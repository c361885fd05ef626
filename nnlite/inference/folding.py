"""Layers that do nothing, or only scale and shift, taken out of a chain before it predicts."""

import numpy as np

from nnlite.layers import (
    Activation,
    ActivityRegularization,
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    Normalization,
    Rescaling,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from nnlite.ops.activations import Linear

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


class Product:
    """activation(inputs @ kernel + bias): a Dense layer, with scales and shifts before and after it multiplied in."""

    def __init__(self, kernel, bias, activation, matrix=True):
        self.kernel = kernel
        self.bias = bias
        self.activation = activation
        self.matrix = matrix  # whether the inputs are one

    def after(self, scale, shift) -> "Product":
        """This product of `inputs * scale + shift`."""
        bias = shift @ self.kernel if self.bias is None else self.bias + shift @ self.kernel
        return Product(scale[:, None] * self.kernel, bias, self.activation, self.matrix)

    def before(self, scale, shift) -> "Product":
        """This product, then `* scale + shift`; for a product without activation."""
        bias = shift if self.bias is None else self.bias * scale + shift
        return Product(self.kernel * scale, bias, None, self.matrix)


class Affine:
    """inputs * scale + shift, per feature of the last axis."""

    def __init__(self, scale, shift):
        self.scale = scale
        self.shift = shift


def folded(layers) -> list:
    """`layers` as a list of `Product`, `Affine` and layers, as short as it gets.

    Sums and products are taken in float64, so that folding rounds once.
    """
    steps = []
    for layer in layers:
        step = _read(layer)
        last = steps[-1] if steps else None
        if step is None:
            continue
        if isinstance(step, Product) and isinstance(last, Affine):
            steps[-1] = step.after(last.scale, last.shift)
        elif isinstance(step, Affine) and isinstance(last, Product) and last.activation is None:
            steps[-1] = last.before(step.scale, step.shift)
        elif isinstance(step, Affine) and isinstance(last, Affine):
            steps[-1] = Affine(last.scale * step.scale, last.shift * step.scale + step.shift)
        elif isinstance(step, Activation) and isinstance(last, Product) and last.activation is None:
            steps[-1] = Product(last.kernel, last.bias, step.activation, last.matrix)
        else:
            steps.append(step)
    return steps


def _read(layer):
    """A layer as `folded` combines it; None for one that does nothing when a model predicts."""
    values = [value.astype(np.float64) for value in layer.values if value.dtype.kind == "f"]
    kind = type(layer)
    if kind in IDLE:
        return None
    if kind is Dense:
        activation = None if isinstance(layer.activation, Linear) else layer.activation
        return Product(values[0], values[1] if layer.use_bias else None, activation, len(layer.input_shape) == 2)
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
