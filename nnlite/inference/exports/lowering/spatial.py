"""Convolutions, pooling and other spatial layers as operators; channels come first inside, and are moved back."""

from typing import Any

import numpy as np

from nnlite.arrays.windows import Windows, place_windows
from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.activations import activate
from nnlite.inference.exports.lowering.registry import lowers, refuse
from nnlite.jacobians import Separable
from nnlite.layers import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    CenterCrop,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Permute,
    RandomCrop,
    RepeatVector,
    Reshape,
    Resizing,
    SeparableConv1D,
    SeparableConv2D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from nnlite.layers.base.simplified import Convolution
from nnlite.layers.images.base import RandomImages, image_axes, image_size
from nnlite.layers.pooling.adaptive_pooling import bin_edges
from nnlite.layers.reshaping.padding import borders_of

__all__ = []


def _first(layer: Any, x: Value) -> Value:
    """Channels in front of the spatial axes."""
    return x if layer.channels_first else x.transpose(0, layer.rank + 1, *range(1, layer.rank + 1))


def _back(layer: Any, x: Value) -> Value:
    """Channels where the layer has them."""
    return x if layer.channels_first else x.transpose(0, *range(2, layer.rank + 2), 1)


def _lengths(layer: Any) -> tuple[int, ...]:
    lengths = layer.spatial(layer.input_shape)
    if None in lengths:
        raise refuse(layer, "needs known lengths of its spatial axes")
    return lengths


def _geometry(windows: Windows) -> dict[str, list[int]]:
    """Attributes of the windows; what lies beyond the last one is left out, which `pads` below 0 would say."""
    after = [
        max(needed - before - length, 0)
        for needed, before, length in zip(windows.needed, windows.before, windows.inputs, strict=True)
    ]
    return {"kernel_shape": list(windows.size), "strides": list(windows.strides), "pads": [*windows.before, *after]}


def _windows(layer: Any) -> Windows:
    size, strides, *dilation = layer.geometry
    return place_windows(_lengths(layer), size, strides, layer.padding, *dilation)


def _convolved(layer: Any, x: Value, kernel: np.ndarray, windows: Windows, groups: int) -> Value:
    """x, channels first, convolved with a kernel `(*size, channels / groups, filters)`."""
    rank = layer.rank
    weights = kernel.transpose(rank + 1, rank, *range(rank))
    return x.apply("Conv", weights, group=groups, dilations=list(windows.dilation), **_geometry(windows))


def _finished(layer: Any, x: Value, bias: np.ndarray | None) -> Value:
    y = x if bias is None else x + bias.reshape(-1, *(1,) * layer.rank)
    return activate(layer.activation, _back(layer, y))


@lowers(Conv1D, Conv2D, Conv3D)
def _conv(layer: Any, x: Value) -> Value:
    kernel, *bias = layer.values
    y = _convolved(layer, _first(layer, x), kernel, _windows(layer), layer.groups)
    return _finished(layer, y, bias[0] if bias else None)


@lowers(Convolution)
def _folded_conv(step: Convolution, x: Value) -> Value:
    layer = step.layer
    y = _convolved(layer, _first(layer, x), step.kernel, _windows(layer), 1)
    if step.pool is not None:
        y = y.apply("MaxPool", kernel_shape=list(step.pool), strides=list(step.pool))
    y = y if step.bias is None else y + step.bias.reshape(-1, *(1,) * layer.rank)
    return activate(step.activation, _back(layer, y))


def _by_channel(kernel: np.ndarray) -> np.ndarray:
    """A kernel `(*size, channels, multiplier)` as one of as many groups as channels."""
    *size, channels, multiplier = kernel.shape
    return kernel.reshape(*size, 1, channels * multiplier)


@lowers(DepthwiseConv1D, DepthwiseConv2D)
def _depthwise(layer: Any, x: Value) -> Value:
    kernel, *bias = layer.values
    y = _convolved(layer, _first(layer, x), _by_channel(kernel), _windows(layer), kernel.shape[-2])
    return _finished(layer, y, bias[0] if bias else None)


@lowers(SeparableConv1D, SeparableConv2D)
def _separable(layer: Any, x: Value) -> Value:
    depthwise, pointwise, *bias = layer.values
    y = _convolved(layer, _first(layer, x), _by_channel(depthwise), _windows(layer), depthwise.shape[-2])
    ones = (1,) * layer.rank
    y = y.apply("Conv", pointwise.transpose(layer.rank + 1, layer.rank, *range(layer.rank)), kernel_shape=list(ones))
    return _finished(layer, y, bias[0] if bias else None)


@lowers(Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
def _conv_transpose(layer: Any, x: Value) -> Value:
    kernel, *bias = layer.values
    rank, windows = layer.rank, layer._windows(_lengths(layer))
    full = zip(windows.needed, windows.before, windows.inputs, strict=True)
    ends = [needed - before - length for needed, before, length in full]
    weights = kernel.transpose(rank + 1, rank, *range(rank))
    y = _first(layer, x).apply(
        "ConvTranspose",
        weights,
        kernel_shape=list(windows.size),
        strides=list(windows.strides),
        dilations=list(windows.dilation),
        pads=[*windows.before, *(max(end, 0) for end in ends)],
        output_padding=[max(-end, 0) for end in ends],
    )
    return _finished(layer, y, bias[0] if bias else None)


@lowers(MaxPooling1D, MaxPooling2D, MaxPooling3D)
def _max_pooling(layer: Any, x: Value) -> Value:
    return _back(layer, _first(layer, x).apply("MaxPool", **_geometry(_windows(layer))))


@lowers(AveragePooling1D, AveragePooling2D, AveragePooling3D)
def _average_pooling(layer: Any, x: Value) -> Value:
    return _back(layer, _first(layer, x).apply("AveragePool", count_include_pad=0, **_geometry(_windows(layer))))


def _over_space(kind: str) -> Any:
    def lowering(layer: Any, x: Value) -> Value:
        axes = range(layer.first_axis, layer.first_axis + layer.rank)
        return x.reduce(kind, tuple(axes), layer.keepdims)

    return lowering


lowers(GlobalAveragePooling2D, GlobalAveragePooling3D)(_over_space("Mean"))
lowers(GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D)(_over_space("Max"))


@lowers(ZeroPadding1D, ZeroPadding2D, ZeroPadding3D)
def _zero_padding(layer: Any, x: Value) -> Value:
    ends = np.zeros((2, layer.rank + 2), np.int64)
    ends[:, layer.first_axis : layer.first_axis + layer.rank] = np.array(borders_of(layer, "padding")).T
    return x.apply("Pad", ends.reshape(-1))


@lowers(Cropping1D, Cropping2D, Cropping3D)
def _cropping(layer: Any, x: Value) -> Value:
    for axis, (before, after) in enumerate(borders_of(layer, "cropping"), layer.first_axis):
        x = x.cut(axis, before, -after if after else np.iinfo(np.int64).max)
    return x


def _mixed(layer: Any, x: Value) -> Value:
    """A layer that mixes the cells along each spatial axis by a matrix, which its Jacobian has."""
    if None in layer.input_shape[1:]:
        raise refuse(layer, "needs known lengths of its axes")
    zeros = np.zeros((1, *layer.input_shape[1:]), layer.dtype)
    shift, jacobians = layer.linearize(zeros)
    separable: Any = jacobians[0]
    if not isinstance(separable, Separable):
        raise refuse(layer, "has no form in this format")
    rank = zeros.ndim
    for matrix, axis in zip(separable.matrices, separable.axes, strict=True):
        order = [other for other in range(rank) if other != rank + axis] + [rank + axis]
        x = (x.transpose(*order) @ matrix.T).transpose(*np.argsort(order).tolist())
    return x + shift[0] if np.any(shift) else x


lowers(Resizing, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D)(_mixed)


@lowers(AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D)
def _largest_in_bins(layer: Any, x: Value) -> Value:
    lengths, counts = _lengths(layer), layer.per_axis("output_size")
    for axis, (length, count) in enumerate(zip(lengths, counts, strict=True), layer.first_axis):
        bins = [x.cut(axis, start, stop).reduce("Max", (axis,)) for start, stop in bin_edges(length, count)]
        x = x.graph.concat(bins, axis)
    return x


@lowers(CenterCrop)
def _center_crop(layer: Any, x: Value) -> Value:
    rows, columns = image_size(layer, layer.input_shape)
    if rows is None or columns is None:
        raise refuse(layer, "needs images of a known size")
    if rows < layer.height or columns < layer.width:
        return _mixed(layer, x)
    rank = len(layer.input_shape)
    for axis, length, target in zip(image_axes(layer), (rows, columns), (layer.height, layer.width), strict=True):
        start = (length - target) // 2
        x = x.cut(rank + axis, start, start + target)
    return x


@lowers(UpSampling1D, UpSampling2D, UpSampling3D)
def _up_sampling(layer: Any, x: Value) -> Value:
    if layer.interpolation != "nearest":
        return _mixed(layer, x)
    lengths = _lengths(layer)
    for axis, times in enumerate(layer.per_axis("size"), layer.first_axis):
        x = x.take(np.repeat(np.arange(lengths[axis - layer.first_axis]), times), axis)
    return x


@lowers(Flatten)
def _flatten(layer: Any, x: Value) -> Value:
    if layer.data_format == "channels_first":
        x = x.transpose(0, *range(2, len(layer.input_shape)), 1)
    return _reshape(layer, x)


@lowers(Reshape)
def _reshape(layer: Any, x: Value) -> Value:
    return x.reshape(0, *(-1 if length is None else length for length in layer.output_shape[1:]))


@lowers(Permute)
def _permute(layer: Any, x: Value) -> Value:
    return x.transpose(0, *layer.dims)


@lowers(RepeatVector)
def _repeat_vector(layer: Any, x: Value) -> Value:
    once = x.apply("Unsqueeze", x.graph.integers(1))
    return x.graph.concat([once] * layer.n, axis=1)


@lowers(RandomImages)
def _augmentation(layer: Any, x: Value) -> Value:
    return x


lowers(RandomCrop)(_mixed)
