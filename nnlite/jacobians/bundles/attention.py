"""The Jacobians of scaled dot-product attention."""

from collections.abc import Iterator

import numpy as np

from nnlite.jacobians.bundles.bundle import Into, JointBundle, Products, Wanted
from nnlite.jacobians.bundles.partial import Partial

__all__ = ["AttentionJacobians"]

BLOCK = 2**18  # bytes of attention weights that are worked on at a time: they stay in the processor's cache


class AttentionJacobians(JointBundle):
    """The Jacobians of context = dropped(softmax(query @ key.T)) @ value with respect to query, key and value.

    All arrays have the axes `(batch, ..., steps, heads, features)`. With p the softmax, g the cotangent, n the noise:

    - with respect to value: `(p * n).T @ g`;
    - to the scores: `s = p * ((g @ value.T) * n - sum(g * context))`, 0 where hidden;
    - to query: `s @ key * scale`, to key: `s.T @ query * scale`.

    A few examples at a time are carried through all these products, so that no array as large as the attention
    weights is made. Storage: query, key, value, context and the weights.

    Args:
        query, key, value, context: the arrays.
        weights: the softmax, `(batch, ..., heads, query steps, key steps)`.
        scale: factor of the scores.
        hidden: where scores were replaced by a constant, broadcast to the shape of `weights`; None for nowhere.
        noise: what the weights were multiplied by; None for 1.
    """

    __slots__ = ("context", "hidden", "key", "noise", "query", "scale", "value", "weights")

    data = 3

    def __init__(
        self,
        query: np.ndarray,
        key: np.ndarray,
        value: np.ndarray,
        context: np.ndarray,
        weights: np.ndarray,
        scale: float | np.ndarray,
        hidden: np.ndarray | None = None,
        noise: np.ndarray | None = None,
    ):
        self.query = query
        self.key = key
        self.value = value
        self.context = context
        self.weights = weights
        self.scale = scale
        self.hidden = hidden
        self.noise = noise

    @property
    def mixes_rows(self) -> bool:
        return False

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """Reverse mode, as `Bundle.vjp`: the products for query, key and value."""
        seeds = cotangent.shape[: cotangent.ndim - self.context.ndim]
        dtype = np.result_type(cotangent, self.context)
        results = [
            (np.empty(seeds + array.shape, dtype) if target is None else target) if want else None
            for array, target, want in zip(self.arrays, into or (None,) * 3, wanted or (True,) * 3, strict=True)
        ]
        by_query, by_key, by_value = (None if result is None else result.swapaxes(-2, -3) for result in results)
        along = (cotangent * self.context).sum(-1)[..., None].swapaxes(-2, -3)
        query, key, value, cotangent = (array.swapaxes(-2, -3) for array in (*self.arrays, cotangent))
        for here in blocks(self.weights):
            g = cotangent[here]
            if by_value is not None:
                p = self.weights[here] if self.noise is None else self.weights[here] * self.noise[here]
                np.matmul(p.swapaxes(-1, -2), g, out=by_value[here])
            if by_query is None and by_key is None:
                continue
            slopes = self._by_scores(np.matmul(g, value[here].swapaxes(-1, -2), dtype=dtype), along[here], here)
            if by_query is not None:
                np.matmul(slopes, key[here], out=by_query[here])
            if by_key is not None:
                np.matmul(slopes.swapaxes(-1, -2), query[here], out=by_key[here])
        for result in results[:2]:
            if result is not None:
                result *= self.scale
        return tuple(results)

    def _by_scores(self, slopes: np.ndarray, along: np.ndarray, here: tuple) -> np.ndarray:
        """The cotangent of the scores of some examples, from that of the dropped weights, which is overwritten."""
        if self.noise is not None:
            slopes *= self.noise[here]
        slopes -= along
        slopes *= self.weights[here]
        if self.hidden is not None:
            np.copyto(slopes, 0, where=self.hidden[here])
        return slopes

    def jvp(
        self, query: np.ndarray | None = None, key: np.ndarray | None = None, value: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Forward mode: the tangent of the context for a tangent of each; None stands for zero."""
        swapped_query, swapped_key, swapped_value = (array.swapaxes(-2, -3) for array in self.arrays)
        noise, parts = 1 if self.noise is None else self.noise, []
        scores = 0
        if query is not None:
            scores = query.swapaxes(-2, -3) @ swapped_key.swapaxes(-1, -2)
        if key is not None:
            scores = scores + swapped_query @ key.swapaxes(-2, -3).swapaxes(-1, -2)
        if query is not None or key is not None:
            scores = scores * self.scale
            if self.hidden is not None:
                np.copyto(scores, 0, where=self.hidden)
            weighted = self.weights * scores
            weighted -= self.weights * weighted.sum(-1, keepdims=True)
            parts.append((weighted * noise) @ swapped_value)
        if value is not None:
            parts.append((self.weights * noise) @ value.swapaxes(-2, -3))
        return sum(parts[1:], parts[0]).swapaxes(-2, -3) if parts else None

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Query, key and value."""
        return self.query, self.key, self.value

    @property
    def in_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of query, key and value."""
        return [array.shape for array in self.arrays]

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the context."""
        return self.context.shape

    def parts(self) -> list[tuple[str, Partial]]:
        """`(label, map)` of each map, for display."""
        return [(name, self[index]) for index, name in enumerate(("query", "key", "value"))]

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that are kept."""
        yield from (array for array in (*self.arrays, self.context, self.weights, self.noise) if array is not None)

    def __repr__(self) -> str:
        return f"AttentionJacobians(weights={self.weights.shape})"


def blocks(weights: np.ndarray) -> list[tuple]:
    """Indices of a few examples each, counted from the right so that leading seed axes do not matter."""
    size = max(1, BLOCK // max(weights[:1].nbytes, 1))
    rest = (slice(None),) * (weights.ndim - 1)
    return [(..., slice(start, start + size), *rest) for start in range(0, len(weights), size)]
