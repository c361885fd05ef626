"""Products of matrices with any regular strides, and sums of products, for float32.

A convolution is a sum of such products: the left factor are pixels, or channels of a cell, at their positions in the
image, and the index summed over walks through lines, cells and channels by three distances. Libraries for matrices
need factors with neighboring elements, so that each pixel would be copied into nine rows of patches first.

Tiles of the result stay in vector registers for the whole sum. Numba has no vectors, so the innermost loops are
written in LLVM's language; it turns them into the vector instructions that the processor has.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnlite.kernels.compiled.recurrent import compiled, inlined

__all__ = ["BYTES", "INT", "LANES", "TALLEST", "Steps", "Tile", "address", "multiply", "multiply_each"]

BYTES = 4  # of an element
FLOAT, INT = ir.FloatType(), ir.IntType(64)
CONTRACT = ("contract",)  # a product and a sum may be one instruction


class Steps(NamedTuple):
    """The three loops of a sum, the outermost first: their lengths, and a step of each in both factors, in bytes."""

    counts: tuple[int, int, int]
    left: tuple[int, int, int]
    right: tuple[int, int, int]


def _has_long_vectors() -> bool:
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


# With 32 registers of 16 numbers, 28 hold a tile of 14 x 32; with 16 registers of 8 numbers, 12 hold one of 6 x 16.
LANES, TALLEST = (16, 14) if _has_long_vectors() else (8, 6)
VECTOR = ir.VectorType(FLOAT, LANES)


class Tile:
    """Writes the code of one tile: `rows` rows of `vectors` vectors; a left factor is for `each` column, or for all."""

    def __init__(self, builder: Any, rows: int, vectors: int, each: bool) -> None:
        self.builder = builder
        self.each = each
        self.rows = range(rows)
        self.offsets = [BYTES * LANES * vector for vector in range(vectors)]
        places = [(row, offset) for row in self.rows for offset in self.offsets]
        self.sums = {key: cgutils.alloca_once(builder, VECTOR) for key in places}

    def write(self, left, row_step, right, out, out_step, adds, loops):
        """The whole sum, then the tile into `out`, added to what lies there if `adds`."""
        builder = self.builder
        for total in self.sums.values():
            builder.store(ir.Constant(VECTOR, None), total)
        self._walk(left, right, row_step, loops)
        with builder.if_else(builder.icmp_signed("!=", adds, INT(0))) as (adding, putting):
            with adding:
                self._leave(out, out_step, True)
            with putting:
                self._leave(out, out_step, False)

    def _walk(self, left, right, row_step, loops):
        """One loop inside the other, and the products in the innermost one."""
        builder = self.builder
        if not loops:
            self._add_products(left, right, row_step)
            return
        (count, left_step, right_step), *inner = loops
        with cgutils.for_range(builder, count) as loop:
            ahead = builder.mul(loop.index, left_step), builder.mul(loop.index, right_step)
            self._walk(builder.add(left, ahead[0]), builder.add(right, ahead[1]), row_step, inner)

    def _add_products(self, left, right, row_step):
        builder = self.builder
        factors = {offset: builder.load(self._pointer(right, offset, VECTOR), align=BYTES) for offset in self.offsets}
        for row in self.rows:
            source = builder.add(left, builder.mul(row_step, INT(row)))
            number = None if self.each else self._spread(builder.load(self._pointer(source, 0, FLOAT), align=BYTES))
            for offset, factor in factors.items():
                other = number or builder.load(self._pointer(source, offset, VECTOR), align=BYTES)
                total, product = self.sums[row, offset], builder.fmul(other, factor, flags=CONTRACT)
                builder.store(builder.fadd(builder.load(total), product, flags=CONTRACT), total)

    def _leave(self, out, out_step, adds):
        builder = self.builder
        for (row, offset), total in self.sums.items():
            target = self._pointer(builder.add(out, builder.mul(out_step, INT(row))), offset, VECTOR)
            value = builder.load(total)
            if adds:
                value = builder.fadd(builder.load(target, align=BYTES), value)
            builder.store(value, target, align=BYTES)

    def _spread(self, number):
        """The number in each lane."""
        undefined, first = ir.Constant(VECTOR, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return self.builder.shuffle_vector(
            self.builder.insert_element(undefined, number, ir.IntType(32)(0)), undefined, first
        )

    def _pointer(self, address, offset, kind):
        return self.builder.inttoptr(self.builder.add(address, INT(offset)), kind.as_pointer())


def _tile_of(vectors: int, each: bool) -> Callable[..., None]:
    """A function that computes a tile of 1 to TALLEST rows, as Numba's functions call it."""

    @intrinsic
    def tile(typing_context, rows, left, row_step, right, out, out_step, adds, steps):
        def write(context, builder, signature, values):
            *numbers, walk = values
            height, *rest = numbers
            loops = [tuple(builder.extract_value(walk, [part, level]) for part in range(3)) for level in range(3)]
            end = builder.append_basic_block("tile.end")
            switch = builder.switch(height, end)
            for count in range(1, TALLEST + 1):
                block = builder.append_basic_block(f"tile.{count}")
                switch.add_case(INT(count), block)
                builder.position_at_end(block)
                Tile(builder, count, vectors, each).write(*rest, loops)
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(*[whole] * 7, types.UniTuple(types.UniTuple(whole, 3), 3)), write

    return tile


_wide, _narrow = _tile_of(2, False), _tile_of(1, False)
_wide_of_each, _narrow_of_each = _tile_of(2, True), _tile_of(1, True)


@inlined
def address(array):
    """The address of the first element of an array."""
    return np.int64(array.ctypes.data)


@compiled
def multiply(left, row_step, rows, right, out, out_step, vectors, steps, adds):
    """out[i, j] (+)= sum over k of left[i, k] * right[k, j], j < vectors * LANES: neighbors in `right` and in `out`.

    Args:
        left, right, out: addresses of the first elements.
        row_step, out_step: bytes from one row i to the next, in `left` and in `out`.
        vectors: 1 or 2.
        steps: `Steps`, of the sum over k.
        adds: 1 for `+=`, 0 for `=`.
    """
    tiles = (rows + TALLEST - 1) // TALLEST
    for number in range(tiles):
        first, last = number * rows // tiles, (number + 1) * rows // tiles
        a, c = left + first * row_step, out + first * out_step
        if vectors == 2:
            _wide(last - first, a, row_step, right, c, out_step, adds, steps)
        else:
            _narrow(last - first, a, row_step, right, c, out_step, adds, steps)


@compiled
def multiply_each(left, row_step, rows, right, out, out_step, vectors, steps, adds):
    """out[i, j] (+)= sum over k of left[i, k, j] * right[k, j]; j counts neighbors in all three, the rest as above."""
    tiles = (rows + TALLEST - 1) // TALLEST
    for number in range(tiles):
        first, last = number * rows // tiles, (number + 1) * rows // tiles
        a, c = left + first * row_step, out + first * out_step
        if vectors == 2:
            _wide_of_each(last - first, a, row_step, right, c, out_step, adds, steps)
        else:
            _narrow_of_each(last - first, a, row_step, right, c, out_step, adds, steps)
