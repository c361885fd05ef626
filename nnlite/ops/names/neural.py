"""Functions of `keras.ops` for networks: cross-entropies, normalization, attention, convolution and pooling.

The layers and losses of these names are faster; here each is made of ops.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import epsilon, image_data_format
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.names.constants import convert_to_numpy, convert_to_tensor, lengths, one_hot
from nnlite.ops.names.pointwise import rsqrt
from nnlite.ops.names.products import tensordot
from nnlite.ops.plain.places import check_equal_shapes
from nnlite.ops.plain.results import by_float32
from nnlite.ops.tracing import drawable

__all__ = [
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "conv",
    "depthwise_conv",
    "dot_product_attention",
    "max_pool",
    "separable_conv",
    "sparse_categorical_crossentropy",
]

Padding = Literal["valid", "same"]
Sizes = int | Sequence[int]


@drawable
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target * log(output)) over `axis`; probabilities are normalized first.

    Targets have the shape of outputs here and in the other cross-entropies; else `ShapeError`.
    """
    check_equal_shapes("categorical_crossentropy", lengths(target), lengths(output))
    if from_logits:
        return ops.negative(ops.sum(ops.multiply(target, ops.log_softmax(output, axis=axis)), axis))
    shares = ops.divide(output, ops.sum(output, axis, True))
    return ops.negative(ops.sum(ops.multiply(target, ops.log(ops.clip(shares, epsilon(), 1 - epsilon()))), axis))


@drawable
def sparse_categorical_crossentropy(target: ArrayLike, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """As `categorical_crossentropy`, for class numbers."""
    labels = np.asarray(convert_to_numpy(target))
    if labels.ndim == len(lengths(output)) and labels.shape[-1] == 1:
        labels = labels[..., 0]
    check_equal_shapes("sparse_categorical_crossentropy", labels.shape, np.delete(lengths(output), axis).tolist())
    rows = one_hot(labels, lengths(output)[axis], axis, convert_to_tensor(output).dtype.name)
    return categorical_crossentropy(rows, output, from_logits, axis)


@drawable
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-target * log(output) - (1 - target) * log(1 - output), elementwise."""
    check_equal_shapes("binary_crossentropy", lengths(target), lengths(output))
    if from_logits:
        return ops.subtract(ops.softplus(output), ops.multiply(target, output))
    chance = ops.clip(output, epsilon(), 1 - epsilon())
    one, zero = ops.log(chance), ops.log(ops.subtract(1.0, chance))
    return ops.negative(ops.add(ops.multiply(target, one), ops.multiply(ops.subtract(1.0, target), zero)))


@drawable
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, each of them a vector along `axis`."""
    shape = [1] * len(lengths(x))
    shape[axis] = -1
    mean, variance = ops.reshape(mean, tuple(shape)), ops.reshape(variance, tuple(shape))
    result = ops.multiply(ops.subtract(x, mean), rsqrt(ops.add(variance, epsilon)))
    result = result if scale is None else ops.multiply(result, ops.reshape(scale, tuple(shape)))
    return result if offset is None else ops.add(result, ops.reshape(offset, tuple(shape)))


@drawable
@by_float32
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: ArrayLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(scale * query @ key.T + bias) @ value for each head, all of shape `(batch, steps, heads, width)`.

    Args:
        key, value: also with one head, which all share.
        bias: is added to the scores, `(batch, heads, steps, others)`.
        mask: where a query attends to a key, true, of that shape.
        scale: 1 / sqrt(width) when None.
        is_causal: whether no step attends to later ones.
        flash_attention: accepted; there is one way.
        attn_logits_soft_cap: scores become cap * tanh(score / cap).
    """
    width, heads = lengths(query)[-1], lengths(query)[-2]
    if lengths(key)[-2] == 1 != heads:
        key, value = (ops.take(x, np.zeros(heads, int), -2) for x in (key, value))
    scores = ops.multiply(ops.einsum("bthd,bshd->bhts", query, key), 1 / math.sqrt(width) if scale is None else scale)
    if attn_logits_soft_cap is not None:
        scores = ops.multiply(ops.tanh(ops.divide(scores, attn_logits_soft_cap)), attn_logits_soft_cap)
    scores = scores if bias is None else ops.add(scores, bias)
    seen = np.ones(lengths(scores)[-2:], bool) if mask is None else np.asarray(convert_to_numpy(mask), bool)
    seen = np.tril(seen) if is_causal else seen
    hidden = np.finfo(np.real(convert_to_numpy(scores)).dtype).min * 0.7
    return ops.einsum("bhts,bshd->bthd", ops.softmax(ops.where(seen, scores, hidden)), value)


def _windows(
    shape: Sequence[int], size: Sequence[int], strides: Sequence[int], padding: str, dilation: Sequence[int]
) -> np.ndarray:
    """The indices, -1 for padding, of what a window covers at each of its positions: `(*positions, *size)`."""
    grid = np.arange(int(np.prod(shape))).reshape(tuple(shape))
    reach = [1 + (length - 1) * rate for length, rate in zip(size, dilation, strict=True)]
    if padding.lower() == "same":
        steps = [-(-length // stride) for length, stride in zip(shape, strides, strict=True)]
        wanted = [(step - 1) * stride for step, stride in zip(steps, strides, strict=True)]
        more = [max(last + far - length, 0) for last, far, length in zip(wanted, reach, shape, strict=True)]
        grid = np.pad(grid, [(one // 2, one - one // 2) for one in more], constant_values=-1)
    elif padding.lower() != "valid":
        raise ConfigError(f"padding must be 'valid' or 'same', got {padding!r}", ("padding",))
    rank = len(size)
    windows = np.lib.stride_tricks.sliding_window_view(grid, tuple(reach))
    index = (*[slice(None, None, stride) for stride in strides], *[slice(None, None, rate) for rate in dilation])
    return np.ascontiguousarray(windows[index]) if rank else grid


def each(value: Sizes | None, rank: int, default: Sequence[int]) -> tuple[int, ...]:
    if value is None:
        return tuple(default)
    return (value,) * rank if isinstance(value, int) else tuple(value)


def patches_of(
    inputs: Any, size: Sequence[int], strides: Sizes | None, padding: str, dilation: Sizes, fill: float
) -> Any:
    """The values under each window, channels last: `(batch, *positions, *size, channels)`."""
    inner = lengths(inputs)[1:-1]
    rank = len(inner)
    return with_fill(
        inputs, _windows(inner, size, each(strides, rank, size), padding, each(dilation, rank, size)), fill
    )


def with_fill(inputs: Any, places: np.ndarray, fill: float) -> Any:
    """Rows, channels last, at flat indices of their spatial axes; `fill` where an index is -1.

    Shape: `(batch, *space, channels) -> (batch, *places.shape, channels)`.
    """
    batch, *space, channels = lengths(inputs)
    count = int(np.prod(space))
    rows = ops.reshape(inputs, (batch, count, channels))
    if (places < 0).any():
        rows = ops.concatenate([rows, np.full((batch, 1, channels), fill, convert_to_numpy(inputs).dtype)], 1)
        places = np.where(places < 0, count, places)
    return ops.reshape(ops.take(rows, places.ravel(), 1), (batch, *places.shape, channels))


def channels_last(compute: Callable[..., Any], inputs: Any, data_format: str | None) -> Any:
    """`compute` on inputs with channels last; the result has the layout of the inputs."""
    if (data_format or image_data_format()) == "channels_last":
        return compute(inputs)
    return moveaxis(compute(moveaxis(inputs, 1, -1)), -1, 1)


@drawable
def conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Convolution with a kernel of shape `(*size, channels / groups, filters)`.

    Raises:
        ShapeError: the channels of the inputs are no multiple of those of the kernel.
    """
    *size, depth, _ = lengths(kernel)
    axes = list(range(len(size) + 1, 2 * len(size) + 2))

    def compute(rows: Any) -> Any:
        channels = lengths(rows)[-1]
        if channels % depth:
            raise ShapeError(f"conv: {channels} channels of inputs are no multiple of the kernel's {depth}")
        patches = patches_of(rows, size, strides, padding, dilation_rate, 0.0)
        groups = channels // depth
        if groups == 1:
            return tensordot(patches, kernel, (axes, list(range(len(size) + 1))))
        parts = zip(ops.split(patches, groups, -1), ops.split(kernel, groups, -1), strict=True)
        return ops.concatenate([tensordot(one, share, (axes, list(range(len(size) + 1)))) for one, share in parts], -1)

    return channels_last(compute, inputs, data_format)


@drawable
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Depthwise convolution, with a kernel of shape `(*size, channels, multiplier)`."""
    *size, channels, multiplier = lengths(kernel)

    def compute(rows: Any) -> Any:
        patches = patches_of(rows, size, strides, padding, dilation_rate, 0.0)
        outer = lengths(patches)[: len(size) + 1]
        flat = ops.reshape(patches, (*outer, int(np.prod(size)), channels))
        weights = ops.reshape(kernel, (int(np.prod(size)), channels, multiplier))
        letters = "abcd"[: len(outer)]
        result = ops.einsum(f"{letters}xy,xyz->{letters}yz", flat, weights)
        return ops.reshape(result, (*outer, channels * multiplier))

    return channels_last(compute, inputs, data_format)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """`depthwise_conv`, then a 1x1 `conv` over the channels."""
    single = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(single, pointwise_kernel, 1, "valid", data_format)


@drawable
def max_pool(
    inputs: Any,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
) -> Any:
    """The maximum of each window."""
    dtype = convert_to_numpy(inputs).dtype
    least = np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf
    pooled = functools.partial(_pooled, ops.max, pool_size, strides, padding, least)
    return channels_last(pooled, inputs, data_format)


@drawable
def average_pool(
    inputs: Any,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: Padding = "valid",
    data_format: str | None = None,
) -> Any:
    """The mean of each window; padding does not count."""
    sums = functools.partial(_pooled, ops.sum, pool_size, strides, padding, 0.0)

    def compute(rows: Any) -> Any:
        counted = np.ones((1, *lengths(rows)[1:-1], 1), np.real(convert_to_numpy(rows)).dtype)
        return ops.divide(sums(rows), sums(counted))

    return channels_last(compute, inputs, data_format)


def _pooled(
    reduce: Callable[..., Any], pool_size: Sizes, strides: Sizes | None, padding: str, fill: float, rows: Any
) -> Any:
    """A reduction over each window, channels last; `fill` stands in the padding."""
    if not 3 <= len(lengths(rows)) <= 5:
        raise ShapeError(f"pooling takes arrays of 3, 4 or 5 axes, (batch, *size, channels), got {lengths(rows)}")
    size = each(pool_size, len(lengths(rows)) - 2, ())
    return reduce(patches_of(rows, size, strides, padding, 1, fill), tuple(range(len(size) + 1, 2 * len(size) + 1)))
