"""Convolution of float32 images, block by block, by products that read the images in place."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from nnlite.arrays.depthwise import Gate
from nnlite.arrays.windows import BLOCK_BYTES, Windows
from nnlite.kernels.compiled.direct.blocks import (
    convolve_block,
    convolve_each,
    gradient_block,
    gradient_of_each,
    whole_vectors,
)
from nnlite.kernels.compiled.direct.runs import runs_back, runs_over
from nnlite.kernels.compiled.windows import as_images, axis_numbers

__all__ = ["convolve_directly", "gradient_directly", "spread_directly"]


def convolve_directly(
    inputs: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    after: Callable[[np.ndarray, tuple[slice, slice]], None] | None = None,
) -> np.ndarray:
    """As `nnlite.arrays.patches.convolve`."""
    cells = kernel.reshape(math.prod(windows.size), inputs.shape[-1] // groups, -1)
    filters = cells.shape[-1]
    alone = _stand_alone(groups, cells.shape[1], filters)
    matrices = _each_kernel(kernel, windows) if alone else _by_group(cells, groups)
    outputs = np.empty((len(inputs), *windows.outputs, filters), inputs.dtype)
    for images, source in _in_blocks(inputs, windows, filters, pads=not alone):
        block = outputs[images]
        if alone:
            convolve_each(as_images(source), matrices, as_images(block), *_runs(windows))
        else:
            _convolve(source, matrices, block, windows)
        if after is not None:
            after(block, (images, slice(0, windows.outputs[0])))
    return outputs


def spread_directly(
    cotangent: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    groups: int = 1,
    slopes: np.ndarray | None = None,
    gate: Gate = np.multiply,
) -> np.ndarray:
    """As `nnlite.arrays.patches.spread`: a convolution with the reversed kernel, with strides of 1.

    Those of separate channels may be any.
    """
    parts = kernel.reshape(math.prod(windows.size), -1, groups, cotangent.shape[-1] // groups)
    if _stand_alone(groups, parts.shape[1], cotangent.shape[-1]):
        result = np.empty((len(cotangent), *windows.inputs, groups), cotangent.dtype)
        for images, source in _in_blocks(cotangent, windows, groups, slopes, gate, pads=False):
            matrices = _each_kernel(kernel, windows)
            convolve_each(as_images(source), matrices, as_images(result[images]), *_runs(windows, back=True))
        return result
    back = _way_back(windows)
    reversed_kernel = parts[::-1].transpose(0, 3, 2, 1)  # (cells, filters of a group, groups, channels of it)
    matrices = _by_group(reversed_kernel.reshape(*reversed_kernel.shape[:2], -1), groups)
    result = np.empty((len(cotangent), *windows.inputs, reversed_kernel[0, 0].size), cotangent.dtype)
    for images, source in _in_blocks(cotangent, back, result.shape[-1], slopes, gate):
        _convolve(source, matrices, result[images], back)
    return result


def gradient_directly(
    inputs: np.ndarray,
    cotangent: np.ndarray,
    windows: Windows,
    groups: int = 1,
    slopes: np.ndarray | None = None,
    gate: Gate = np.multiply,
) -> np.ndarray:
    """As `nnlite.arrays.patches.kernel_gradient`, of a cotangent without seeds."""
    count, channels, filters = math.prod(windows.size), inputs.shape[-1] // groups, cotangent.shape[-1] // groups
    alone = _stand_alone(groups, channels, cotangent.shape[-1])
    size, strides, dilation, before = axis_numbers(windows)
    shape = (*size, groups) if alone else (groups, count, channels, whole_vectors(filters))
    total = np.zeros(shape, inputs.dtype)
    for images, source in _in_blocks(inputs, windows, cotangent.shape[-1], pads=not alone):
        block = cotangent[images]
        block = block if slopes is None else gate(block, slopes[images])
        if alone:
            numbers = strides[0], dilation[0], before[0], _runs(windows)[1]
            gradient_of_each(as_images(source), as_images(np.ascontiguousarray(block)), total, *numbers)
            continue
        padded = _padded(block.reshape(*block.shape[:-1], groups, filters), total.shape[-1])
        gradient_block(as_images(source), as_images(padded, 5), total, size, strides, dilation, before[0])
    if alone:
        return total.reshape(count, groups)
    gradient = total[..., :filters].transpose(1, 2, 0, 3)
    return gradient.reshape(count * channels, groups * filters)


def _convolve(source, matrices, block, windows):
    """The convolution of a block, by way of an array with whole vectors of filters where there are others."""
    size, strides, dilation, before = axis_numbers(windows)
    groups, filters = len(matrices), matrices.shape[-1]
    width = block.shape[-1] // groups
    shape = (*block.shape[:-1], groups, filters)
    outputs = block.reshape(shape) if width == filters else np.empty(shape, block.dtype)
    convolve_block(as_images(source), matrices, as_images(outputs, 5), size, strides, dilation, before[0])
    if width < filters:
        block.reshape(*shape[:-1], width)[...] = outputs[..., :width]


def _by_group(cells, groups):
    """`(cells, channels, groups * filters)` as `(groups, cells, channels, whole vectors of filters)`."""
    count, channels, filters = cells.shape
    parts = cells.reshape(count, channels, groups, filters // groups).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(_padded(parts, whole_vectors(parts.shape[-1])))


def _stand_alone(groups, channels, filters):
    """Whether a group has one channel and one filter."""
    return groups > 1 and channels == 1 and filters == groups


def _each_kernel(kernel, windows):
    """A kernel whose channels are separate, `(lines of cells, cells, channels)`."""
    return np.ascontiguousarray(kernel.reshape(-1, windows.size[-1], kernel.size // math.prod(windows.size)))


def _runs(windows, back=False):
    """The runs along lines and along columns; a single axis counts as columns."""
    along = runs_back if back else runs_over
    lengths = (windows.outputs, windows.inputs) if back else (windows.inputs, windows.outputs)
    missing = (1,) * (2 - len(windows.size))
    return [
        along(*numbers) for numbers in zip(*(missing + part for part in lengths), *axis_numbers(windows), strict=True)
    ]


def _padded(array, width):
    """The array with zeros behind its last axis, up to a length of `width`."""
    if array.shape[-1] == width:
        return array
    longer = np.zeros((*array.shape[:-1], width), array.dtype)
    longer[..., : array.shape[-1]] = array
    return longer


def _way_back(windows):
    """The windows of a convolution with strides of 1 that leads from cotangents to inputs."""
    axes = zip(windows.size, windows.dilation, windows.before, strict=True)
    before = tuple((size - 1) * dilation - front for size, dilation, front in axes)
    return windows._replace(inputs=windows.outputs, outputs=windows.inputs, before=before)


def _in_blocks(
    inputs, windows, filters, slopes=None, gate: Gate = np.multiply, *, pads=True
) -> Iterator[tuple[slice, np.ndarray]]:
    """Positions of some images at a time, and these, multiplied by their slopes, with columns of padding or without."""
    length, before = windows.inputs[-1], windows.before[-1]
    width = max(windows.needed[-1], before + length)
    per_image = inputs.itemsize * max(math.prod(inputs.shape[1:]), math.prod(windows.outputs) * filters)
    step = max(1, min(len(inputs), BLOCK_BYTES // per_image))
    zeros = (
        np.zeros((step, *inputs.shape[1:-2], width, inputs.shape[-1]), inputs.dtype)
        if pads and width > length
        else None
    )
    for first in range(0, len(inputs), step):
        images = slice(first, min(first + step, len(inputs)))
        source = inputs[images] if slopes is None else gate(inputs[images], slopes[images])
        if zeros is not None:
            zeros[: len(source), ..., before : before + length, :] = source
            source = zeros[: len(source)]
        yield images, source
