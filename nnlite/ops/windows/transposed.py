"""The transpose of a convolution, and images as columns of their patches and back."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.arranging import flip
from nnlite.ops.names.constants import lengths
from nnlite.ops.names.neural import channels_last, conv, each, with_fill
from nnlite.ops.tracing import drawable

__all__ = ["conv_transpose", "fold", "unfold"]

Sizes = int | Sequence[int]


def _margins(size: int, stride: int, rate: int, padding: str, more: int | None) -> tuple[int, int]:
    """The numbers of zeros before and behind the spread inputs along an axis, so that the output has Keras's length."""
    size = (size - 1) * rate + 1
    if padding.lower() == "valid":
        return size - 1, size - 1 + (max(size, stride) - size if more is None else more)
    if padding.lower() != "same":
        raise ConfigError(f"padding must be 'valid' or 'same', got {padding!r}", ("padding",))
    both = stride + size - 2 if more is None else size + size % 2 - 2 + more
    before = min(both // 2 + both % 2, size - 1)
    return before, both - before


@drawable
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: Literal["valid", "same"] = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """The transpose of `conv`, with a kernel of shape `(*size, filters, channels)`.

    Without `output_padding` the length along an axis becomes `length * stride` for `"same"`, and `(length - 1) * stride
    + max(reach of the kernel, stride)` for `"valid"`.
    """
    size = lengths(kernel)[:-2]
    rank = len(size)
    steps, rates = each(strides, rank, ()), each(dilation_rate, rank, ())
    more = (None,) * rank if output_padding is None else each(output_padding, rank, ())
    both = zip(size, steps, rates, more, strict=True)
    margins = [_margins(length, step, rate, padding, extra) for length, step, rate, extra in both]
    turned = flip(ops.swapaxes(kernel, -1, -2), tuple(range(rank)))

    def compute(rows: Any) -> Any:
        inner = lengths(rows)[1:-1]
        grid = np.arange(int(np.prod(inner))).reshape(inner)
        for axis, (step, (before, behind)) in enumerate(zip(steps, margins, strict=True)):
            spread = np.full([*grid.shape[:axis], (grid.shape[axis] - 1) * step + 1, *grid.shape[axis + 1 :]], -1)
            spread[(*[slice(None)] * axis, slice(None, None, step))] = grid
            ends = [(before, max(behind, 0)) if one == axis else (0, 0) for one in range(rank)]
            grid = np.pad(spread, ends, constant_values=-1)
            grid = grid[(*[slice(None)] * axis, slice(None, behind if behind < 0 else None))]
        return conv(with_fill(rows, grid, 0.0), turned, 1, "valid", "channels_last", dilation_rate)

    return channels_last(compute, inputs, data_format)


def _positions(size: Sequence[int], kernel: Sequence[int], rate: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    """The indices in the padded image of each entry of a patch, `(rows, columns, height, width)`."""
    grid = np.arange(size[0] * size[1]).reshape(size[0], size[1])
    reach = tuple((length - 1) * step + 1 for length, step in zip(kernel, rate, strict=True))
    if reach[0] > size[0] or reach[1] > size[1]:
        raise ShapeError(f"patches of {tuple(kernel)} do not fit into an image of {tuple(size)} with its padding")
    windows = np.lib.stride_tricks.sliding_window_view(grid, reach)
    return np.ascontiguousarray(windows[:: stride[0], :: stride[1], :: rate[0], :: rate[1]])


@drawable
def unfold(x: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """The patches of images as columns: `(batch, channels, height, width) -> (batch, channels * size, patches)`."""
    batch, channels, *size = lengths(x)
    kernel, rate, margin, step = (each(one, 2, ()) for one in (kernel_size, dilation, padding, stride))
    padded = [length + 2 * more for length, more in zip(size, margin, strict=True)]
    places = _positions(padded, kernel, rate, step)
    grid = np.pad(np.arange(size[0] * size[1]).reshape(size), [(more, more) for more in margin], constant_values=-1)
    rows = ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (batch, *size, channels))
    patches = with_fill(rows, grid.reshape(-1)[places], 0.0)  # (batch, rows, columns, height, width, channels)
    ordered = ops.transpose(patches, (0, 5, 3, 4, 1, 2))
    return ops.reshape(ordered, (batch, channels * kernel[0] * kernel[1], places.shape[0] * places.shape[1]))


@drawable
def fold(
    x: Any, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Any:
    """The transpose of `unfold`: patches are added into images of `output_size`."""
    batch, width, count = lengths(x)
    size, kernel, rate, margin, step = (
        each(one, 2, ()) for one in (output_size, kernel_size, dilation, padding, stride)
    )
    padded = [length + 2 * more for length, more in zip(size, margin, strict=True)]
    places = _positions(padded, kernel, rate, step)
    if places.shape[0] * places.shape[1] != count:
        raise ShapeError(f"an image of {size} has {places.shape[0] * places.shape[1]} patches, got {count}")
    if width % (kernel[0] * kernel[1]):
        raise ShapeError(f"columns of patches of {kernel} have a multiple of {kernel[0] * kernel[1]} rows, got {width}")
    channels = width // (kernel[0] * kernel[1])
    rows = ops.transpose(ops.reshape(x, (batch, channels, kernel[0] * kernel[1], count)), (2, 0, 3, 1))
    window = (slice(margin[0], margin[0] + size[0]), slice(margin[1], margin[1] + size[1]))
    total: Any = None
    for number, entries in enumerate(places.reshape(count, -1).T):  # one entry of all patches in a turn
        grid = np.full(padded[0] * padded[1], -1)
        grid[entries] = np.arange(count)
        part = with_fill(ops.getitem(rows, number), grid.reshape(padded)[window], 0.0)
        total = part if total is None else ops.add(total, part)
    return ops.transpose(total, (0, 3, 1, 2))
