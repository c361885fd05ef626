"""Jacobians of normalizing functions: a diagonal plus a matrix of low rank."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.composition import Composed
from nnlite.kernels.reference.normalization import group_means

__all__ = [
    "DiagonalPlusRankOne",
    "LogSoftmaxJacobian",
    "MaskedStandardize",
    "Quotient",
    "Reparametrized",
    "SoftmaxJacobian",
    "Standardize",
    "StandardizeGroups",
]


class _AlongAxis(Jacobian):
    """A map of `probabilities` along `axis`, counted from the right."""

    __slots__ = ("axis", "probabilities")

    def __init__(self, probabilities: np.ndarray, axis: int = -1) -> None:
        super().__init__(probabilities.shape, probabilities.shape)
        self.probabilities = probabilities
        self.axis = axis

    @property
    def mixes_rows(self) -> bool:
        return self.axis == -len(self.in_shape)


class SoftmaxJacobian(_AlongAxis):
    """p = softmax(x): J = diag(p) - p p', symmetric. Both products: `p * (v - sum(p * v))`. Storage: p."""

    __slots__ = ()

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        product = cotangent * self.probabilities
        return product - self.probabilities * product.sum(axis=self.axis, keepdims=True)

    jvp = vjp


class LogSoftmaxJacobian(_AlongAxis):
    """y = x - log(sum(exp(x))): J = I - 1 p'. vjp: `g - p * sum(g)`, jvp: `t - sum(p * t)`. Storage: p."""

    __slots__ = ()

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return cotangent - self.probabilities * cotangent.sum(axis=self.axis, keepdims=True)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return tangent - (self.probabilities * tangent).sum(axis=self.axis, keepdims=True)


class Standardize(Jacobian):
    """z = (x - mean) / sqrt(variance + epsilon), moments over `axes` (counted from the right) of x itself.

    J = (I - 1 1'/n - z z'/n) / deviation, symmetric: both products are
    `(v - mean(v) - z * mean(z * v)) / deviation`. Storage: z and 1 / deviation.
    """

    __slots__ = ("axes", "inverse_deviation", "share", "standardized")

    def __init__(self, standardized: np.ndarray, inverse_deviation: np.ndarray, axes: Shape) -> None:
        super().__init__(standardized.shape, standardized.shape)
        self.standardized = standardized
        self.inverse_deviation = inverse_deviation
        self.axes = axes
        self.share = 1 / max(math.prod(standardized.shape[axis] for axis in axes), 1)

    @property
    def mixes_rows(self) -> bool:
        return -len(self.in_shape) in self.axes

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        along = (cotangent * self.standardized).sum(axis=self.axes, keepdims=True) * self.share
        centered = cotangent - cotangent.sum(axis=self.axes, keepdims=True) * self.share
        return (centered - self.standardized * along) * self.inverse_deviation

    jvp = vjp


class StandardizeGroups(Jacobian):
    """z = (x - mean) / sqrt(variance + epsilon), moments over the positions and over each group of features of x.

    J is that of `Standardize`: both products are `(v - mean(v) - z * mean(z * v)) / deviation`. Sums are taken feature
    by feature, along whole rows, and then within groups. Shape: `(batch, positions, features)`. Storage: z and
    1 / deviation, `(batch, 1, features)`.

    Args:
        groups: how many groups of features there are, each of neighbors.
    """

    __slots__ = ("groups", "inverse_deviation", "standardized")

    def __init__(self, standardized: np.ndarray, inverse_deviation: np.ndarray, groups: int) -> None:
        super().__init__(standardized.shape, standardized.shape)
        self.standardized = standardized
        self.inverse_deviation = inverse_deviation
        self.groups = groups

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        positions = self.in_shape[1]
        products = np.einsum("...pf,...pf->...f", cotangent, self.standardized)
        mean, along = (group_means(total, positions, self.groups) for total in (cotangent.sum(axis=-2), products))
        result = cotangent - mean[..., None, :]
        result -= self.standardized * along[..., None, :]
        result *= self.inverse_deviation
        return result

    jvp = vjp


class DiagonalPlusRankOne(Jacobian):
    """J = diag(diagonal) + weight * v v' along the last axis, symmetric: `diagonal * t + weight * v * sum(v * t)`.

    Storage: `diagonal`, `vector` and `weight`, broadcastable to x.
    """

    __slots__ = ("diagonal", "vector", "weight")

    def __init__(self, diagonal: np.ndarray, vector: np.ndarray, weight: np.ndarray | float) -> None:
        super().__init__(diagonal.shape, diagonal.shape)
        self.diagonal = diagonal
        self.vector = vector
        self.weight = weight

    @property
    def mixes_rows(self) -> bool:
        return len(self.in_shape) == 1

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        along = (cotangent * self.vector).sum(axis=-1, keepdims=True)
        return cotangent * self.diagonal + self.weight * self.vector * along

    jvp = vjp


class Quotient(Jacobian):
    """y = x / size, where size is a function of the entries of x along `axes` (counted from the right).

    With d size / d x = weight * direction, J = (I - y (weight * direction)') / size:
    vjp is `(g - weight * direction * sum(g * y)) / size`, jvp `(t - y * sum(weight * direction * t)) / size`.
    Storage: y, direction (often y itself), 1 / size and weight.
    """

    __slots__ = ("axes", "direction", "inverse_size", "quotient", "weight")

    def __init__(
        self,
        quotient: np.ndarray,
        direction: np.ndarray,
        inverse_size: np.ndarray,
        axes: Shape,
        weight: np.ndarray | float = 1,
    ) -> None:
        super().__init__(quotient.shape, quotient.shape)
        self.quotient = quotient
        self.direction = direction
        self.inverse_size = inverse_size
        self.axes = axes
        self.weight = weight

    @property
    def mixes_rows(self) -> bool:
        return -len(self.in_shape) in self.axes

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        along = (cotangent * self.quotient).sum(axis=self.axes, keepdims=True) * self.weight
        return (cotangent - self.direction * along) * self.inverse_size

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        along = (tangent * self.direction).sum(axis=self.axes, keepdims=True) * self.weight
        return (tangent - self.quotient * along) * self.inverse_size


class MaskedStandardize(Jacobian):
    """z = (x - mean) / sqrt(variance + epsilon), moments weighted by `shares`, which sum to 1 over `axes`.

    jvp is `(t - sum(shares * t) - z * sum(shares * z * t)) / deviation`, vjp its transpose
    `(g - shares * (sum(g) + z * sum(z * g))) / deviation`. Storage: z, 1 / deviation and shares.

    Args:
        sums: where x is a part of the rows that have these moments, gives the sum over all of them from that over x,
            in both products; None if x is all of them.
    """

    __slots__ = ("axes", "inverse_deviation", "shares", "standardized", "sums")

    def __init__(
        self,
        standardized: np.ndarray,
        inverse_deviation: np.ndarray,
        axes: Shape,
        shares: np.ndarray,
        sums: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        super().__init__(standardized.shape, standardized.shape)
        self.standardized = standardized
        self.inverse_deviation = inverse_deviation
        self.axes = axes
        self.shares = shares
        self.sums = sums

    @property
    def mixes_rows(self) -> bool:
        return -len(self.in_shape) in self.axes

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        total, along = self._sums(cotangent)
        return (cotangent - self.shares * (total + self.standardized * along)) * self.inverse_deviation

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        mean, along = self._sums(tangent * self.shares)
        return (tangent - mean - self.standardized * along) * self.inverse_deviation

    def _sums(self, values: np.ndarray) -> Iterable[np.ndarray]:
        """The sums of the values, and of their products with z."""
        sums = [part.sum(axis=self.axes, keepdims=True) for part in (values, values * self.standardized)]
        return sums if self.sums is None else self.sums(np.stack(sums))


class Reparametrized(Composed):
    """A parameter's map after a map of the parameter alone, such as the kernel divided by its norm."""

    __slots__ = ()

    def __init__(self, by_effective: Jacobian, by_parameter: Jacobian) -> None:
        super().__init__(by_effective, by_parameter)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        by_effective, by_parameter = self.maps
        return by_parameter.vjp(by_effective.per_example(cotangent))
