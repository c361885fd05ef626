"""Convolution compiled: by products that read float32 images where they lie, where these gain; else by two loops.

Loops stand where NumPy goes over the outputs once for each cell of a window: on the way back to the inputs, whose
products NumPy still makes, and in all of a convolution of each channel alone.
"""

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
def _go_over(images, kernel, outputs, size, strides, dilation, before):
    """Add to outputs what the kernel makes of images, each channel alone."""
    for n in range(len(images)):
        for row in range(outputs.shape[1]):
            for column in range(outputs.shape[2]):
                for cell in range(len(kernel)):
                    y = row * strides[0] + cell // size[1] * dilation[0] - before[0]
                    x = column * strides[1] + cell % size[1] * dilation[1] - before[1]
                    if 0 <= y < images.shape[1] and 0 <= x < images.shape[2]:
                        _add_product(images[n, y, x], kernel[cell], outputs[n, row, column])


@compiled
def _go_back(images, kernel, outputs, size, strides, dilation, before):
    """Add to images what the kernel makes of outputs: apart, as arrays that may not be written take part in both."""
    for n in range(len(images)):
        for row in range(outputs.shape[1]):
            for column in range(outputs.shape[2]):
                for cell in range(len(kernel)):
                    y = row * strides[0] + cell // size[1] * dilation[0] - before[0]
                    x = column * strides[1] + cell % size[1] * dilation[1] - before[1]
                    if 0 <= y < images.shape[1] and 0 <= x < images.shape[2]:
                        _add_product(outputs[n, row, column], kernel[cell], images[n, y, x])


@compiled
def _gradient(images, total, outputs, size, strides, dilation, before):
    """By way of a sum for each image: one over all at once would lose digits."""
    sums = np.empty_like(total)
    for n in range(len(images)):
        sums[:] = 0
        for row in range(outputs.shape[1]):
            for column in range(outputs.shape[2]):
                for cell in range(len(total)):
                    y = row * strides[0] + cell // size[1] * dilation[0] - before[0]
                    x = column * strides[1] + cell % size[1] * dilation[1] - before[1]
                    if 0 <= y < images.shape[1] and 0 <= x < images.shape[2]:
                        _add_product(images[n, y, x], outputs[n, row, column], sums[cell])
        for cell in range(len(total)):
            add(sums[cell], total[cell])


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
    _go_over(as_images(inputs), kernel.reshape(-1, groups), as_images(outputs), *axis_numbers(windows))
    return outputs


def spread(
    cotangent: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    slopes: np.ndarray | None = None,
    gate: Gate = np.multiply,
) -> np.ndarray:
    filters, count = cotangent.shape[-1], math.prod(windows.size)
    channels = kernel.size // (count * filters) * groups
    if set(windows.strides) == {1} and _goes_directly(cotangent, kernel, windows, groups, channels, filters):
        return spread_directly(cotangent, kernel, windows, groups, slopes, gate)
    if slopes is None and _is_depthwise(cotangent, kernel, kernel.size, windows, groups):
        result = np.zeros((len(cotangent), *windows.inputs, groups), cotangent.dtype)
        _go_back(as_images(result), kernel.reshape(-1, groups), as_images(cotangent), *axis_numbers(windows))
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
    if one and _goes_directly(inputs, cotangent, windows, groups, channels, filters):
        return gradient_directly(inputs, cotangent[0], windows, groups, slopes, gate)[None]
    size = math.prod(windows.size) * filters
    if not (one and slopes is None and _is_depthwise(inputs, cotangent, size, windows, groups)):
        return reference.kernel_gradient(inputs, cotangent, windows, groups, slopes, per_example, gate)
    total = np.zeros((math.prod(windows.size), groups), inputs.dtype)
    _gradient(as_images(inputs), total, as_images(cotangent[0]), *axis_numbers(windows))
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
