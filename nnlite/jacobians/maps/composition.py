"""Putting Jacobians together: products of maps and sums of maps."""

from functools import reduce

import numpy as np

from nnlite.jacobians.maps.base import Jacobian

__all__ = ["Composed", "Summed"]


class Composed(Jacobian):
    """The chain rule: J = J_1 J_2 ... J_n, outermost first; never multiplied out. Storage: the parts."""

    __slots__ = ("maps",)

    def __init__(self, *maps):
        super().__init__(maps[-1].in_shape, maps[0].out_shape)
        self.maps = maps

    @property
    def mixes_rows(self):
        return any(part.mixes_rows for part in self.maps)

    def parts(self):
        return [("", part) for part in self.maps]

    def vjp(self, cotangent):
        for part in self.maps:
            cotangent = part.vjp(cotangent)
        return cotangent

    def jvp(self, tangent):
        for part in reversed(self.maps):
            tangent = part.jvp(tangent)
        return tangent

    def vjp_into(self, cotangent, out):
        for part in self.maps[:-1]:
            cotangent = part.vjp(cotangent)
        self.maps[-1].vjp_into(cotangent, out)

    def per_example(self, cotangent):
        if any(part.mixes_rows for part in self.maps[:-1]):
            return super().per_example(cotangent)
        for part in self.maps[:-1]:
            cotangent = part.vjp(cotangent)
        return self.maps[-1].per_example(cotangent)


class Summed(Jacobian):
    """The total derivative: J = J_1 + J_2 + ..., one map per path from the input to the output."""

    __slots__ = ("maps",)

    def __init__(self, *maps):
        super().__init__(maps[0].in_shape, maps[0].out_shape)
        self.maps = maps

    @property
    def mixes_rows(self):
        return any(path.mixes_rows for path in self.maps)

    def parts(self):
        return [("path", path) for path in self.maps]

    def vjp(self, cotangent):
        return reduce(np.add, [path.vjp(cotangent) for path in self.maps])

    def jvp(self, tangent):
        return reduce(np.add, [path.jvp(tangent) for path in self.maps])

    def per_example(self, cotangent):
        return reduce(np.add, [path.per_example(cotangent) for path in self.maps])
