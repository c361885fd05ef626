"""The Jacobians of normalized rows, multiplied together where that is quicker."""

from collections.abc import Sequence

import numpy as np

from nnlite import kernels
from nnlite.jacobians.bundles.base import Jacobians
from nnlite.jacobians.bundles.bundle import Into, Products, Wanted, placed
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["NormalizationJacobians"]


class NormalizationJacobians(Jacobians):
    """The Jacobians of gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, moments over the last axes.

    A single cotangent is carried to the inputs, gamma and beta in one walk over the rows; other products are those of
    the maps. Storage: the standardized inputs and 1 / deviation.

    Args:
        maps: one for the inputs, and for gamma and beta where there are such.
        standardized, inverse_deviation: `(rows, features)` and `(rows, 1)`.
        gamma: `(features,)`, or None.
    """

    __slots__ = ("gamma", "inverse_deviation", "standardized")

    def __init__(
        self,
        maps: Sequence[Jacobian],
        standardized: np.ndarray,
        inverse_deviation: np.ndarray,
        gamma: np.ndarray | None,
    ):
        super().__init__(*maps)
        self.standardized, self.inverse_deviation, self.gamma = standardized, inverse_deviation, gamma

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        shape = self.maps[0].out_shape if self.maps[0] is not None else ()
        if cotangent.ndim > len(shape) or not (wanted is None or wanted[0]):
            return super().vjp(cotangent, wanted, into)
        rows = cotangent.reshape(self.standardized.shape)
        by_rows, *others = kernels.normalize_pull(rows, self.standardized, self.inverse_deviation, self.gamma)
        products = [by_rows, *others[self.gamma is None :]]
        results = []
        for index, part in enumerate(self.maps):
            target = into[index] if into else None
            result = products[index].reshape(part.in_shape) if part and (wanted is None or wanted[index]) else None
            results.append(placed(result, target))
        return tuple(results)
