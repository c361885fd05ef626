"""Convolution at inference: three algorithms built from matrix products, on preallocated memory.

The outputs are computed by tiles. Where a pooling follows, a tile is one of its windows, so that the largest value of
a window is the maximum over the positions of a tile, the first axis: values are `(places, tiles, filters)`. Outputs
that the pooling leaves out are not computed at all.

A bias costs no pass over memory: it is one more row of the kernel, for which each patch gets an additional one.
"""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nnlite.arrays.patches import convolve
from nnlite.arrays.types import Shape
from nnlite.arrays.windows import Windows

__all__ = ["Algorithm", "Memory", "Patches", "Spans", "Transforms", "choose_algorithm"]

# Winograd's F(2, 3): two outputs of a window of three cells from four products in place of six.
INPUT_SUMS = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
KERNEL_SUMS = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2
OUTPUT_SUMS = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
# Fewer channels or filters do not pay for the transforms; more channels make runs long enough to copy patches.
LEAST_CHANNELS, LEAST_FILTERS, FEW_CHANNELS = 16, 32, 4


class Memory(NamedTuple):
    """The arrays an algorithm works on: inputs are copied to `target`, then each `(left, right, out)` is multiplied."""

    target: np.ndarray
    products: list[tuple]
    values: np.ndarray


class Algorithm(ABC):
    """Base of the algorithms.

    Args:
        kernel: `(*size, channels, filters)`.
        bias: `(filters,)`, or None.
        tile: number of outputs of a tile along each axis.
        strides, dilation: of the windows, along each axis.
        dtype: of the outputs.

    Attributes:
        places: number of outputs of a tile.
        numbers_per_tile: how many numbers of the memory belong to a tile.
    """

    numbers_per_tile: int

    def __init__(
        self, kernel: np.ndarray, bias: np.ndarray | None, tile: Shape, strides: Shape, dilation: Shape, dtype: np.dtype
    ) -> None:
        self.tile, self.strides, self.dilation, self.dtype = tile, strides, dilation, dtype
        *size, self.channels, self.filters = kernel.shape
        self.size = tuple(size)
        self.places = math.prod(tile)
        self.ones = int(bias is not None)

    @property
    def span(self) -> tuple[int, ...]:
        """Number of input cells that a tile depends on, along each axis."""
        return self.needed((1,) * len(self.tile))

    def needed(self, counts: Shape) -> tuple[int, ...]:
        """Number of input cells that this many tiles depend on, along each axis."""
        axes = zip(counts, self.tile, self.size, self.strides, self.dilation, strict=True)
        return tuple((count * side - 1) * stride + (size - 1) * step + 1 for count, side, size, stride, step in axes)

    @abstractmethod
    def view(self, source: np.ndarray, counts: Shape) -> np.ndarray:
        """View of the cells of `source` that tiles depend on, channels last, in the shape of the memory's target."""

    @abstractmethod
    def memory(self, images: int, counts: Shape, values: np.ndarray | None = None) -> Memory:
        """Arrays for `images` images of `counts` tiles each; `values` is the outputs' own array, if known."""

    def _covered(self, source: np.ndarray, counts: Shape, *groups: tuple[Shape, Shape]) -> np.ndarray:
        """The view `(batch, *counts, ..., channels)` of all tiles, with the lengths and steps of each group between."""
        first, *along, last = source.strides
        groups = ((counts, tuple(map(math.prod, zip(self.tile, self.strides, strict=True)))), *groups)
        shape = [length for lengths, _ in groups for length in lengths]
        strides = [stride * step for _, steps in groups for stride, step in zip(along, steps, strict=True)]
        return as_strided(source, (len(source), *shape, self.channels), (first, *strides, last), writeable=False)

    def _values(self, rows: int, values: np.ndarray | None) -> np.ndarray:
        """`values`, or else a new array `(places, rows, filters)`."""
        return np.empty((self.places, rows, self.filters), self.dtype) if values is None else values


class Patches(Algorithm):
    """Each patch as a row, times the kernel: for any windows."""

    def __init__(
        self, kernel: np.ndarray, bias: np.ndarray | None, tile: Shape, strides: Shape, dilation: Shape, dtype: np.dtype
    ) -> None:
        super().__init__(kernel, bias, tile, strides, dilation, dtype)
        self.length = math.prod(kernel.shape[:-1])
        self.kernel = _above(kernel.reshape(self.length, -1), bias).astype(dtype)
        self.numbers_per_tile = self.places * (len(self.kernel) + self.filters)

    def view(self, source: np.ndarray, counts: Shape) -> np.ndarray:
        axes = len(self.tile)
        covered = self._covered(source, counts, (self.tile, self.strides), (self.size, self.dilation))
        places = range(axes + 1, 2 * axes + 1)
        return covered.transpose(*places, *range(axes + 1), *range(2 * axes + 1, covered.ndim))

    def memory(self, images: int, counts: Shape, values: np.ndarray | None = None) -> Memory:
        rows = images * math.prod(counts)
        values = self._values(rows, values)
        patches = np.ones((self.places, rows, self.length + self.ones), self.dtype)
        shape = (*self.tile, images, *counts, *self.size, self.channels)
        return Memory(patches[..., : self.length].reshape(shape), [(patches, self.kernel, values)], values)


class Spans(Algorithm):
    """All cells that a tile depends on, times a zero-padded kernel for each position: for few channels.

    Neighboring patches share most of their cells: a tile copies 16 in place of 4 * 9. Cells stand first, so that
    runs are as long as a line of tiles.
    """

    def __init__(
        self, kernel: np.ndarray, bias: np.ndarray | None, tile: Shape, strides: Shape, dilation: Shape, dtype: np.dtype
    ) -> None:
        super().__init__(kernel, bias, tile, strides, dilation, dtype)
        self.length = math.prod(self.span) * self.channels
        windows = Windows(self.span, tile, self.size, strides, dilation, (0,) * len(tile))
        units = np.eye(self.length).reshape(self.length, *self.span, self.channels)
        kernels = convolve(units, kernel, windows).reshape(self.length, self.places, -1)
        self.kernels = _above(kernels.swapaxes(0, 1), bias).astype(dtype)
        self.numbers_per_tile = self.kernels.shape[1] + self.places * self.filters

    def view(self, source: np.ndarray, counts: Shape) -> np.ndarray:
        axes = len(self.tile)
        covered = self._covered(source, counts, (self.span, (1,) * axes))
        return covered.transpose(*range(axes + 1, covered.ndim), *range(axes + 1))

    def memory(self, images: int, counts: Shape, values: np.ndarray | None = None) -> Memory:
        rows = images * math.prod(counts)
        values = self._values(rows, values)
        spans = np.ones((self.length + self.ones, rows), self.dtype)
        shape = (*self.span, self.channels, images, *counts)
        return Memory(spans[: self.length].reshape(shape), [(spans.T, self.kernels, values)], values)


class Transforms(Algorithm):
    """Winograd's minimal filtering: sums of inputs times sums of the kernel, 16 products for 4 outputs instead of 36.

    For windows of 3 x 3 at stride 1, in tiles of 2 x 2. The sums before and after are matrix products too.

    Reference: Lavin & Gray 2015, arXiv:1509.09308.
    """

    def __init__(
        self, kernel: np.ndarray, bias: np.ndarray | None, tile: Shape, strides: Shape, dilation: Shape, dtype: np.dtype
    ) -> None:
        super().__init__(kernel, bias, tile, strides, dilation, dtype)
        self.bias = bias
        input_sums, kernel_sums, output_sums = (
            np.kron(matrix, matrix) for matrix in (INPUT_SUMS, KERNEL_SUMS, OUTPUT_SUMS)
        )
        self.sums = len(input_sums)
        self.input_sums = input_sums.astype(dtype)
        self.kernel = np.tensordot(kernel_sums, kernel.reshape(kernel_sums.shape[1], self.channels, -1), 1).astype(
            dtype
        )
        self.output_sums = np.hstack([output_sums, np.ones((self.places, self.ones))]).astype(dtype)
        self.numbers_per_tile = self.sums * (2 * self.channels + self.filters) + self.places * self.filters

    def view(self, source: np.ndarray, counts: Shape) -> np.ndarray:
        axes = len(self.tile)
        covered = self._covered(source, counts, (self.span, (1,) * axes))
        return covered.transpose(*range(axes + 1, 2 * axes + 1), *range(axes + 1), covered.ndim - 1)

    def memory(self, images: int, counts: Shape, values: np.ndarray | None = None) -> Memory:
        rows = images * math.prod(counts)
        values = self._values(rows, values)
        spans, summed = np.empty((2, self.sums, rows, self.channels), self.dtype)
        parts = np.empty((self.sums + self.ones, rows, self.filters), self.dtype)
        if self.ones:
            parts[-1] = self.bias
        products = [
            (self.input_sums, spans.reshape(self.sums, -1), summed.reshape(self.sums, -1)),
            (summed, self.kernel, parts[: self.sums]),
            (self.output_sums, parts.reshape(len(parts), -1), values.reshape(self.places, -1)),
        ]
        return Memory(spans.reshape(*self.span, images, *counts, self.channels), products, values)


def choose_algorithm(
    kernel: np.ndarray, bias: np.ndarray | None, pool: Shape | None, strides: Shape, dilation: Shape, dtype: np.dtype
) -> Algorithm:
    """The fastest of the three for a kernel `(*size, channels, filters)`, in tiles of `pool`, or singly if None.

    Kernel and bias are float64, and rounded once.
    """
    *size, channels, filters = kernel.shape
    ones = (1,) * len(size)
    if channels < FEW_CHANNELS and dilation == ones:
        return Spans(kernel, bias, pool or ones, strides, dilation, dtype)
    fits = size == [3, 3] and strides == dilation == ones and pool in (None, (2, 2))
    if fits and channels >= LEAST_CHANNELS and filters >= LEAST_FILTERS:
        return Transforms(kernel, bias, (2, 2), strides, dilation, dtype)
    return Patches(kernel, bias, pool or ones, strides, dilation, dtype)


def _above(kernel: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """`kernel` with the bias as its last row."""
    if bias is None:
        return kernel
    return np.concatenate([kernel, np.broadcast_to(bias, (*kernel.shape[:-2], 1, len(bias)))], axis=-2)
