"""Convolution by blocks of patches that fit into the cache.

Arrays are `(batch, *spatial, channels)`; a kernel, flattened, is `(cells * channels / groups, filters)`.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nnlite.arrays import depthwise
from nnlite.arrays.depthwise import Gate, gated_blocks
from nnlite.arrays.windows import Windows, blocks_of, cells

FEW_CHANNELS = 5  # fewer make runs too short to copy: patches are then laid out cell by cell


def convolve(
    inputs: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    after: Callable[[np.ndarray, depthwise.Part], None] | None = None,
) -> np.ndarray:
    """outputs[n, o, f] = sum over cells k and channels c of inputs[n, o * stride + k * dilation, c] * kernel[k, c, f].

    Args:
        after: a function of each block of outputs, which it may change, and of the block's position in the outputs.
    """
    if groups == inputs.shape[-1] > 1:
        return depthwise.convolve(inputs, kernel, windows, after)
    rows = math.prod(windows.size) * inputs.shape[-1] // groups
    matrices = kernel.reshape(rows, groups, -1).swapaxes(0, 1)
    shape = (len(inputs), *windows.outputs, groups * matrices.shape[-1])
    outputs = np.empty(shape, np.result_type(inputs, kernel))
    for images, lines, patches in _patches(inputs, windows, groups):
        block = outputs[images, lines]
        np.matmul(patches, matrices, out=_rows(block, groups))
        if after is not None:
            after(block, (images, lines))
    return outputs


def spread(
    cotangent: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    slopes: np.ndarray | None = None,
    gate: Gate = np.multiply,
) -> np.ndarray:
    """The transpose of `convolve` with respect to its inputs: each window is added to the cells that it was taken from.

    Args:
        slopes: what the cotangent is multiplied by first, block by block, in the shape of the outputs.
        gate: multiplies a block of the cotangent by its slopes; `np.multiply`, or a kernel that does the same.
    """
    filters, count = cotangent.shape[-1], math.prod(windows.size)
    matrices = kernel.reshape(count, -1, groups, filters // groups).transpose(0, 2, 3, 1)
    channels = groups * matrices.shape[-1]
    if groups == channels > 1:
        return depthwise.spread(cotangent, kernel, windows, groups, slopes, gate)
    matrices = np.ascontiguousarray(matrices)
    dtype = np.result_type(cotangent, kernel)
    result = np.zeros((len(cotangent), *windows.inputs, channels), dtype)
    buffer = None
    for images, lines, block in gated_blocks(cotangent, windows, count * channels * dtype.itemsize, slopes, gate):
        rows = _rows(block, groups)
        buffer = np.empty(count * rows.shape[1] * channels, dtype) if buffer is None else buffer
        parts = buffer[: count * rows.shape[1] * channels].reshape(count, -1, groups, matrices.shape[-1])
        np.matmul(rows, matrices, out=parts.swapaxes(1, 2))
        parts = parts.reshape(count, *block.shape[:-1], channels)
        for part, (target, source) in zip(parts, cells(windows, lines.start, lines.stop), strict=True):
            result[(images, *source)] += part[(slice(None), *target)]
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
    """The transpose of `convolve` with respect to its kernel; `slopes` and `gate` as in `spread`.

    Shape: inputs `(batch, *spatial, channels)`, cotangent `(seeds, batch, *windows, filters)` ->
    `(seeds, cells * channels / groups, filters)`, or with one axis more, the batch, after seeds.
    """
    if groups == inputs.shape[-1] > 1:
        return depthwise.kernel_gradient(inputs, cotangent, windows, slopes, per_example, gate)
    seeds, batch, filters = len(cotangent), len(inputs), cotangent.shape[-1]
    length, width = math.prod(windows.size) * inputs.shape[-1] // groups, filters // groups
    shape = (seeds, batch if per_example else 1, groups, length, width)
    total = np.zeros(shape, np.result_type(inputs, cotangent))
    for images, lines, patches in _patches(inputs, windows, groups):
        examples, rows = (images.stop - images.start, images) if per_example else (1, slice(None))
        left = patches.reshape(groups, examples, -1, length).transpose(1, 0, 3, 2)
        block = cotangent[:, images, lines]
        if slopes is not None:
            block = gate(block, slopes[images, lines])
        total[:, rows] += np.matmul(left, block.reshape(seeds, examples, -1, groups, width).swapaxes(2, 3))
    total = total.swapaxes(2, 3).reshape(*shape[:2], length, filters)
    return total if per_example else total[:, 0]


def _rows(block, groups):
    """`(images, ..., features)` as `(groups, rows, features / groups)`."""
    return block.reshape(-1, groups, block.shape[-1] // groups).swapaxes(0, 1)


def _patches(inputs, windows, groups):
    """Yields images, windows along the first axis, and their patches `(groups, windows, cells * channels)`."""
    axes, channels = len(windows.size), inputs.shape[-1] // groups
    length = math.prod(windows.size) * channels
    places, parts = tuple(range(axes + 1)), (*range(axes + 1, 2 * axes + 1), 2 * axes + 2)
    by_cell = channels < FEW_CHANNELS
    order = (2 * axes + 1, *parts, *places) if by_cell else (2 * axes + 1, *places, *parts)
    blocks = list(blocks_of(len(inputs), windows, length * groups * inputs.itemsize))
    if not blocks:
        return
    largest = (blocks[0][0].stop, blocks[0][1].stop, *windows.outputs[1:])
    buffer = np.empty(math.prod(largest) * length * groups, inputs.dtype)
    source, inside = _padding(inputs, windows, largest[0]) if windows.padded else (inputs, None)
    covered = _windows_of(source, windows, groups)
    for images, lines in blocks:
        part = images
        if inside is not None:
            part = slice(images.stop - images.start)
            inside[part] = inputs[images]
        patches = covered[part, lines].transpose(order)
        if not patches.flags.c_contiguous:
            copied = buffer[: patches.size].reshape(patches.shape)
            copied[...] = patches
            patches = copied
        rows = patches.reshape((groups, length, -1) if by_cell else (groups, -1, length))
        yield images, lines, rows.swapaxes(1, 2) if by_cell else rows


def _padding(inputs, windows, images):
    """Zeros that `images` padded images fit in, and the part of them where the images go."""
    axes = zip(windows.needed, windows.inputs, windows.before, strict=True)
    lengths = [max(needed, length + before) for needed, length, before in axes]
    zeros = np.zeros((images, *lengths, inputs.shape[-1]), inputs.dtype)
    inside = [slice(first, first + n) for first, n in zip(windows.before, windows.inputs, strict=True)]
    return zeros, zeros[(slice(None), *inside)]


def _windows_of(source, windows, groups):
    """The view `(batch, *outputs, *size, groups, channels / groups)` of all windows of padded images."""
    batch, *_, channels = source.shape
    first, *spatial, last = source.strides
    jumps = [stride * step for stride, step in zip(spatial, windows.strides, strict=True)]
    steps = [stride * step for stride, step in zip(spatial, windows.dilation, strict=True)]
    shape = (batch, *windows.outputs, *windows.size, groups, channels // groups)
    return as_strided(source, shape, (first, *jumps, *steps, last * (channels // groups), last), writeable=False)
