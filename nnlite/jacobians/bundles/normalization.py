"""The Jacobians of normalized rows, multiplied together where that is faster."""

from collections.abc import Sequence

import numpy as np

from nnlite import kernels
from nnlite.jacobians.bundles.base import Jacobians
from nnlite.jacobians.bundles.bundle import Into, Products, Wanted, placed
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["ColumnNormalizationJacobians", "NormalizationJacobians"]


class NormalizationJacobians(Jacobians):
    """The Jacobians of gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, moments over the last axes.

    A single cotangent is carried to the inputs, gamma and beta in one walk over the rows; other products are those of
    the maps. Storage: the standardized inputs and 1 / deviation.

    Args:
        maps: one for the inputs, and for gamma and beta where there are such.
        standardized, inverse_deviation: `(rows, features)` and `(rows, 1)`.
        gamma: `(features,)`, or None.
        state: new values of what is not trained.
    """

    __slots__ = ("gamma", "inverse_deviation", "standardized")

    def __init__(
        self,
        maps: Sequence[Jacobian | None],
        standardized: np.ndarray,
        inverse_deviation: np.ndarray,
        gamma: np.ndarray | None,
        state: tuple[np.ndarray, ...] = (),
    ) -> None:
        super().__init__(*maps, state=state)
        self.standardized, self.inverse_deviation, self.gamma = standardized, inverse_deviation, gamma

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        shape = self.maps[0].out_shape if self.maps[0] is not None else ()
        if cotangent.ndim > len(shape) or not (wanted is None or wanted[0]):
            return super().vjp(cotangent, wanted, into)
        by_rows, *others = self._pull(cotangent.reshape(self.standardized.shape))
        products = [by_rows, *others[self.gamma is None :]]
        results = []
        for index, part in enumerate(self.maps[: len(products)]):
            target = into[index] if into else None
            result = products[index].reshape(part.in_shape) if part and (wanted is None or wanted[index]) else None
            results.append(placed(result, target))
        return (*results, *[None] * (len(self.maps) - len(results)))

    def _pull(self, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The products for the rows, for gamma and for beta."""
        return kernels.normalize_pull(cotangent, self.standardized, self.inverse_deviation, self.gamma)


class ColumnNormalizationJacobians(NormalizationJacobians):
    """As `NormalizationJacobians`, with moments over rows and groups of features.

    Args:
        maps, gamma, state: as there; maps of what is not trained, which are None, come last.
        standardized, inverse_deviation: `(stack, rows, features)` and `(stack, features)`.
        groups: how many groups of neighboring features there are.
    """

    __slots__ = ("groups",)

    def __init__(
        self,
        maps: Sequence[Jacobian | None],
        standardized: np.ndarray,
        inverse_deviation: np.ndarray,
        gamma: np.ndarray | None,
        groups: int,
        state: tuple[np.ndarray, ...] = (),
    ) -> None:
        super().__init__(maps, standardized, inverse_deviation, gamma, state)
        self.groups = groups

    def _pull(self, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return kernels.normalize_columns_pull(
            cotangent, self.standardized, self.inverse_deviation, self.gamma, self.groups
        )
