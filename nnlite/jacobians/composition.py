"""Putting Jacobians together: products of maps, sums of maps, one map per input, chains of layers."""

from functools import reduce
from itertools import repeat

import numpy as np

from nnlite.jacobians.base import Jacobian

__all__ = ["ChainJacobians", "Composed", "Jacobians", "Summed"]


class Composed(Jacobian):
    """The chain rule: J = J_1 J_2 ... J_n, outermost first; never multiplied out. Storage: the parts."""

    __slots__ = ("maps",)

    def __init__(self, *maps):
        super().__init__(maps[-1].in_shape, maps[0].out_shape)
        self.maps = maps

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
        for part in self.maps[:-1]:
            cotangent = part.vjp(cotangent)
        return self.maps[-1].per_example(cotangent)


class Summed(Jacobian):
    """The total derivative: J = J_1 + J_2 + ..., one map per path from the input to the output."""

    __slots__ = ("maps",)

    def __init__(self, *maps):
        super().__init__(maps[0].in_shape, maps[0].out_shape)
        self.maps = maps

    def vjp(self, cotangent):
        return reduce(np.add, [path.vjp(cotangent) for path in self.maps])

    def jvp(self, tangent):
        return reduce(np.add, [path.jvp(tangent) for path in self.maps])

    def per_example(self, cotangent):
        return reduce(np.add, [path.per_example(cotangent) for path in self.maps])


class Jacobians:
    """The Jacobians of one output by each input of an op or layer.

    Args:
        maps: one structured map per input; None for an input without derivative, such as indices.
        outer: a map that all inputs share, applied once: the activation after `x @ kernel + bias`.
        state: new values of a layer's non-trainable parameters, in their order (moving averages).

    `jacobians[i]` is the whole map of input i.
    """

    __slots__ = ("maps", "outer", "state")

    def __init__(self, *maps, outer=None, state=()):
        self.maps = maps
        self.outer = outer
        self.state = state

    def vjp(self, cotangent, wanted=None, into=None) -> tuple:
        """One product per input: `cotangent` times its Jacobian.

        Args:
            cotangent: `(*seeds, *out_shape)`.
            wanted: one bool per input; where it is false the product is spared and None returned.
            into: one array or None per input; where an array is given the product is written there.
        """
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

    def jvp(self, *tangents):
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

    def per_example(self, cotangent, wanted=None) -> tuple:
        """As `vjp`, without the sum over the batch; the first input, the data, is left out with None."""
        if self.outer is not None:
            cotangent = self.outer.vjp(cotangent)
        return tuple(
            part.per_example(cotangent) if index and part is not None and (wanted is None or wanted[index]) else None
            for index, part in enumerate(self.maps)
        )

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index):
        part = self.maps[index]
        return part if part is None or self.outer is None else Composed(self.outer, part)

    def __repr__(self) -> str:
        return f"Jacobians({', '.join(repr(self[index]) for index in range(len(self)))})"


class ChainJacobians:
    """The Jacobians of a chain of layers by its input and by every layer's parameters, in order.

    Args:
        stages: the `Jacobians` of each layer, first layer first; the first input of each is the output of the
            one before, the others are its parameters.
    """

    __slots__ = ("stages",)

    def __init__(self, stages):
        self.stages = stages

    def vjp(self, cotangent, wanted=None, into=None) -> tuple:
        """Reverse mode; arguments and results as in `Jacobians.vjp`: the input first, then all parameters."""
        results = [None] * len(self)
        stop = len(results)
        for stage in reversed(self.stages):
            start = stop - len(stage) + 1
            inner = wanted is None or any(wanted[:start])
            want = None if wanted is None else (inner, *wanted[start:stop])
            cotangent, *results[start:stop] = stage.vjp(cotangent, want, into and (None, *into[start:stop]))
            if cotangent is None:
                break
            stop = start
        results[0] = cotangent
        return tuple(results)

    def jvp(self, *tangents):
        """Forward mode: the tangent of the output for a tangent of the input and of each parameter."""
        carried, start = tangents[0], 1
        for stage in self.stages:
            stop = start + len(stage) - 1
            carried = stage.jvp(carried, *tangents[start:stop])
            start = stop
        return carried

    def per_example(self, cotangent, wanted=None) -> tuple:
        """As `vjp`, without the sum over the batch; the input is left out with None."""
        results = [None] * len(self)
        stop = len(results)
        for stage in reversed(self.stages):
            start = stop - len(stage) + 1
            _, *results[start:stop] = stage.per_example(cotangent, wanted and (False, *wanted[start:stop]))
            if start > 1:
                cotangent = stage.vjp(cotangent, (True, *[False] * (stop - start)))[0]
            if cotangent is None:
                break
            stop = start
        return tuple(results)

    def __getitem__(self, index):
        """The composed map of one input: 0 is the data, 1 the first parameter, and so on; None without derivative."""
        start = 1
        for position, stage in enumerate(self.stages):
            stop = start + len(stage) - 1
            if 0 <= index < stop:
                own = stage[index - start + 1 if index else 0]
                path = [*[later[0] for later in reversed(self.stages[position + 1 :])], own]
                return None if None in path else Composed(*path)
            start = stop
        raise IndexError(f"this chain has {len(self)} inputs, got index {index}")

    def __repr__(self) -> str:
        return f"ChainJacobians({', '.join(map(repr, self.stages))})"

    def __len__(self) -> int:
        return 1 + sum(len(stage) - 1 for stage in self.stages)

    @property
    def state(self) -> tuple:
        """The `state` of each layer."""
        return tuple([stage.state for stage in self.stages])
