"""The Jacobians of a whole circuit: those of its graph, whose inputs lie side by side in one array."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.jacobians import Bundle, GraphJacobians, JointBundle

__all__ = ["CircuitJacobians"]


class CircuitJacobians(JointBundle):
    """Jacobians of log P with respect to log lambda and to the logits of each table.

    Args:
        graph: the Jacobians of the layers, with one input for each variable's log lambda, then the parameters.
        in_shape: the shape of the circuit's data.
        out_shape: that of its output, `(rows, outputs)`.
        starts: where each variable's log lambda starts in a row, and where the last one ends.
        derivable: whether the data are log lambda, rather than state numbers, which have no derivative.
    """

    __slots__ = ("derivable", "graph", "in_shapes", "out_shape", "starts")

    def __init__(
        self,
        graph: GraphJacobians,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        starts: Sequence[int],
        derivable: bool,
    ) -> None:
        self.graph, self.out_shape, self.starts, self.derivable = graph, out_shape, starts, derivable
        self.in_shapes = (in_shape if derivable else None, *graph.in_shapes[graph.data :])

    def vjp(self, cotangent: Any, wanted: Any = None, into: Any = None) -> tuple[np.ndarray | None, ...]:
        """Reverse mode, as `Bundle.vjp`: with 1 the posteriors come first."""
        count = self.graph.data
        chosen = [True] * len(self) if wanted is None else list(wanted)
        data = chosen[0] and self.derivable
        targets = None if into is None else [*[None] * count, *into[1:]]
        parts = self.graph.vjp(self._inner(cotangent), [*[data] * count, *chosen[1:]], targets)
        result = np.concatenate([part for part in parts[:count] if part is not None], axis=-1) if data else None
        if result is not None and into is not None and into[0] is not None:
            into[0][...] = result
            result = into[0]
        return (result, *parts[count:])

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | None:
        """Forward mode, as `Bundle.jvp`."""
        data, pairs = tangents[0], itertools.pairwise(self.starts)
        parts = [None if data is None or not self.derivable else data[..., a:b] for a, b in pairs]
        change: Any = self.graph.jvp(*parts, *tangents[1:])
        if change is None:
            return None
        inner = self.graph.out_shape
        return change.reshape(*change.shape[: change.ndim - len(inner)], *self.out_shape)

    def per_example(self, cotangent: Any, wanted: Any = None, into: Any = None) -> tuple[np.ndarray | None, ...]:
        """As `vjp`, without the sum over the batch, for the parameters."""
        count = self.graph.data
        chosen = [False] * count + list(self.chosen_parameters(wanted))[1:]
        targets = None if into is None else [*[None] * count, *into[1:]]
        return (None, *self.graph.per_example(self._inner(cotangent), chosen, targets)[count:])

    @property
    def mixes_rows(self) -> bool:
        return self.graph.mixes_rows

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that are kept."""
        return self.graph.stored()

    def parts(self) -> list[tuple[str, Bundle]]:
        """`(label, bundle)` of each layer, for display."""
        return self.graph.parts()

    def _inner(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        return cotangent.reshape(*seeds, *self.graph.out_shape)
