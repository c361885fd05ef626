"""The Jacobians of scaled dot-product attention."""

from collections.abc import Iterator

import numpy as np

from nnlite import kernels
from nnlite.jacobians.bundles.bundle import Into, JointBundle, Products, Wanted, placed
from nnlite.jacobians.bundles.partial import Partial
from nnlite.kernels.reference.attention import AttentionInputs, AttentionOutputs

__all__ = ["AttentionJacobians"]


class AttentionJacobians(JointBundle):
    """The Jacobians of context = dropped(softmax(query @ key.T)) @ value with respect to query, key and value.

    All arrays have the axes `(batch, ..., steps, heads, features)`. With p the softmax, g the cotangent, n the noise:

    - with respect to value: `(p * n).T @ g`;
    - to the scores: `s = p * ((g @ value.T) * n - sum(g * context))`, 0 where hidden;
    - to query: `s @ key * scale`, to key: `s.T @ query * scale`.

    A few heads at a time are carried through all these products, and their softmax is computed again, so that no array
    as large as the attention weights is made. Storage: query, key, value, context, and of each query the largest score
    and the sum of the exponentials.

    Args:
        inputs: query, key and value with one axis of examples, and what else the context depends on.
        outputs: the context, and of each query the largest score and the sum of the exponentials.
        lead: the axes that became one.
    """

    __slots__ = ("inputs", "lead", "outputs")

    data = 3

    def __init__(self, inputs: AttentionInputs, outputs: AttentionOutputs, lead: tuple[int, ...]):
        self.inputs = inputs
        self.outputs = outputs
        self.lead = lead

    @property
    def mixes_rows(self) -> bool:
        return False

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """Reverse mode, as `Bundle.vjp`: the products for query, key and value."""
        seeds = cotangent.shape[: cotangent.ndim - len(self.lead) - 3]
        cotangent = cotangent.reshape(*seeds, *self.outputs.context.shape)
        products = kernels.attention_pull(self.inputs, self.outputs, cotangent, tuple(wanted or (True,) * 3))
        results = []
        for result, target, shape in zip(products, into or (None,) * 3, self.in_shapes, strict=True):
            results.append(placed(None if result is None else result.reshape(seeds + shape), target))
        return tuple(results)

    def jvp(
        self, query: np.ndarray | None = None, key: np.ndarray | None = None, value: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Forward mode: the tangent of the context for a tangent of each; None stands for zero."""
        tangents = [
            None
            if tangent is None
            else tangent.reshape(*tangent.shape[: tangent.ndim - len(self.lead) - 3], *array.shape)
            for tangent, array in zip((query, key, value), self.inputs, strict=False)
        ]
        result = kernels.attention_push(self.inputs, self.outputs, tangents)
        return None if result is None else result.reshape(*result.shape[:-4], *self.out_shape)

    @property
    def in_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of query, key and value."""
        return [self.lead + array.shape[1:] for array in self.inputs[:3]]

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the context."""
        return self.lead + self.outputs.context.shape[1:]

    def parts(self) -> list[tuple[str, Partial]]:
        """`(label, map)` of each map, for display."""
        return [(name, self[index]) for index, name in enumerate(("query", "key", "value"))]

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that are kept."""
        yield from (*self.inputs[:3], *self.outputs)
        if self.inputs.noise is not None:
            yield self.inputs.noise

    def __repr__(self) -> str:
        _, heads, steps = self.outputs.total.shape
        return f"AttentionJacobians(weights={(*self.lead, heads, steps, self.inputs.key.shape[1])})"


def turned(pairs: np.ndarray, lead: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Products of each query with each key, keys first, after one axis of examples.

    Args:
        pairs: broadcast to `(*lead, heads, steps, others)`.
        lead: the axes that become one.
        shape: of the result, `(examples, heads, others, steps)`.
    """
    pairs = np.ascontiguousarray(np.atleast_2d(pairs).swapaxes(-1, -2))
    return np.broadcast_to(pairs, (*lead, *shape[1:])).reshape(shape)
