"""The Jacobians of any cell unrolled over time."""

from collections.abc import Iterator, Sequence

import numpy as np

from nnlite.jacobians.bundles.bundle import Cotangent, Into, JointBundle, Products, Wanted
from nnlite.jacobians.bundles.graph import GraphJacobians
from nnlite.jacobians.bundles.recurrent import ThroughTime

__all__ = ["UnrolledJacobians"]


class UnrolledJacobians(JointBundle):
    """The Jacobians of a graph whose first inputs are the steps of a sequence, with respect to the whole sequence.

    Args:
        graph: `GraphJacobians`; the inputs are each step in the order taken, the first states, and the parameters.
        steps: how many steps there are.
        in_shapes: shape of the sequence, of each first state and each parameter; None without derivative.
        reverse: whether the last step of the sequence was taken first.
        mask, state: as in `Bundle`.
    """

    __slots__ = ("axis", "data", "graph", "in_shapes", "mask", "reverse", "state", "steps")

    seen_from = ThroughTime

    def __init__(
        self,
        graph: GraphJacobians,
        steps: int,
        in_shapes: Sequence[tuple[int, ...] | None],
        *,
        reverse: bool = False,
        mask: "np.ndarray | tuple | None" = None,
        state: tuple = (),
    ):
        self.graph = graph
        self.steps = steps
        self.in_shapes = in_shapes
        self.data = graph.data - steps + 1
        self.axis = 1 - len(in_shapes[0] or ())  # that of the steps, counted from the right
        self.reverse = reverse
        self.mask = mask
        self.state = state

    def vjp(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        sequence, *rest = self._joined(self.graph.vjp(cotangent, self._chosen(wanted), self._targets(into)))
        if into is not None and into[0] is not None and sequence is not None:
            into[0][...] = sequence
            sequence = into[0]
        return (sequence, *rest)

    def per_example(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the data."""
        return self._joined(self.graph.per_example(cotangent, self._chosen(wanted), self._targets(into)))

    def jvp(self, *tangents: np.ndarray | None) -> "np.ndarray | tuple | None":
        """The tangent of the output, or of each, for one tangent per input; None stands for zero."""
        steps = [None] * self.steps
        if tangents[0] is not None:
            steps = [*np.moveaxis(self._ordered(tangents[0]), self.axis, 0)]
        return self.graph.jvp(*steps, *tangents[1 : len(self.graph) - self.steps + 1])

    def _targets(self, into: Into) -> list | None:
        return None if into is None else self._spread(into, None)

    def _chosen(self, wanted: Wanted) -> list:
        wanted = [True] * len(self) if wanted is None else wanted
        return self._spread(wanted, wanted[0])

    def _spread(self, items: Sequence, first: object) -> list:
        return [*[first] * self.steps, *items[1 : len(self.graph) - self.steps + 1]]

    def _joined(self, results: Products) -> Products:
        """Products for the steps as one for the sequence; None for parameters that are constants of the graph."""
        first, rest = results[: self.steps], results[self.steps :]
        sequence = None if first[0] is None else self._ordered(np.stack(first, axis=self.axis))
        return (sequence, *rest, *[None] * (len(self) - 1 - len(rest)))

    def _ordered(self, sequence: np.ndarray) -> np.ndarray:
        return np.flip(sequence, self.axis) if self.reverse else sequence

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on other rows of the data."""
        return self.graph.mixes_rows

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.graph.out_shape

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that the maps keep."""
        return self.graph.stored()

    def __repr__(self) -> str:
        return f"UnrolledJacobians(steps={self.steps}, {self.graph!r})"
