"""Normalization layers as operators."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lower, lowers, refuse
from nnlite.layers import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    Normalization,
    Rescaling,
    RMSNormalization,
    RobustScaling,
    SpectralNormalization,
    UnitNormalization,
)
from nnlite.layers.normalization.moments import axes_from_left
from nnlite.layers.normalization.spectral import normalized

__all__ = []


def _along(values: np.ndarray, axes: Sequence[int], rank: int) -> np.ndarray:
    """An array with the lengths of `axes`, in their order, so that it broadcasts against `rank` axes."""
    shape = [1] * rank
    for axis, length in zip(axes, values.shape, strict=True):
        shape[axis] = length
    return values.transpose(np.argsort(axes)).reshape(shape)


def _scaled(layer: Any, x: Value, axes: Sequence[int]) -> Value:
    """x times gamma plus beta, as far as the layer has them."""
    rank = len(layer.input_shape)
    x = x * _along(layer.gamma.value, axes, rank) if layer.scale else x
    return x + _along(layer.beta.value, axes, rank) if layer.center else x


def _standardized(x: Value, axes: Sequence[int], epsilon: float) -> Value:
    centered = x - x.reduce("Mean", axes)
    return centered / ((centered * centered).reduce("Mean", axes) + epsilon).apply("Sqrt")


@lowers(BatchNormalization, heeds_masks=True)  # which it needs in training alone
def _batch(layer: Any, x: Value) -> Value:
    axes = axes_from_left(layer.axis, len(layer.input_shape))
    mean, variance = (moment.value.astype(np.float64) for moment in (layer.moving_mean, layer.moving_variance))
    scale = 1 / np.sqrt(variance + layer.epsilon)
    scale = scale * layer.gamma.value if layer.scale else scale
    shift = (layer.beta.value if layer.center else 0) - mean * scale
    rank = len(layer.input_shape)
    return (x * _along(scale, axes, rank) + _along(shift, axes, rank)).masked(x.mask)


@lowers(LayerNormalization)
def _layer(layer: Any, x: Value) -> Value:
    axes = axes_from_left(layer.axis, len(layer.input_shape))
    if layer.rms_scaling:
        centered = x - x.reduce("Mean", axes)
        deviation = ((centered * centered).reduce("Mean", axes) + layer.epsilon).apply("Sqrt")
        return _scaled(layer, x / deviation, axes)
    return _scaled(layer, _standardized(x, axes, layer.epsilon), axes)


@lowers(GroupNormalization)
def _group(layer: Any, x: Value) -> Value:
    rank = len(layer.input_shape)
    (axis,) = axes_from_left(layer.axis, rank)
    shape = layer.input_shape
    if None in shape[1:]:
        raise refuse(layer, "needs known lengths of its axes")
    features = shape[axis]
    groups = features if layer.groups == -1 else layer.groups
    order = [0, axis, *(other for other in range(1, rank) if other != axis)]
    moved = x.transpose(*order)
    lengths = [shape[other] for other in order[1:]]
    grouped = moved.reshape(0, groups, features // groups * math.prod(lengths[1:]))
    standardized = _standardized(grouped, (2,), layer.epsilon).reshape(0, *lengths)
    return _scaled(layer, standardized.transpose(*np.argsort(order).tolist()), (axis,))


@lowers(RMSNormalization)
def _root_mean_square(layer: Any, x: Value) -> Value:
    rank = len(layer.input_shape)
    axes = axes_from_left(layer.axis, rank)
    size = ((x * x).reduce("Mean", axes) + layer.epsilon).apply("Sqrt")
    return x / size * _along(layer.scale.value, axes, rank)


@lowers(UnitNormalization)
def _unit(layer: Any, x: Value) -> Value:
    axes = axes_from_left(layer.axis, len(layer.input_shape))
    return x / (x * x).reduce("Sum", axes).apply("Max", 1e-12).apply("Sqrt")


@lowers(SpectralNormalization)
def _spectral(layer: Any, x: Value) -> Value:
    inner = layer.layer
    kernel = inner.parameters[layer._place]
    values = kernel.value.copy()
    kernel.assign(normalized(values, layer.parameters[-1].value)[0])
    try:
        return lower(inner, x)
    finally:
        kernel.assign(values)


@lowers(Rescaling)
def _rescaling(layer: Any, x: Value) -> Value:
    return x * layer.scale + layer.offset


@lowers(Normalization)
def _normalization(layer: Any, x: Value) -> Value:
    mean, variance = (value[0].astype(np.float64) for value in (layer.mean, layer.variance))
    deviation = np.where(variance > 0, np.sqrt(variance), 1)
    return x * deviation + mean if layer.invert else (x - mean) / deviation


@lowers(RobustScaling)
def _robust(layer: Any, x: Value) -> Value:
    if layer.dtype == "float64":  # columns as they are: numbers far from 0 keep their digits
        return _robust_in(x.cast("float64"), layer, x.graph.exact).cast("float32")
    return _robust_in(x, layer, x.graph.constant)


def _robust_in(x: Value, layer: Any, number: Callable[[Any], Value]) -> Value:
    """The scaling in the type of x, whose constants `number` makes."""
    center, rest, width = layer.values
    axis, features = len(layer.input_shape) - 1, layer.input_shape[-1]
    columns = layer.chosen_columns(layer.input_shape)
    scaled = (x.take(columns, axis) - number(center) - number(rest)) / number(width)
    if layer.clip is not None:
        clip, limit = number(float(layer.clip)), number(1e12)
        part = (scaled / clip).clip(-limit, limit)
        scaled = part / (part * part + number(1.0)).apply("Sqrt") * clip
    others = [column for column in range(features) if column not in columns]
    if not others:
        return scaled if columns == sorted(columns) else scaled.take(np.argsort(columns), axis)
    joined = x.graph.concat([scaled, x.take(others, axis)], axis)
    return joined.take(np.argsort([*columns, *others]), axis)
