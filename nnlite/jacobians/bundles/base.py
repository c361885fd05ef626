"""The Jacobians of one op or layer with respect to all of its inputs."""

from functools import reduce
from itertools import repeat

import numpy as np

from nnlite.jacobians.bundles.bundle import Bundle, Cotangent, Into, Products, Wanted
from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.composition import Composed

__all__ = ["Jacobians"]


class Jacobians(Bundle):
    """The Jacobians of one output with respect to each input of an op or layer: one map for each.

    Args:
        maps: one structured map per input; None for an input without derivative, such as indices.
        outer: a map that all inputs share, applied once: the activation after `x @ kernel + bias`.
        state: new values of a layer's non-trainable parameters, in their order (moving averages).
        mask: which steps of the output count, `(batch, steps)`; None for all.
        data: how many inputs come first that are data; the others are parameters.

    `jacobians[i]` is the whole map of input i.
    """

    __slots__ = ("data", "maps", "mask", "outer", "state")

    def __init__(
        self,
        *maps: Jacobian | None,
        outer: Jacobian | None = None,
        state: tuple = (),
        mask: "np.ndarray | tuple | None" = None,
        data: int = 1,
    ):
        self.maps = maps
        self.outer = outer
        self.state = state
        self.mask = mask
        self.data = data

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        if self.outer is not None:
            cotangent = self.outer.vjp(cotangent)
        results = []
        for part, want, target in zip(self.maps, wanted or repeat(True), into or repeat(None), strict=False):
            if not want or part is None:
                results.append(None)
            elif target is None:
                results.append(part.vjp(cotangent))
            else:
                part.vjp_into(cotangent, target)
                results.append(target)
        return tuple(results)

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | None:
        """The tangent of the output for one tangent per input; None stands for zero."""
        parts = [
            part.jvp(tangent)
            for part, tangent in zip(self.maps, tangents, strict=True)
            if part is not None and tangent is not None
        ]
        if not parts:
            return None
        total = reduce(np.add, parts)
        return total if self.outer is None else self.outer.jvp(total)

    def per_example(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the data, which comes first."""
        if self.outer is not None:
            if self.outer.mixes_rows:
                return super().per_example(cotangent, wanted, into)
            cotangent = self.outer.vjp(cotangent)
        results = [None] * len(self.maps)
        for index, part in enumerate(self.maps):
            if index < self.data or part is None or not (wanted is None or wanted[index]):
                continue
            if into is None or into[index] is None:
                results[index] = part.per_example(cotangent)
            else:
                part.per_example_into(cotangent, into[index])
                results[index] = into[index]
        return tuple(results)

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on other rows of the data."""
        maps = (self.outer, *self.maps[: self.data])
        return any(part is not None and part.mixes_rows for part in maps)

    def parts(self) -> list[tuple[str, Jacobian]]:
        """`(label, map)` of each map, the outer one last."""
        outer = [] if self.outer is None else [("then", self.outer)]
        return [*((str(index), part) for index, part in enumerate(self.maps) if part is not None), *outer]

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index: int) -> Jacobian | None:
        part = self.maps[index]
        return part if part is None or self.outer is None else Composed(self.outer, part)
