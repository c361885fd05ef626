"""The Jacobians of a layer whose batch is made of examples and steps."""

from nnlite.jacobians.bundles.base import without_data
from nnlite.jacobians.bundles.partial import Partial
from nnlite.jacobians.maps.base import one_row_each

__all__ = ["FoldedJacobians"]


class FoldedJacobians:
    """The Jacobians of `(batch * steps, ...) -> (batch * steps, ...)` seen as `(batch, steps, ...)`.

    Args:
        inner: the Jacobians of the layer on the long batch.
        in_shape, out_shape: of the inputs and outputs with both axes.
    """

    __slots__ = ("in_shape", "inner", "out_shape")

    data, mask = 1, None

    def __init__(self, inner, in_shape, out_shape):
        self.inner = inner
        self.in_shape = in_shape
        self.out_shape = out_shape

    def vjp(self, cotangent, wanted=None, into=None) -> tuple:
        """One product per input; arguments and results as in `Jacobians.vjp`."""
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        by_inputs, *rest = self.inner.vjp(self._folded(cotangent, self.out_shape), wanted, into)
        return (None if by_inputs is None else by_inputs.reshape(seeds + self.in_shape), *rest)

    def jvp(self, *tangents):
        """The tangent of the output for one tangent per input; None stands for zero."""
        first, *rest = tangents
        result = self.inner.jvp(None if first is None else self._folded(first, self.in_shape), *rest)
        rank = len(self.out_shape) - 1
        return None if result is None else result.reshape(*result.shape[: result.ndim - rank], *self.out_shape)

    def per_example(self, cotangent, wanted=None) -> tuple:
        """As `vjp`, without the sum over the batch; the data are left out with None."""
        if self.mixes_rows:
            return without_data(self, one_row_each(cotangent), wanted)
        results = self.inner.per_example(self._folded(cotangent, self.out_shape), wanted)
        batch, steps = self.in_shape[:2]
        return tuple(
            None if result is None else result.reshape(batch, steps, *result.shape[1:]).sum(axis=1)
            for result in results
        )

    def _folded(self, array, shape):
        return array.reshape(*array.shape[: array.ndim - len(shape)], shape[0] * shape[1], *shape[2:])

    @property
    def state(self) -> tuple:
        """New values of the layer's non-trainable parameters."""
        return self.inner.state

    @property
    def mixes_rows(self) -> bool:
        """Whether an example's output depends on other examples."""
        return self.inner.mixes_rows

    def parts(self):
        """What the maps are made of, for display."""
        return self.inner.parts()

    def stored(self):
        """The arrays that the maps keep."""
        return self.inner.stored()

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index):
        """The map from one input to the output; None without derivative."""
        part = self.inner[index]
        if part is None:
            return None
        return Partial(self, index, part.in_shape if index else self.in_shape, self.out_shape)

    def __repr__(self) -> str:
        return f"FoldedJacobians({self.inner!r})"
