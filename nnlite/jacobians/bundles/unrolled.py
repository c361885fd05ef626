"""The Jacobians of any cell unrolled over time."""

import numpy as np

from nnlite.jacobians.bundles.recurrent import ThroughTime

__all__ = ["UnrolledJacobians"]


class UnrolledJacobians:
    """The Jacobians by a sequence of a graph whose first inputs are the sequence's steps.

    Args:
        graph: `GraphJacobians` by each step in the order taken, by the first states, and by the parameters.
        steps: how many steps there are.
        in_shapes: shape of the sequence, of each first state and each parameter; None without derivative.
        reverse: whether the last step of the sequence was taken first.
        mask, state: as in `Jacobians`.
    """

    __slots__ = ("data", "graph", "in_shapes", "mask", "reverse", "state", "steps")

    def __init__(self, graph, steps, in_shapes, *, reverse=False, mask=None, state=()):
        self.graph = graph
        self.steps = steps
        self.in_shapes = in_shapes
        self.data = graph.data - steps + 1
        self.reverse = reverse
        self.mask = mask
        self.state = state

    def vjp(self, cotangent, wanted=None, into=None) -> tuple:
        """One product per input; arguments and results as in `Jacobians.vjp`."""
        inner = None if into is None else self._spread(into, None)
        return self._joined(self.graph.vjp(cotangent, self._chosen(wanted), inner))

    def per_example(self, cotangent, wanted=None) -> tuple:
        """As `vjp`, without the sum over the batch; the data are left out with None."""
        return self._joined(self.graph.per_example(cotangent, self._chosen(wanted)))

    def jvp(self, *tangents):
        """The tangent of the output, or of each, for one tangent per input; None stands for zero."""
        steps = [None] * self.steps
        if tangents[0] is not None:
            steps = [*np.moveaxis(self._ordered(tangents[0]), -2, 0)]
        return self.graph.jvp(*steps, *tangents[1 : len(self.graph) - self.steps + 1])

    def _chosen(self, wanted):
        wanted = [True] * len(self) if wanted is None else wanted
        return self._spread(wanted, wanted[0])

    def _spread(self, items, first):
        return [*[first] * self.steps, *items[1 : len(self.graph) - self.steps + 1]]

    def _joined(self, results):
        """Results by the steps as one by the sequence; None for parameters that are constants of the graph."""
        first, rest = results[: self.steps], results[self.steps :]
        sequence = None if first[0] is None else self._ordered(np.stack(first, axis=-2))
        return (sequence, *rest, *[None] * (len(self) - 1 - len(rest)))

    def _ordered(self, sequence):
        return sequence[..., ::-1, :] if self.reverse else sequence

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on other rows of the data."""
        return self.graph.mixes_rows

    def parts(self):
        """`(label, map)` of each map, for display."""
        return [(str(index), self[index]) for index, shape in enumerate(self.in_shapes) if shape is not None]

    def stored(self):
        """The arrays that the maps keep."""
        return self.graph.stored()

    def __len__(self) -> int:
        return len(self.in_shapes)

    def __getitem__(self, index):
        """The map from one input to the first output; None without derivative."""
        shape = self.in_shapes[index]
        return None if shape is None else ThroughTime(self, index, shape, self.graph.outputs[0][1])

    def __repr__(self) -> str:
        return f"UnrolledJacobians(steps={self.steps}, {self.graph!r})"
