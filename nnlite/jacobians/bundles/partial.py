"""A bundle seen from some of its outputs: one map out of a graph of maps."""

import numpy as np

from nnlite.jacobians.maps.base import Jacobian

__all__ = ["Partial"]


class Partial(Jacobian):
    """The Jacobian by one input of several, along all paths of a graph. Storage: the graph's maps."""

    __slots__ = ("index", "jacobians")

    def __init__(self, jacobians, index, in_shape, out_shape):
        super().__init__(in_shape, out_shape)
        self.jacobians = jacobians
        self.index = index

    def _only(self, chosen=True, other=False):
        return tuple(chosen if index == self.index else other for index in range(len(self.jacobians)))

    @property
    def mixes_rows(self):
        return self.index >= self.jacobians.data or self.jacobians.mixes_rows

    def vjp(self, cotangent):
        return self.jacobians.vjp(cotangent, self._only())[self.index]

    def vjp_into(self, cotangent, out):
        self.jacobians.vjp(cotangent, self._only(), self._only(out, None))

    def jvp(self, tangent):
        result = self.jacobians.jvp(*self._only(tangent, None))
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return np.zeros(seeds + self.out_shape, tangent.dtype) if result is None else result

    def per_example(self, cotangent):
        if self.index < self.jacobians.data:
            return super().per_example(cotangent)
        return self.jacobians.per_example(cotangent, self._only())[self.index]

    def parts(self):
        return [(label, part) for label, part in self.jacobians.parts() if not self._is_sister(part)]

    def _is_sister(self, part):
        return isinstance(part, Partial) and part.jacobians is self.jacobians

    def stored(self):
        return self.jacobians.stored()


def map_outputs(function, values):
    """`function` of an array, or of each array of a tuple that may hold None."""
    if isinstance(values, tuple):
        return tuple(None if value is None else function(value) for value in values)
    return function(values)
