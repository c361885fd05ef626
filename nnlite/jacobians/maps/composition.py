"""Composition of Jacobians: products of maps and sums of maps."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.shaping import Rearrange

__all__ = ["Composed", "Summed"]


class Composed(Jacobian):
    """The chain rule: J = J_1 J_2 ... J_n, outermost first; never multiplied out. Storage: the parts."""

    __slots__ = ("maps",)

    def __init__(self, *maps: Jacobian) -> None:
        super().__init__(maps[-1].in_shape, maps[0].out_shape)
        self.maps = maps

    @property
    def mixes_rows(self) -> bool:
        return any(part.mixes_rows for part in self.maps)

    def parts(self) -> Sequence[tuple[str, Any]]:
        return [("", part) for part in self.maps]

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        for part in self.maps:
            cotangent = part.vjp(cotangent)
        return cotangent

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        for part in reversed(self.maps):
            tangent = part.jvp(tangent)
        return tangent

    def vjp_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        *before, last = self.maps
        if before and isinstance(last, Rearrange) and last.is_view and out.flags.c_contiguous:
            out, last = out.reshape(last.out_shape), before.pop()
        for part in before:
            cotangent = part.vjp(cotangent)
        last.vjp_into(cotangent, out)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        if any(part.mixes_rows for part in self.maps[:-1]):
            return super().per_example(cotangent)
        for part in self.maps[:-1]:
            cotangent = part.vjp(cotangent)
        return self.maps[-1].per_example(cotangent)


class Summed(Jacobian):
    """The total derivative: J = J_1 + J_2 + ..., one map per path from the input to the output."""

    __slots__ = ("maps",)

    def __init__(self, *maps: Jacobian) -> None:
        super().__init__(maps[0].in_shape, maps[0].out_shape)
        self.maps = maps

    @property
    def mixes_rows(self) -> bool:
        return any(path.mixes_rows for path in self.maps)

    def parts(self) -> Sequence[tuple[str, Any]]:
        return [("path", path) for path in self.maps]

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return reduce(np.add, [path.vjp(cotangent) for path in self.maps])

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return reduce(np.add, [path.jvp(tangent) for path in self.maps])

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        return reduce(np.add, [path.per_example(cotangent) for path in self.maps])
