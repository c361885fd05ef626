"""The Jacobians of a chain of layers with respect to its input and all parameters."""

from collections.abc import Sequence

import numpy as np

from nnlite.jacobians.bundles.bundle import Bundle, Cotangent, Into, Products, Wanted
from nnlite.jacobians.maps.base import one_row_each
from nnlite.jacobians.maps.composition import Composed

__all__ = ["ChainJacobians"]


class ChainJacobians(Bundle):
    """The Jacobians of a chain of layers with respect to its input and to every layer's parameters, in order.

    Args:
        stages: the bundle of each layer, first layer first; the first input of each is the output of the
            one before, the others are its parameters.
        mask: which steps of the output count; None for all.
    """

    __slots__ = ("mask", "stages")

    def __init__(self, stages: Sequence[Bundle], mask: "np.ndarray | tuple | None" = None):
        self.stages = stages
        self.mask = mask

    def vjp(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """Reverse mode, as `Bundle.vjp`: the input first, then all parameters."""
        results = [None] * len(self)
        stop = len(results)
        for stage in reversed(self.stages):
            start = stop - len(stage) + 1
            inner = wanted is None or any(wanted[:start])
            want = None if wanted is None else (inner, *wanted[start:stop])
            targets = None if into is None else (into[0] if start == 1 else None, *into[start:stop])
            cotangent, *results[start:stop] = stage.vjp(cotangent, want, targets)
            if cotangent is None:
                break
            stop = start
        results[0] = cotangent
        return tuple(results)

    def jvp(self, *tangents: np.ndarray | None) -> "np.ndarray | tuple | None":
        """Forward mode: the tangent of the output for a tangent of the input and of each parameter."""
        carried, start = tangents[0], 1
        for stage in self.stages:
            stop = start + len(stage) - 1
            carried = stage.jvp(carried, *tangents[start:stop])
            start = stop
        return carried

    def per_example(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the input.

        From a stage on that mixes the rows of a batch, each example is a seed of its own.
        """
        results = [None] * len(self)
        stop, seeded = len(results), False
        for stage in reversed(self.stages):
            start = stop - len(stage) + 1
            want = None if wanted is None else (False, *wanted[start:stop])
            targets = None if into is None else (None, *into[start:stop])
            products = (stage.without_data if seeded else stage.per_example)(cotangent, want, targets)
            results[start:stop] = products[1:]
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

    def parts(self) -> list[tuple[str, Bundle]]:
        """`(label, bundle)` of each stage, for display."""
        return [(str(number), stage) for number, stage in enumerate(self.stages)]

    def __getitem__(self, index: int) -> Composed | None:
        """The composed map of one input: 0 is the data, 1 the first parameter, and so on; None without derivative."""
        start = 1
        for position, stage in enumerate(self.stages):
            stop = start + len(stage) - 1
            if 0 <= index < stop:
                block = stage[index - start + 1 if index else 0]
                path = [*[later[0] for later in reversed(self.stages[position + 1 :])], block]
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
