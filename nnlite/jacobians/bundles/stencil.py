"""The Jacobians of derivatives that are computed from values at complex points."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.jacobians.bundles.bundle import Bundle, Into, JointBundle, Products, Wanted, placed

__all__ = ["StencilJacobians"]


class StencilJacobians(JointBundle):
    """The Jacobians of `terms[t] = Re(sum over the points p of weights[p, t] f(x + shift[p], parameters))`.

    What is linear in the values of f is linear in its Jacobians J: a cotangent g of the terms goes through J at each
    point as `sum over t of weights[p, t] g[t]`, and the real parts of the products are summed.

    Args:
        points: the Jacobians of f at each point.
        weights: `(points, terms)`, complex.
        in_shapes: of the inputs of f; None for one without derivative.
        out_shape: `(batch, terms * outputs)`.
    """

    __slots__ = ("in_shapes", "out_shape", "points", "weights")

    def __init__(
        self,
        points: Sequence[Bundle],
        weights: np.ndarray,
        in_shapes: Sequence[tuple[int, ...] | None],
        out_shape: tuple[int, ...],
    ) -> None:
        self.points, self.weights = points, weights
        self.in_shapes, self.out_shape = in_shapes, out_shape

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        return self._summed([point.vjp for point in self.points], cotangent, wanted, into)

    def per_example(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the data."""
        return self._summed([point.per_example for point in self.points], cotangent, wanted, into)

    def _summed(self, methods: Sequence[Any], cotangent: np.ndarray, wanted: Wanted, into: Into) -> Products:
        """The products of all points, summed; `methods` are those of each."""
        terms = self._terms(cotangent)
        totals: list[Any] = [None] * len(self)
        for multiply, weights in zip(methods, self.weights, strict=True):
            for index, product in enumerate(multiply(np.einsum("...tm,t->...m", terms, weights), wanted)):
                if product is not None:
                    total = totals[index]
                    totals[index] = product.real.copy() if total is None else np.add(total, product.real, out=total)
        for index, total in enumerate(totals):
            if total is not None:
                total = total.astype(cotangent.dtype, copy=False)
                totals[index] = placed(total, None if into is None else into[index])
        return tuple(totals)

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | None:
        """The tangent of the terms for one tangent per input; None stands for zero."""
        moved = [point.jvp(*tangents) for point in self.points]
        if moved[0] is None:
            return None
        terms = np.einsum("p...m,pt->...tm", np.stack([np.asarray(one) for one in moved]), self.weights).real
        dtype = np.result_type(*(tangent for tangent in tangents if tangent is not None))
        return terms.reshape(*terms.shape[:-2], -1).astype(dtype, copy=False)

    def _terms(self, cotangent: np.ndarray) -> np.ndarray:
        """A cotangent with an axis of terms, `(*seeds, batch, terms, outputs)`."""
        return cotangent.reshape(*cotangent.shape[:-1], self.weights.shape[1], -1)

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the terms depends on other rows of the data."""
        return self.points[0].mixes_rows

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that the Jacobians at all points keep."""
        for point in self.points:
            yield from point.stored()
