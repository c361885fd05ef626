"""Jacobians of sums along axes."""

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["Contraction", "RowStochastic", "SumOver"]


class SumOver(Jacobian):
    """y = scale * sum of x over `axes` (counted from the right); vjp stretches. Storage: nothing."""

    __slots__ = ("axes", "kept_shape", "scale")

    def __init__(self, axes: Shape, in_shape: Shape, out_shape: Shape, scale: float = 1) -> None:
        super().__init__(in_shape, out_shape)
        self.axes = axes
        self.scale = scale
        rank = len(in_shape)
        self.kept_shape = tuple(1 if axis - rank in axes else length for axis, length in enumerate(in_shape))

    @property
    def mixes_rows(self) -> bool:
        return -len(self.in_shape) in self.axes

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        scaled = cotangent if self.scale == 1 else cotangent * self.scale
        return np.broadcast_to(scaled.reshape(seeds + self.kept_shape), seeds + self.in_shape)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        total = tangent.sum(axis=self.axes).reshape(seeds + self.out_shape)
        return total if self.scale == 1 else total * self.scale


class Contraction(Jacobian):
    """Each output is a function of one block of x, the last `rank` axes, with its gradient in `gradients`.

    With rank 1, y is one number per row of x; with all axes, y is a single number.
    jvp: `sum(gradients * tangent)` over the last axes, vjp: `cotangent * gradients`. Storage: shaped like x.
    """

    __slots__ = ("gradients", "rank")

    def __init__(self, gradients: np.ndarray, rank: int = 1) -> None:
        self.in_shape = gradients.shape
        self.out_shape = gradients.shape[: gradients.ndim - rank]
        self.gradients = gradients
        self.rank = rank

    @property
    def mixes_rows(self) -> bool:
        return self.rank == len(self.in_shape)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return cotangent.reshape(cotangent.shape + (1,) * self.rank) * self.gradients

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return (tangent * self.gradients).sum(axis=tuple(range(-self.rank, 0)))


class RowStochastic(Contraction):
    """y = log(sum(exp(x))) over the last axes, of `rank`: J has a row of shares exp(x - y) for each output.

    A share is the probability of a term given the output; a row sums to 1, or is 0 where y = -inf. Where y is the
    largest of x, the share of that one is 1. The products are those of `Contraction`. Storage: shaped like x.
    """

    __slots__ = ()
