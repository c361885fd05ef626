"""Jacobians of arrays divided by a function of themselves, and of moments over unmasked entries."""

from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.composition import Composed

__all__ = ["MaskedStandardize", "Quotient", "Reparametrized"]


class Quotient(Jacobian):
    """y = x / size, where size is a function of the entries of x along `axes` (counted from the right).

    With d size / d x = weight * direction, J = (I - y (weight * direction)') / size:
    vjp is `(g - weight * direction * sum(g * y)) / size`, jvp `(t - y * sum(weight * direction * t)) / size`.
    Storage: y, direction (often y itself), 1 / size and weight.
    """

    __slots__ = ("axes", "direction", "inverse_size", "quotient", "weight")

    def __init__(self, quotient, direction, inverse_size, axes, weight=1):
        super().__init__(quotient.shape, quotient.shape)
        self.quotient = quotient
        self.direction = direction
        self.inverse_size = inverse_size
        self.axes = axes
        self.weight = weight

    @property
    def mixes_rows(self):
        return -len(self.in_shape) in self.axes

    def vjp(self, cotangent):
        along = (cotangent * self.quotient).sum(axis=self.axes, keepdims=True) * self.weight
        return (cotangent - self.direction * along) * self.inverse_size

    def jvp(self, tangent):
        along = (tangent * self.direction).sum(axis=self.axes, keepdims=True) * self.weight
        return (tangent - self.quotient * along) * self.inverse_size


class MaskedStandardize(Jacobian):
    """z = (x - mean) / sqrt(variance + epsilon), moments weighted by `shares`, which sum to 1 over `axes`.

    jvp is `(t - sum(shares * t) - z * sum(shares * z * t)) / deviation`, vjp its transpose
    `(g - shares * (sum(g) + z * sum(z * g))) / deviation`. Storage: z, 1 / deviation and shares.
    """

    __slots__ = ("axes", "inverse_deviation", "shares", "standardized")

    def __init__(self, standardized, inverse_deviation, axes, shares):
        super().__init__(standardized.shape, standardized.shape)
        self.standardized = standardized
        self.inverse_deviation = inverse_deviation
        self.axes = axes
        self.shares = shares

    @property
    def mixes_rows(self):
        return -len(self.in_shape) in self.axes

    def vjp(self, cotangent):
        total = cotangent.sum(axis=self.axes, keepdims=True)
        along = (cotangent * self.standardized).sum(axis=self.axes, keepdims=True)
        return (cotangent - self.shares * (total + self.standardized * along)) * self.inverse_deviation

    def jvp(self, tangent):
        weighted = tangent * self.shares
        mean = weighted.sum(axis=self.axes, keepdims=True)
        along = (weighted * self.standardized).sum(axis=self.axes, keepdims=True)
        return (tangent - mean - self.standardized * along) * self.inverse_deviation


class Reparametrized(Composed):
    """A parameter's map after a map of the parameter alone, such as the kernel divided by its norm."""

    __slots__ = ()

    def __init__(self, by_effective, by_parameter):
        super().__init__(by_effective, by_parameter)

    def per_example(self, cotangent):
        by_effective, by_parameter = self.maps
        return by_parameter.vjp(by_effective.per_example(cotangent))
