"""Windows over the spatial axes of images: their positions, the cells they cover, and iteration over them in blocks."""

import functools
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple, overload

from nnlite.arrays.types import Shape

BLOCK_BYTES = 2**20  # of patches at a time; those of a whole batch of images leave the cache and cost 1.6x the time


class Windows(NamedTuple):
    """Positions of windows, one number per spatial axis.

    Window `o` covers the input cells `o * strides + cell * dilation - before` for `cell` in `range(size)`; those
    outside the input are padding.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]

    @property
    def needed(self) -> tuple[int, ...]:
        """Lengths up to the last cell of the last window, padding in front included."""
        axes = zip(self.outputs, self.size, self.strides, self.dilation, strict=True)
        return tuple((count - 1) * stride + (size - 1) * dilation + 1 for count, size, stride, dilation in axes)

    @property
    def padded(self) -> bool:
        """Whether any window reaches outside the input."""
        ends = zip(self.needed, self.before, self.inputs, strict=True)
        return any(self.before) or any(needed - before > length for needed, before, length in ends)

    @property
    def tiling(self) -> bool:
        """Whether every input cell lies in one window, and no window reaches outside."""
        covered = tuple(count * size for count, size in zip(self.outputs, self.size, strict=True))
        return covered == self.inputs and self.size == self.strides and not self.padded

    @property
    def disjoint(self) -> bool:
        """Whether no input cell lies in two windows."""
        axes = zip(self.size, self.strides, self.dilation, strict=True)
        return all((size - 1) * dilation < stride for size, stride, dilation in axes)


@overload
def window_count(length: int, size: int, stride: int, dilation: int, padding: str) -> int: ...
@overload
def window_count(length: int | None, size: int, stride: int, dilation: int, padding: str) -> int | None: ...
def window_count(length: int | None, size: int, stride: int, dilation: int, padding: str) -> int | None:
    """Number of windows along one axis; None for an unknown length; below 1 if none fits."""
    if length is None:
        return None
    reach = 0 if padding in ("same", "causal") else (size - 1) * dilation
    return (length - reach - 1) // stride + 1


@functools.lru_cache(maxsize=1024)
def place_windows(
    lengths: Shape, size: Shape, strides: Shape, padding: str = "valid", dilation: Shape | None = None
) -> Windows:
    """Windows over an input of `lengths`; trailing cells that do not fill a window are left out.

    Args:
        padding: `valid` for none, `same` for `ceil(length / stride)` windows, with the odd cell of padding at the
            end, `causal` for all padding in front.
    """
    dilation = dilation or (1,) * len(size)
    counts, before = [], []
    for length, cells, stride, step in zip(lengths, size, strides, dilation, strict=True):
        count, reach = window_count(length, cells, stride, step, padding), (cells - 1) * step
        counts.append(count)
        missing = max((count - 1) * stride + reach + 1 - length, 0)
        before.append({"valid": 0, "same": missing // 2, "causal": reach}[padding])
    return Windows(lengths, tuple(counts), size, strides, dilation, tuple(before))


@functools.lru_cache(maxsize=1024)
def cells(windows: Windows, start: int = 0, stop: int | None = None) -> list[tuple]:
    """For each cell of a window: the windows, as slices, in which it is not padding, and its position in the input.

    Args:
        start, stop: windows of the first axis to look at; their slices count from `start`.
    """
    ranges: list[tuple[int, ...]] = [(0, count) for count in windows.outputs]
    ranges[0] = (start, windows.outputs[0] if stop is None else stop)
    along = [_cells_of_axis(*axis, *ends) for axis, ends in zip(zip(*windows, strict=True), ranges, strict=True)]
    return [tuple(zip(*cell, strict=True)) for cell in itertools.product(*along)]


def _cells_of_axis(length, _, size, stride, dilation, before, start, stop):
    pairs = []
    for offset in range(-before, size * dilation - before, dilation):
        first, last = max(start, -(offset // stride)), min(stop, (length - 1 - offset) // stride + 1)
        inside = (slice(first - start, last - start), slice(first * stride + offset, last * stride + offset, stride))
        pairs.append(inside if first < last else (slice(0, 0), slice(0, 0)))
    return pairs


def blocks_of(batch: int, windows: Windows, bytes_per_window: int) -> Iterator[tuple[slice, slice]]:
    """Slices of images and of windows along the first axis: several whole images, or part of one."""
    lines = windows.outputs[0]
    bytes_per_line = bytes_per_window * math.prod(windows.outputs[1:])
    images = max(1, BLOCK_BYTES // (bytes_per_line * lines))
    step = lines if images > 1 else min(lines, max(1, BLOCK_BYTES // bytes_per_line))
    for first in range(0, batch, images):
        for line in range(0, lines, step):
            yield slice(first, min(first + images, batch)), slice(line, min(line + step, lines))
