"""The Jacobians of several inputs together: of an op, of a layer, of a chain of layers."""

from functools import reduce
from itertools import repeat

import numpy as np

from nnlite.jacobians.maps.base import one_row_each
from nnlite.jacobians.maps.composition import Composed

__all__ = ["ChainJacobians", "Jacobians"]


class Jacobians:
    """The Jacobians of one output by each input of an op or layer.

    Args:
        maps: one structured map per input; None for an input without derivative, such as indices.
        outer: a map that all inputs share, applied once: the activation after `x @ kernel + bias`.
        state: new values of a layer's non-trainable parameters, in their order (moving averages).
        mask: which steps of the output count, `(batch, steps)`; None for all.
        data: how many inputs come first that are data; the others are parameters.

    `jacobians[i]` is the whole map of input i.
    """

    __slots__ = ("data", "maps", "mask", "outer", "state")

    def __init__(self, *maps, outer=None, state=(), mask=None, data=1):
        self.maps = maps
        self.outer = outer
        self.state = state
        self.mask = mask
        self.data = data

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

    def per_example(self, cotangent, wanted=None, into=None) -> tuple:
        """As `vjp`, without the sum over the batch; the data, which comes first, is left out with None."""
        if self.outer is not None:
            if self.outer.mixes_rows:
                return without_data(self, one_row_each(cotangent), wanted)
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

    def parts(self):
        """`(label, map)` of each map, for display."""
        outer = [] if self.outer is None else [("then", self.outer)]
        return [*((str(index), part) for index, part in enumerate(self.maps) if part is not None), *outer]

    def stored(self):
        """The arrays that the maps keep."""
        for _, part in self.parts():
            yield from part.stored()

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index):
        part = self.maps[index]
        return part if part is None or self.outer is None else Composed(self.outer, part)

    def __repr__(self) -> str:
        return f"Jacobians({', '.join(repr(self[index]) for index in range(len(self)))})"


def without_data(jacobians, cotangent, wanted) -> tuple:
    """`jacobians.vjp(cotangent, wanted)` for the parameters alone."""
    chosen = [index >= jacobians.data and (wanted is None or wanted[index]) for index in range(len(jacobians))]
    return jacobians.vjp(cotangent, chosen)


class ChainJacobians:
    """The Jacobians of a chain of layers by its input and by every layer's parameters, in order.

    Args:
        stages: the `Jacobians` of each layer, first layer first; the first input of each is the output of the
            one before, the others are its parameters.
        mask: which steps of the output count; None for all.
    """

    __slots__ = ("mask", "stages")

    data = 1

    def __init__(self, stages, mask=None):
        self.stages = stages
        self.mask = mask

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

    def per_example(self, cotangent, wanted=None, into=None) -> tuple:
        """As `vjp`, without the sum over the batch; the input is left out with None.

        From a stage on that mixes the rows of a batch, each example is a seed of its own. A stage may leave `into`
        alone and return other arrays.
        """
        results = [None] * len(self)
        stop, seeded = len(results), False
        for stage in reversed(self.stages):
            start = stop - len(stage) + 1
            want = None if wanted is None else (False, *wanted[start:stop])
            given = ((None, *into[start:stop]),) if into and isinstance(stage, (Jacobians, ChainJacobians)) else ()
            own = without_data(stage, cotangent, want) if seeded else stage.per_example(cotangent, want, *given)
            results[start:stop] = own[1:]
            if start > 1:
                if not seeded and stage.mixes_rows:
                    cotangent, seeded = one_row_each(cotangent), True
                cotangent = stage.vjp(cotangent, (True, *[False] * (stop - start)))[0]
            if cotangent is None:
                break
            stop = start
        return tuple(results)

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on other rows of the input."""
        return any(stage.mixes_rows for stage in self.stages)

    def parts(self):
        """`(label, Jacobians)` of each stage, for display."""
        return [(str(number), stage) for number, stage in enumerate(self.stages)]

    def stored(self):
        """The arrays that the maps keep."""
        for stage in self.stages:
            yield from stage.stored()

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
