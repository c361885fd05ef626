"""Exchange of depth and space, adaptive pooling, pairwise distances, and axes by name."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.names.constants import as_floats, convert_to_numpy, lengths
from nnlite.ops.names.neural import channels_last, each
from nnlite.ops.names.products import tensordot
from nnlite.ops.tracing import drawable

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "cdist",
    "depth_to_space",
    "rearrange",
    "space_to_depth",
]


def _check_blocks(name: str, shape: tuple[int, ...], block_size: int, *divided: tuple[int, int]) -> None:
    """`ShapeError` unless images of this shape are cut into blocks; `divided` has lengths and what divides them."""
    if len(shape) != 4 or block_size < 2 or any(length % part for length, part in divided):
        raise ShapeError(f"{name} cannot cut images of shape {shape} into blocks of {block_size}")


@drawable
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of channels moved into space: `(batch, height, width, channels)` has a block for each pixel."""
    shape, size = lengths(x), block_size
    _check_blocks("depth_to_space", shape, size, (shape[-1 if data_format == "channels_last" else 1], size**2))
    if data_format == "channels_last":
        batch, height, width, channels = shape
        parts = ops.reshape(x, (batch, height, width, size, size, channels // size**2))
        return ops.reshape(ops.transpose(parts, (0, 1, 3, 2, 4, 5)), (batch, height * size, width * size, -1))
    batch, channels, height, width = shape
    parts = ops.reshape(x, (batch, channels // size**2, size, size, height, width))
    return ops.reshape(ops.transpose(parts, (0, 1, 4, 2, 5, 3)), (batch, -1, height * size, width * size))


@drawable
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """The inverse of `depth_to_space`: each block of pixels becomes the channels of one pixel."""
    shape, size = lengths(x), block_size
    space = shape[1:3] if data_format == "channels_last" else shape[2:]
    _check_blocks("space_to_depth", shape, size, *((length, size) for length in space))
    if data_format == "channels_last":
        batch, height, width, channels = shape
        parts = ops.reshape(x, (batch, height // size, size, width // size, size, channels))
        return ops.reshape(ops.transpose(parts, (0, 1, 3, 2, 4, 5)), (batch, height // size, width // size, -1))
    batch, channels, height, width = shape
    parts = ops.reshape(x, (batch, channels, height // size, size, width // size, size))
    return ops.reshape(ops.transpose(parts, (0, 1, 3, 5, 2, 4)), (batch, -1, height // size, width // size))


def _bins(length: int, count: int) -> list[range]:
    """The indices of each of `count` parts, which cover the axis and overlap if they do not divide its length."""
    return [range(part * length // count, -(-(part + 1) * length // count)) for part in range(count)]


@drawable
def adaptive_average_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Any:
    """The mean over `output_size` parts along each spatial axis."""

    def compute(rows: Any) -> Any:
        rows, rank = as_floats(rows), len(lengths(rows)) - 2
        for axis, count in enumerate(each(output_size, rank, ()), 1):
            length = lengths(rows)[axis]
            shares = np.zeros((count, length), np.real(convert_to_numpy(rows)).dtype)
            for row, part in zip(shares, _bins(length, count), strict=True):
                row[part.start : part.stop] = 1 / len(part)
            rows = moveaxis(tensordot(shares, rows, ([1], [axis])), 0, axis)
        return rows

    return channels_last(compute, inputs, data_format)


@drawable
def adaptive_max_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Any:
    """The maximum over `output_size` parts along each spatial axis."""

    def compute(rows: Any) -> Any:
        rank = len(lengths(rows)) - 2
        for axis, count in enumerate(each(output_size, rank, ()), 1):
            parts = [ops.take(rows, np.array(part), axis) for part in _bins(lengths(rows)[axis], count)]
            rows = ops.stack([ops.max(part, axis) for part in parts], axis)
        return rows

    return channels_last(compute, inputs, data_format)


@drawable
def cdist(x: Any, y: Any) -> Any:
    """Euclidean distances between rows of x and y: `(..., n, width), (..., m, width) -> (..., n, m)`."""
    if len(lengths(x)) < 2 or len(lengths(y)) < 2 or lengths(x)[-1] != lengths(y)[-1]:
        raise ShapeError(f"cdist takes (..., n, width) and (..., m, width), got {lengths(x)} and {lengths(y)}")
    apart = ops.subtract(ops.expand_dims(x, -2), ops.expand_dims(y, -3))
    return ops.sqrt(ops.sum(ops.square(apart), -1))


def _groups(pattern: str) -> list[list[str]]:
    """The axes of one side of a pattern; those in parentheses together.

    >>> _groups("b (h w) c")
    [['b'], ['h', 'w'], ['c']]
    """
    return [part.strip("()").split() for part in re.findall(r"\(.*?\)|\w+", pattern)]


@drawable
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes reordered, merged and split according to a pattern: `"batch h w c -> batch (h w) c"`.

    Args:
        tensor: an array.
        pattern: axes before and after `->`; those in parentheses are one axis.
        axes_lengths: lengths of axes that are split, all but one of each.

    Raises:
        ConfigError: a pattern with other axes before than after.
        ShapeError: an array whose shape does not fit.
    """
    before, arrow, after = pattern.partition("->")
    groups, wanted = _groups(before), _groups(after)
    names, order = [name for group in groups for name in group], [name for group in wanted for name in group]
    if not arrow or sorted(names) != sorted(order) or len(set(names)) < len(names):
        raise ConfigError(f"the two sides of {pattern!r} must have the same axes, each once", ("pattern",))
    if len(groups) != len(lengths(tensor)):
        raise ShapeError(f"{pattern!r} takes {len(groups)} axes, the array has {len(lengths(tensor))}")
    sizes = dict(axes_lengths)
    for group, length in zip(groups, lengths(tensor), strict=True):
        unknown = [name for name in group if name not in sizes]
        product = int(np.prod([sizes[name] for name in group if name in sizes]))
        rest = length // product if product else 0
        sizes |= dict.fromkeys(unknown[:1], rest)
        if len(unknown) > 1 or int(np.prod([sizes[name] for name in group])) != length:
            raise ShapeError(f"{pattern!r} does not fit an axis of {length}: say the lengths of {' and '.join(group)}")
    split = ops.reshape(tensor, tuple(sizes[name] for name in names))
    ordered = ops.transpose(split, tuple(names.index(name) for name in order))
    return ops.reshape(ordered, tuple(int(np.prod([sizes[name] for name in group])) for group in wanted))
