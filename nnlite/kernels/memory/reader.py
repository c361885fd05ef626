"""Products with examples that stay where they are."""

from typing import Any

import numpy as np

from nnlite.arrays.contraction import multiply_in_pieces, multiply_turned, rows_of_pieces, turning_pays
from nnlite.kernels.memory import aligned_zeros, copy_rows, turned
from nnlite.threads import several_threads

__all__ = ["UNPACKED", "Reader"]

WIDE = 4  # times as many features as units: then a large product takes up to 1.3 of the time with both transposed
UNPACKED = 10**6  # multiply-adds, up to which OpenBLAS does not copy its factors first


class Reader:
    """The products of a first layer with examples, a row each.

    Args:
        room: a `DenseRoom`, whose `examples` these are.
    """

    def __init__(self, room: Any) -> None:
        stage, layer = room.passes[0], room.layers[0]
        self.room, self.stage, self.ones = room, stage, np.ones((int(layer.bias), room.rows), room.values.dtype)
        self.bias = stage.kernel[-1] if layer.bias else np.zeros(layer.units, room.values.dtype)
        wide = layer.features >= WIDE * layer.units and room.rows * layer.features * layer.units > UNPACKED
        self.rows = rows_of_pieces(room.rows, stage.weights)
        self.turns = turning_pays(layer.features, room.rows, layer.units, room.values.dtype)
        self.direct = len(room.passes) > 1 and not wide and not self.rows
        self.outputs = aligned_zeros(room.rows * layer.units, room.values.dtype).reshape(room.rows, layer.units)
        self.leaving = stage.leaving if len(room.passes) == 1 else turned(stage.leaving)
        self.apart = False  # whether the present products are made in pieces

    def multiply(self) -> None:
        """Write examples @ kernel + bias to where the layer's activation reads them."""
        examples, weights = self.room.examples, self.stage.weights
        self.apart = bool(self.rows or self.turns) and examples.flags.c_contiguous and not several_threads()
        if self.direct:
            np.dot(turned(weights), examples.T, out=self.stage.leaving)
        else:
            if self.apart and self.rows:
                multiply_in_pieces(examples, weights, self.outputs, self.rows)
            else:
                np.dot(examples, weights, out=self.outputs)
            copy_rows(self.outputs, self.leaving)
        np.add(self.leaving, self.bias, out=self.leaving)

    def gather(self) -> None:
        """Write the gradient of kernel and bias."""
        stage, slopes = self.stage, self.stage.by_row
        by_kernel, by_bias = stage.by_kernel[: stage.features], stage.by_kernel[stage.features :]
        if self.apart and self.turns:
            copy_rows(slopes, self.outputs)
            multiply_turned(self.room.examples, self.outputs, by_kernel)
        else:
            np.dot(self.room.examples.T, slopes, out=by_kernel)
        np.dot(self.ones, slopes, out=by_bias)
