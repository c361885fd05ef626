"""The stages of a prediction.

Each stage has `prepare(x, fixed)`, which makes ready for batches shaped like x and returns a `Prepared`. `fixed` says
that all later batches will lie in the memory of x, so that views of it can be made beforehand.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.contraction import multiply, rows_of_pieces
from nnlite.arrays.windows import Windows, cells
from nnlite.inference.conv_algorithms import choose_algorithm
from nnlite.kernels import aligned_zeros
from nnlite.layers import Layer
from nnlite.layers.base.simplified import Activated, Affine, Convolution, Pooling, Product, Step, View
from nnlite.layers.pooling.pooling import inverse_counts

__all__ = ["Prepared", "Stage", "stage_of", "starts_of"]

BLOCK_BYTES = 2**20  # of what a convolution works on at a time
WHOLE_ROWS = 256  # at once where layers run unchanged: their intermediate results would not fit into the cache
DENSE_ROWS = 512  # more leave the cache, fewer make short products


class Prepared(NamedTuple):
    """A stage that is ready for batches of one shape.

    Args:
        run: `run(x, out)` returns the outputs, in `out` or else in an array of their own.
        out: memory for the outputs; None for a stage that cannot use it.
    """

    run: Callable
    out: np.ndarray | None = None


class Stage:
    """Interface that `Predictor` needs of a stage.

    Attributes:
        may_alias: whether outputs may lie in memory that is not theirs alone.
        rows: as many at once as the cache holds what they need.
    """

    may_alias = False
    rows: float = math.inf  # an integer where it is finite

    def prepare(self, x: Any, fixed: bool) -> Prepared:
        """Prepare a run for arrays like `x`, and the memory for its outputs; `fixed`: whether `x` stays in place."""
        raise NotImplementedError


class _Dense(Stage):
    """activation(x @ kernel + bias)."""

    def __init__(self, step: Product, dtype: np.dtype) -> None:
        self.kernel: np.ndarray = aligned_zeros(step.kernel.size, dtype).reshape(step.kernel.shape)
        self.kernel[...] = step.kernel
        self.bias = None if step.bias is None else step.bias.astype(dtype)
        self.activation = step.activation
        stacked = self.kernel.ndim == 3
        self.multiply = _multiply_members if stacked else None if step.matrix else np.matmul
        # A kernel that does not fit into the cache would be read once more for each piece.
        self.rows = DENSE_ROWS if (stacked or step.matrix) and self.kernel.nbytes <= BLOCK_BYTES else math.inf

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        kernel, bias, shape = self.kernel, self.bias, (*x.shape[:-1], self.kernel.shape[-1])
        out = aligned_zeros(math.prod(shape), kernel.dtype).reshape(shape)
        product = self.multiply or (multiply if rows_of_pieces(len(x), kernel) else np.dot)
        activate = None if self.activation is None else self.activation.in_place(out)

        def run(x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
            outputs = product(x, kernel, out=out)
            if bias is not None:
                np.add(outputs, bias, outputs)
            return outputs if activate is None else activate(outputs)

        return Prepared(run, out)

    def __repr__(self) -> str:
        return f"Product{self.kernel.shape}"


def _multiply_members(x: np.ndarray, kernel: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """Each member's rows, `(batch, members, features)`, times the kernel of that member."""
    out = np.empty((*x.shape[:-1], kernel.shape[-1]), kernel.dtype) if out is None else out
    np.matmul(x.swapaxes(0, 1), kernel, out=out.swapaxes(0, 1))
    return out


class _Scale(Stage):
    """x * scale + shift."""

    def __init__(self, step: Affine, dtype: np.dtype) -> None:
        self.scale, self.shift = step.scale.astype(dtype), step.shift.astype(dtype)

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        return Prepared(self._run, np.empty_like(x))

    def _run(self, x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        out = np.multiply(x, self.scale, out=out)
        return np.add(out, self.shift, out)

    def __repr__(self) -> str:
        return "Affine"


class _Convolution(Stage):
    """activation(largest of each window of the pooling, if there is one, of convolution + bias)."""

    def __init__(self, step: Convolution, dtype: np.dtype) -> None:
        self.layer, self.pool, self.activation = step.layer, step.pool, step.activation
        _, strides, dilation = self.layer.geometry
        self.algorithm = choose_algorithm(step.kernel, step.bias, step.pool, strides, dilation, np.dtype(dtype))
        lengths = self.layer.spatial(self.layer.input_shape)
        self.rows = WHOLE_ROWS if None in lengths else max(1, BLOCK_BYTES // self._bytes(self._counts(lengths)[0]))

    def _counts(self, lengths: tuple[int, ...]) -> tuple[tuple[int, ...], Windows]:
        """Tiles along each axis of images of these lengths, and the windows of the convolution."""
        windows = self.layer.windows(lengths, *self.layer.geometry)
        beyond = 0 if self.pool else 1  # pooling leaves out what fills no window
        axes = zip(windows.outputs, self.algorithm.tile, strict=True)
        return tuple((count + beyond * (side - 1)) // side for count, side in axes), windows

    def _bytes(self, counts: tuple[int, ...]) -> int:
        """Of the memory for an image."""
        return max(1, math.prod(counts) * self.algorithm.numbers_per_tile * self.algorithm.dtype.itemsize)

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        layer, algorithm = self.layer, self.algorithm
        images = layer.to_channels_last(x)
        counts, windows = self._counts(images.shape[1:-1])
        source, inside = _source(images, windows, algorithm.needed(counts), fixed)
        out = np.empty((len(x), *(counts if self.pool else windows.outputs), algorithm.filters), algorithm.dtype)
        compute = self._in_blocks(source, out, counts)
        ordered = np.moveaxis(out, -1, 1) if layer.channels_first else out

        def run(x: np.ndarray, wanted: np.ndarray | None) -> np.ndarray:
            if inside is not None:
                np.copyto(inside, layer.to_channels_last(x))
            compute()
            return ordered if wanted is ordered else ordered.copy()

        return Prepared(run, ordered)

    def _in_blocks(self, source: np.ndarray, out: np.ndarray, counts: tuple[int, ...]) -> Callable[[], None]:
        """The function that computes `out` from `source`, in blocks of images or of tile lines of an image.

        Blocks have one size, so that they share memory; the last one begins inside the one before it.
        """
        algorithm, batch, total = self.algorithm, len(out), counts[0]
        images = min(batch, max(1, BLOCK_BYTES // self._bytes(counts)))
        lines = min(total, max(1, BLOCK_BYTES // self._bytes(counts[1:]))) if images == 1 else total
        counts = (lines, *counts[1:])
        in_out = (images, lines, algorithm.places) == (batch, total, 1)  # the products are the outputs
        memory = algorithm.memory(images, counts, out.reshape(1, -1, algorithm.filters) if in_out else None)
        values = memory.values.reshape(*algorithm.tile, images, *counts, algorithm.filters)
        side, jump = 1 if self.pool else algorithm.tile[0], algorithm.tile[0] * algorithm.strides[0]
        blocks = []
        for first, line in itertools.product(starts_of(batch, images), starts_of(total, lines)):
            part = out[first : first + images, line * side : (line + lines) * side]
            finish = [] if in_out else self._finish(values, part)
            blocks.append((algorithm.view(source[first : first + images, line * jump :], counts), finish, part))
        activate = self.activation.in_place(blocks[0][-1]) if blocks and self.activation is not None else None

        def compute() -> None:
            for view, finish, part in blocks:
                np.copyto(memory.target, view)
                for left, right, product in memory.products:
                    np.matmul(left, right, out=product)
                for move, *arguments in finish:
                    move(*arguments)
                if activate is not None:
                    activate(part)

        return compute

    def _finish(self, values: np.ndarray, part: np.ndarray) -> list[tuple]:
        """Finishing steps, functions and their arguments, that bring a block to its part of the outputs."""
        tile = self.algorithm.tile
        if self.pool:
            return [(np.maximum.reduce, values.reshape(math.prod(tile), -1), 0, None, part.reshape(-1))]
        copies = []
        for offset in np.ndindex(*tile):
            inside = part[(slice(None), *(slice(first, None, side) for first, side in zip(offset, tile, strict=True)))]
            copies.append((np.copyto, inside, values[offset][tuple(map(slice, inside.shape))]))
        return copies

    def __repr__(self) -> str:
        pool = f", pool={self.pool}" if self.pool else ""
        return f"Convolution({self.algorithm.size}, {self.algorithm.channels}, {self.algorithm.filters}{pool})"


def starts_of(total: int, length: int) -> list[int]:
    """Starts of pieces of equal length that cover `total`."""
    return [*range(0, total - length, length), total - length] if total else []


def _source(
    images: np.ndarray, windows: Windows, needed: tuple[int, ...], fixed: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Memory that all tiles lie in, and the part of it that images are copied to; None if they lie there already."""
    axes = list(zip(needed, windows.inputs, windows.before, strict=True))
    if fixed and not any(windows.before) and all(wanted <= length for wanted, length, _ in axes):
        return images, None
    lengths = [max(wanted, length + before) for wanted, length, before in axes]
    source = np.zeros((len(images), *lengths, images.shape[-1]), images.dtype)
    return source, source[(slice(None), *(slice(before, before + length) for _, length, before in axes))]


class _Pooling(Stage):
    """The largest or the mean of each window."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        layer: Any = self.layer
        windows = layer.windows(layer.spatial(x.shape), *layer.geometry)
        rest = (slice(None),) * layer.trailing
        places = [((..., *target, *rest), (..., *source, *rest)) for target, source in cells(windows)]
        combine, first = (np.add, 0) if layer.average else (np.maximum, -np.inf)
        weight = np.asarray(inverse_counts(windows, x.dtype, layer.trailing), x.dtype) if layer.average else None

        def run(x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
            out = np.empty(layer.with_spatial(x.shape, windows.outputs), x.dtype) if out is None else out
            out[...] = first
            for target, source in places:
                combine(out[target], x[source], out=out[target])
            return out if weight is None else np.multiply(out, weight, out)

        return Prepared(run, np.empty(layer.with_spatial(x.shape, windows.outputs), x.dtype))

    def __repr__(self) -> str:
        return repr(self.layer)


class _View(Stage):
    """The same numbers in another shape."""

    may_alias = True

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        shape = (len(x), *self.layer.output_shape[1:])
        return Prepared(lambda x, out: x.reshape(shape))

    def __repr__(self) -> str:
        return repr(self.layer)


class _Whole(Stage):
    """A layer, unchanged, with its current weights."""

    may_alias = True
    rows = WHOLE_ROWS

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.values = [value.copy() for value in layer.values]

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        return Prepared(lambda x, out: self.layer.linearize(x, *self.values)[0])

    def __repr__(self) -> str:
        return repr(self.layer)


STAGES: dict[type, Callable[..., Stage]] = {
    Product: _Dense,
    Affine: _Scale,
    Convolution: _Convolution,
    Pooling: lambda step, _: _Pooling(step.layer),
    View: lambda step, _: _View(step.layer),
    Activated: lambda step, _: _Whole(step.layer),
}


def stage_of(step: Step, dtype: np.dtype) -> Stage:
    """The stage that carries out a step of `folded`."""
    return _Whole(step) if isinstance(step, Layer) else STAGES[type(step)](step, dtype)
