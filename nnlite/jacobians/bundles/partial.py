"""A bundle restricted to some of its outputs: one map out of a graph of maps."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.jacobians.maps.base import Jacobian

if TYPE_CHECKING:
    from nnlite.jacobians.bundles.bundle import Bundle

__all__ = ["Partial", "at_index"]


def at_index(index: int, bundle: Any, value: Any, other: Any) -> tuple:
    """`value` for the input of a bundle with this index, `other` for all others."""
    return tuple(value if number == index else other for number in range(len(bundle)))


class Partial(Jacobian):
    """The Jacobian with respect to one input of several, along all paths of a graph. Storage: the graph's maps."""

    __slots__ = ("index", "jacobians")

    def __init__(self, jacobians: "Bundle", index: int, in_shape: tuple[int, ...], out_shape: tuple[int, ...]):
        super().__init__(in_shape, out_shape)
        self.jacobians = jacobians
        self.index = index

    def _only(self, value: Any = True, other: Any = False) -> tuple:
        return at_index(self.index, self.jacobians, value, other)

    @property
    def mixes_rows(self) -> bool:
        return self.index >= self.jacobians.data or self.jacobians.mixes_rows

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return self.jacobians.vjp(cotangent, self._only())[self.index]

    def vjp_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        self.jacobians.vjp(cotangent, self._only(), self._only(out, None))

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        result = self.jacobians.jvp(*self._only(tangent, None))
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return np.zeros(seeds + self.out_shape, tangent.dtype) if result is None else result

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        if self.index < self.jacobians.data:
            return super().per_example(cotangent)
        return self.jacobians.per_example(cotangent, self._only())[self.index]

    def parts(self) -> "list[tuple[str, Jacobian | Bundle]]":
        return [(label, part) for label, part in self.jacobians.parts() if not self._is_sister(part)]

    def _is_sister(self, part: "Jacobian | Bundle") -> bool:
        return isinstance(part, Partial) and part.jacobians is self.jacobians

    def stored(self) -> Iterator[np.ndarray]:
        return self.jacobians.stored()


def map_outputs(function: Callable[[np.ndarray], np.ndarray], values: np.ndarray | tuple) -> np.ndarray | tuple:
    """`function` of an array, or of each array of a tuple that may hold None."""
    if isinstance(values, tuple):
        return tuple(None if value is None else function(value) for value in values)
    return function(values)
