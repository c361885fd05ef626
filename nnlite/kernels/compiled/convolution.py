"""Compiled convolution: by products that read float32 images in place where these are faster; else by two loops.

Loops stand where NumPy goes over the outputs once for each cell of a window: on the way back to the inputs, whose
products NumPy still makes, and in all of a convolution of each channel alone.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from nnlite.arrays.depthwise import Gate, gated_blocks
from nnlite.arrays.windows import Windows
from nnlite.kernels.compiled.direct.convolution import convolve_directly, gradient_directly, spread_directly
from nnlite.kernels.compiled.direct.products import LANES
from nnlite.kernels.compiled.recurrent import add, compiled, inlined, readable
from nnlite.kernels.compiled.windows import as_images, axis_numbers
from nnlite.kernels.reference import windows as reference

__all__ = ["convolve", "kernel_gradient", "spread"]

LINE = 512  # numbers of a part of a line, which stays in the cache while all cells of a window are added
SHORTEST_ROW = 4  # pixels; with fewer the tiles of the products are too small to pay


@inlined
def _add_product(left, right, total):
    for c in range(total.size):
        total[c] += left[c] * right[c]


@compiled
def _add_windows(parts, size, strides, dilation, before, start, result):
    """Add what each window says of its cells, `(images, rows, columns, cells, channels)`, to these."""
    for n in range(len(parts)):
        for row in range(parts.shape[1]):
            for column in range(parts.shape[2]):
                for cell in range(parts.shape[3]):
                    y = (start[0] + row) * strides[0] + cell // size[1] * dilation[0] - before[0]
                    x = (start[1] + column) * strides[1] + cell % size[1] * dilation[1] - before[1]
                    if 0 <= y < result.shape[1] and 0 <= x < result.shape[2]:
                        add(parts[n, row, column, cell], result[n, y, x])


@compiled
def _lines(images):
    """Images with the numbers of each line in a row."""
    return images.reshape(images.shape[0], images.shape[1], images.shape[2] * images.shape[3])


@compiled
def _go_over(images, wide, outputs, pieces, stride):
    """Add to outputs what the kernel makes of images, each channel alone; see `_pieces`.

    The kernel lies in `wide` once for each place of a piece.
    """
    source, result = _lines(images), _lines(outputs)
    for n in range(len(source)):
        for row in range(result.shape[1]):
            for i in range(len(pieces)):
                cell, down, x, first, length = pieces[i]
                if 0 <= row * stride + down < source.shape[1]:
                    part = result[n, row, first : first + length]
                    _add_product(source[n, row * stride + down, x : x + length], wide[cell, :length], part)


@compiled
def _go_back(images, wide, outputs, pieces, stride):
    """Add to images what the kernel makes of outputs: apart, as arrays that may not be written take part in both."""
    result, source = _lines(images), _lines(outputs)
    for n in range(len(source)):
        for row in range(source.shape[1]):
            for i in range(len(pieces)):
                cell, down, x, first, length = pieces[i]
                if 0 <= row * stride + down < result.shape[1]:
                    part = result[n, row * stride + down, x : x + length]
                    _add_product(source[n, row, first : first + length], wide[cell, :length], part)


@compiled
def _gradient(images, sums, total, outputs, pieces, stride):
    """By way of sums for each image and place of a piece: one over all at once would lose digits."""
    source, slopes, channels = _lines(images), _lines(outputs), total.shape[1]
    for n in range(len(source)):
        sums[:] = 0
        for row in range(slopes.shape[1]):
            for i in range(len(pieces)):
                cell, down, x, first, length = pieces[i]
                if 0 <= row * stride + down < source.shape[1]:
                    part = source[n, row * stride + down, x : x + length]
                    _add_product(part, slopes[n, row, first : first + length], sums[cell, :length])
        for cell in range(len(total)):
            for start in range(0, sums.shape[1], channels):
                add(sums[cell, start : start + channels], total[cell])


@functools.lru_cache(maxsize=64)
def _pieces(windows: Windows, channels: int) -> tuple[np.ndarray, int, int]:
    """The parts of lines in which a cell of all windows lies side by side in images as the outputs do.

    Returns a row for each: the cell, how many lines of images it is below the first one of the window, where the part
    begins in a line of images and in one of outputs, and how many numbers it has; then the stride of lines, and the
    places of the longest part.
    """
    size, strides, dilation, before = axis_numbers(windows)
    columns, width, rows = windows.outputs[-1], windows.inputs[-1], []
    together = max(1, min(LINE // channels, columns)) if strides[1] == 1 else 1
    for cell in range(size[0] * size[1]):
        right = cell % size[1] * dilation[1] - before[1]
        for begin in range(0, columns, together):
            first = max(begin, -right) if strides[1] == 1 else begin
            x = first * strides[1] + right
            count = min(min(begin + together, columns) - first, width - x)
            if count > 0 and x >= 0:
                down = cell // size[1] * dilation[0] - before[0]
                rows.append((cell, down, x * channels, first * channels, count * channels))
    return np.array(rows, np.int64).reshape(-1, 5), strides[0], together


def convolve(
    inputs: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    after: Callable[[np.ndarray, tuple[slice, slice]], None] | None = None,
) -> np.ndarray:
    filters = kernel.size * groups // (math.prod(windows.size) * inputs.shape[-1])
    if _goes_directly(inputs, kernel, windows, groups, inputs.shape[-1], filters):
        return convolve_directly(inputs, kernel, windows, groups, after)
    if after is not None or not _is_depthwise(inputs, kernel, kernel.size, windows, groups):
        return reference.convolve(inputs, kernel, windows, groups, after)
    outputs = np.zeros((len(inputs), *windows.outputs, groups), inputs.dtype)
    pieces, stride, together = _pieces(windows, groups)
    _go_over(as_images(inputs), np.tile(kernel.reshape(-1, groups), together), as_images(outputs), pieces, stride)
    return outputs


def spread(
    cotangent: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    slopes: np.ndarray | None = None,
    gate: Gate = np.multiply,
) -> np.ndarray:
    cotangent = np.ascontiguousarray(cotangent)  # that of a mean is one number many times
    filters, count = cotangent.shape[-1], math.prod(windows.size)
    channels = kernel.size // (count * filters) * groups
    reversible = set(windows.strides) == {1} or groups == channels > 1
    if reversible and _goes_directly(cotangent, kernel, windows, groups, channels, filters):
        return spread_directly(cotangent, kernel, windows, groups, slopes, gate)
    if slopes is None and _is_depthwise(cotangent, kernel, kernel.size, windows, groups):
        result = np.zeros((len(cotangent), *windows.inputs, groups), cotangent.dtype)
        pieces, stride, together = _pieces(windows, groups)
        _go_back(as_images(result), np.tile(kernel.reshape(-1, groups), together), as_images(cotangent), pieces, stride)
        return result
    if groups > 1 or not _takes(cotangent, kernel, windows):
        return reference.spread(cotangent, kernel, windows, groups, slopes, gate)
    matrix, places = kernel.reshape(-1, filters).T, axis_numbers(windows)
    result = np.zeros((len(cotangent), *windows.inputs, channels), cotangent.dtype)
    for images, lines, block in gated_blocks(cotangent, windows, count * channels * result.itemsize, slopes, gate):
        parts = (block.reshape(-1, filters) @ matrix).reshape(*block.shape[:-1], count, channels)
        start = (lines.start, 0) if len(windows.size) > 1 else (0, lines.start)
        _add_windows(as_images(parts, 5), *places, start, as_images(result[images]))
    return result


def kernel_gradient(
    inputs: np.ndarray,
    cotangent: np.ndarray,
    windows: Windows,
    groups: int = 1,
    slopes: np.ndarray | None = None,
    per_example: bool = False,
    gate: Gate = np.multiply,
) -> np.ndarray:
    one, channels, filters = len(cotangent) == 1 and not per_example, inputs.shape[-1], cotangent.shape[-1]
    cotangent = np.ascontiguousarray(cotangent) if one else cotangent
    if one and _goes_directly(inputs, cotangent, windows, groups, channels, filters):
        return gradient_directly(inputs, cotangent[0], windows, groups, slopes, gate)[None]
    size = math.prod(windows.size) * filters
    if not (one and slopes is None and _is_depthwise(inputs, cotangent, size, windows, groups)):
        return reference.kernel_gradient(inputs, cotangent, windows, groups, slopes, per_example, gate)
    total = np.zeros((math.prod(windows.size), groups), inputs.dtype)
    pieces, stride, together = _pieces(windows, groups)
    sums = np.empty((len(total), together * groups), total.dtype)
    _gradient(as_images(inputs), sums, total, as_images(cotangent[0]), pieces, stride)
    return total[None]


def _is_depthwise(images, other, size, windows, groups):
    """Whether each channel has one kernel of its own, so that kernels of `size` numbers in all."""
    alone = groups == images.shape[-1] > 1 and size == groups * math.prod(windows.size)
    return alone and _takes(images, other, windows)


def _goes_directly(images, other, windows, groups, channels, filters):
    """Whether the products may read float32 images where they lie, and gain by it; channels are those of inputs."""
    long_rows = windows.outputs[-1] >= SHORTEST_ROW and math.prod(windows.size) > 1
    fits = groups == 1 or groups < channels or (filters == groups and groups % LANES == 0)
    return long_rows and fits and images.dtype == np.float32 and _takes(images, other, windows)


def _takes(images, other, windows):
    """Whether these are real numbers of one type, in order, over one or two axes."""
    alike = other.dtype == images.dtype and other.flags.c_contiguous
    return images.size and readable(images) and alike and len(windows.size) <= 2
