"""The Jacobians of a layer whose batch consists of examples and steps."""

from collections.abc import Iterator, Sequence

import numpy as np

from nnlite.jacobians.bundles.bundle import Bundle, Into, Products, Wanted
from nnlite.jacobians.bundles.partial import Partial
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["FoldedJacobians"]


class FoldedJacobians(Bundle):
    """The Jacobians of `(batch * steps, ...) -> (batch * steps, ...)` seen as `(batch, steps, ...)`.

    Args:
        inner: the Jacobians of the layer on the long batch.
        in_shape, out_shape: of the inputs and outputs with both axes.
    """

    __slots__ = ("in_shape", "inner", "out_shape")

    def __init__(self, inner: Bundle, in_shape: tuple[int, ...], out_shape: tuple[int, ...]):
        self.inner = inner
        self.in_shape = in_shape
        self.out_shape = out_shape

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        targets = None if into is None else (None, *into[1:])
        by_inputs, *rest = self.inner.vjp(self._folded(cotangent, self.out_shape), wanted, targets)
        if by_inputs is not None:
            by_inputs = by_inputs.reshape(seeds + self.in_shape)
            if into is not None and into[0] is not None:
                into[0][...] = by_inputs
                by_inputs = into[0]
        return (by_inputs, *rest)

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | None:
        """The tangent of the output for one tangent per input; None stands for zero."""
        first, *rest = tangents
        result = self.inner.jvp(None if first is None else self._folded(first, self.in_shape), *rest)
        rank = len(self.out_shape) - 1
        return None if result is None else result.reshape(*result.shape[: result.ndim - rank], *self.out_shape)

    def per_example(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the data."""
        if self.mixes_rows:
            return super().per_example(cotangent, wanted, into)
        results = self.inner.per_example(self._folded(cotangent, self.out_shape), wanted)
        batch, steps = self.in_shape[:2]
        return tuple(
            None if result is None else result.reshape(batch, steps, *result.shape[1:]).sum(axis=1, out=target)
            for result, target in zip(results, into or (None,) * len(results), strict=True)
        )

    @staticmethod
    def _folded(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return array.reshape(*array.shape[: array.ndim - len(shape)], shape[0] * shape[1], *shape[2:])

    @property
    def state(self) -> tuple:
        """New values of the layer's non-trainable parameters."""
        return self.inner.state

    @property
    def mixes_rows(self) -> bool:
        """Whether an example's output depends on other examples."""
        return self.inner.mixes_rows

    def parts(self) -> Sequence[tuple[str, Jacobian | Bundle]]:
        """Parts of the maps, for display."""
        return self.inner.parts()

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that the maps keep."""
        return self.inner.stored()

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Partial | None:
        part = self.inner[index]
        if part is None:
            return None
        return Partial(self, index, part.in_shape if index else self.in_shape, self.out_shape)

    def __repr__(self) -> str:
        return f"FoldedJacobians({self.inner!r})"
