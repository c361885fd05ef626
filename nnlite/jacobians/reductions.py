"""Jacobians of sums along axes."""

import numpy as np

from nnlite.jacobians.base import Jacobian


class SumOver(Jacobian):
    """y = scale * sum of x over `axes` (counted from the right); vjp stretches. Storage: nothing."""

    __slots__ = ("axes", "kept_shape", "scale")

    def __init__(self, axes, in_shape, out_shape, scale=1):
        super().__init__(in_shape, out_shape)
        self.axes = axes
        self.scale = scale
        rank = len(in_shape)
        self.kept_shape = tuple(1 if axis - rank in axes else length for axis, length in enumerate(in_shape))

    def vjp(self, cotangent):
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        scaled = cotangent if self.scale == 1 else cotangent * self.scale
        return np.broadcast_to(scaled.reshape(seeds + self.kept_shape), seeds + self.in_shape)

    def jvp(self, tangent):
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        total = tangent.sum(axis=self.axes).reshape(seeds + self.out_shape)
        return total if self.scale == 1 else total * self.scale


class Contraction(Jacobian):
    """y = a function of each row of x by its own: the Jacobian holds one gradient row per output.

    jvp: `(rows * tangent).sum(-1)`, vjp: `cotangent[..., None] * rows`. Storage: `rows`, shaped like x.
    """

    __slots__ = ("rows",)

    def __init__(self, rows):
        self.in_shape = rows.shape
        self.out_shape = rows.shape[:-1]
        self.rows = rows

    def vjp(self, cotangent):
        return cotangent[..., None] * self.rows

    def jvp(self, tangent):
        return (tangent * self.rows).sum(axis=-1)
