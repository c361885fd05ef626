"""Depthwise convolution, without matrix products: sums over the cells of a window, along whole lines of images.

The kernel, flattened, is `(cells, channels * multiplier)`; output `c * multiplier + m` belongs to channel `c`. Images
are copied, block by block, between zeros, each channel as often as it has kernels. What one cell has in all windows of
a line is contiguous there, and `einsum` adds the products of a line to a line of outputs without storing them.
"""

import math
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nnlite.arrays.types import Shape
from nnlite.arrays.windows import Windows, blocks_of

MOST_WEIGHTS = 2**18  # numbers that are copied along lines
SUMMED = 2**10  # products in one sum: more would lose digits
MANY_LINES, LONG_LINE = 10, 2**11  # lines of an image, numbers of a line, between which it pays to go over it alone

Gate = Callable[[np.ndarray, np.ndarray], np.ndarray]  # what is let through of a cotangent, for the slopes
Part = tuple[slice, ...]  # of images and windows along the first axis, or of images along all axes


def convolve(
    inputs: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    after: Callable[[np.ndarray, Part], None] | None = None,
) -> np.ndarray:
    """As `nnlite.arrays.patches.convolve` with as many groups as channels."""
    weights = kernel.reshape(*windows.size, -1)
    outputs = np.empty((len(inputs), *windows.outputs, weights.shape[-1]), np.result_type(inputs, kernel))
    wide = _along_lines(weights, windows)
    for part, covered in _covered(inputs.__getitem__, inputs, windows, weights.shape[-1]):
        _add_up(covered, wide, outputs[part])
        if after is not None:
            after(outputs[part], part)
    return outputs


def spread(
    cotangent: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    channels: int,
    slopes: np.ndarray | None = None,
    gate: Gate = np.multiply,
) -> np.ndarray:
    """As `nnlite.arrays.patches.spread` with as many groups as channels.

    It is a convolution with the turned kernel, of a cotangent whose cells are as far apart as the windows were.
    """
    axes = tuple(range(len(windows.size)))
    weights = np.flip(kernel.reshape(*windows.size, -1), axes)
    filters, dtype = weights.shape[-1], np.result_type(cotangent, kernel)
    result = np.empty((len(cotangent), *windows.inputs, channels), dtype)

    def gated(part: Part) -> np.ndarray:
        return cotangent[part] if slopes is None else gate(cotangent[part], slopes[part])

    back = _turned(windows)
    wide = _along_lines(weights, back)
    for part, covered in _covered(gated, cotangent, back, filters, windows.strides):
        block = result[part]
        sums = block if filters == channels else np.empty((*block.shape[:-1], filters), dtype)
        _add_up(covered, wide, sums)
        if sums is not block:
            np.add.reduce(sums.reshape(*block.shape, -1), axis=-1, out=block)
    return result


def kernel_gradient(
    inputs: np.ndarray,
    cotangent: np.ndarray,
    windows: Windows,
    slopes: np.ndarray | None = None,
    per_example: bool = False,
    gate: Gate = np.multiply,
) -> np.ndarray:
    """As `nnlite.arrays.patches.kernel_gradient` with as many groups as channels."""
    seeds, batch, *_, filters = cotangent.shape
    total = np.zeros((seeds, batch if per_example else 1, *windows.size, filters), np.result_type(inputs, cotangent))
    joined = _joins(windows, filters)
    for part, covered in _covered(inputs.__getitem__, inputs, windows, filters):
        block = cotangent[(slice(None), *part)]
        block = block if slopes is None else gate(block, slopes[part])
        lines = block.reshape(seeds, *covered.shape[: covered.ndim - len(windows.size) - 1], covered.shape[-1])
        quick = joined and lines.shape[2] >= MANY_LINES and lines.shape[-1] <= LONG_LINE
        together = 1 if quick or per_example else max(1, SUMMED // math.prod(lines.shape[2:-1]))
        for seed, number in product(range(seeds), range(0, len(covered), together)):
            images = slice(number, number + together)
            sums = _cell_sums(covered[images], lines[seed, images], windows.size, total.dtype, quick)
            row = part[0].start + number if per_example else 0
            total[seed, row] += np.add.reduce(sums.reshape(*windows.size, -1, filters), axis=-2)
    total = total.reshape(seeds, total.shape[1], math.prod(windows.size), filters)
    return total if per_example else total[:, 0]


def gated_blocks(
    cotangent: np.ndarray, windows: Windows, bytes_per_window: int, slopes: np.ndarray | None, gate: Gate
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """The blocks of `blocks_of` with their part of a cotangent `(batch, *outputs, filters)`, gated by its slopes."""
    for images, lines in blocks_of(len(cotangent), windows, bytes_per_window):
        block = cotangent[images, lines]
        yield images, lines, block if slopes is None else gate(block, slopes[images, lines])


def _covered(
    read: Callable[[Part], np.ndarray], images: np.ndarray, windows: Windows, filters: int, spacing: Shape | None = None
) -> Iterator[tuple[Part, np.ndarray]]:
    """Blocks of windows, and what their cells cover: `(images, *windows, *size, filters)`.

    Where lines are joined, the last axes of windows and of filters are one, the last.

    Args:
        read: a part of the images.
        spacing: how far apart their cells are along each axis, with zeros between them.
    """
    spacing = spacing or (1,) * len(windows.size)
    joined, covering = _joins(windows, filters), None
    for rows, lines in blocks_of(len(images), windows, 4 * filters * images.itemsize):
        counts = (lines.stop - lines.start, *windows.outputs[1:])
        starts = (lines.start * windows.strides[0] - windows.before[0], *(-before for before in windows.before[1:]))
        lengths = windows._replace(outputs=counts).needed
        ends = zip(starts, lengths, images.shape[1:-1], spacing, strict=True)
        sources, targets = zip(*(_overlap(*axis) for axis in ends), strict=True)
        block = read((rows, *sources))
        if covering != (padding := (len(block), lengths, targets)):  # else zeros stand where they belong
            covering, padded = padding, np.zeros((len(block), *lengths, filters), images.dtype)
            by_channel = padded.reshape(*padded.shape[:-1], block.shape[-1], -1)
        by_channel[(slice(None), *targets)] = block[..., None]
        first, *along, last = padded.strides
        jumps = [stride * step for stride, step in zip(along, windows.strides, strict=True)]
        steps = [stride * step for stride, step in zip(along, windows.dilation, strict=True)]
        outer, width = (counts[:-1], counts[-1] * filters) if joined else (counts, filters)
        shape = (len(block), *outer, *windows.size, width)
        yield (rows, lines), as_strided(padded, shape, (first, *jumps[: len(outer)], *steps, last), writeable=False)


def _overlap(start: int, length: int, count: int, spacing: int) -> tuple[slice, slice]:
    """Of `count` cells, `spacing` apart, those within `length` positions from `start` on, and where they are there."""
    first, last = max(0, -(-start // spacing)), min(count, (start + length - 1) // spacing + 1)
    if last <= first:
        return slice(0, 0), slice(0, 0)
    return slice(first, last), slice(first * spacing - start, (last - 1) * spacing - start + 1, spacing)


def _turned(windows: Windows) -> Windows:
    """The windows of the way back: one for each cell of the inputs, over the outputs as far apart as windows were."""
    lengths = tuple((count - 1) * stride + 1 for count, stride in zip(windows.outputs, windows.strides, strict=True))
    axes = zip(windows.size, windows.dilation, windows.before, strict=True)
    before = tuple((size - 1) * dilation - front for size, dilation, front in axes)
    return windows._replace(inputs=lengths, outputs=windows.inputs, strides=(1,) * len(before), before=before)


def _joins(windows: Windows, filters: int) -> bool:
    """Whether products go along whole lines, rather than over the channels of a position."""
    weights = math.prod(windows.size) * filters * windows.outputs[-1]
    return windows.strides[-1] == 1 and weights <= MOST_WEIGHTS


def _along_lines(weights: np.ndarray, windows: Windows) -> np.ndarray:
    """The weights of each cell as often as a line has windows, if lines are joined."""
    if not _joins(windows, weights.shape[-1]):
        return weights
    return np.repeat(weights[..., None, :], windows.outputs[-1], axis=-2).reshape(*windows.size, -1)


def _add_up(covered: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Write the sums over all cells."""
    weights, rank = weights[..., : covered.shape[-1]], weights.ndim - 1
    *windows, last = range(covered.ndim - rank)
    cells = range(covered.ndim - rank, covered.ndim)
    lines = out.reshape(*covered.shape[: len(windows)], covered.shape[-1])
    np.einsum(covered, [*windows, *cells, last], weights, [*cells, last], [*windows, last], out=lines)


def _cell_sums(covered: np.ndarray, lines: np.ndarray, size: Shape, dtype: np.dtype, quick: bool) -> np.ndarray:
    """The sums of products over all windows of some images but those of a joined line, `(*size, numbers)`.

    Args:
        quick: one call for each line of cells of an image: of arrays of at most three axes `einsum` makes quick loops.
    """
    sums, last = np.empty((*size, covered.shape[-1]), dtype), covered.ndim - 1
    windows, cells = list(range(lines.ndim - 1)), list(range(lines.ndim - 1, last))
    if not quick:
        np.einsum(covered, [*windows, *cells, last], lines, [*windows, last], [*cells, last], out=sums)
        return sums
    places, axes, slopes = (0, *[slice(None)] * (lines.ndim - 2)), windows[1:], lines[0]
    for number in product(*map(range, size[:-1])):
        line = covered[(*places, *number)]
        np.einsum(line, [*axes, last - 1, last], slopes, [*axes, last], [last - 1, last], out=sums[number])
    return sums
