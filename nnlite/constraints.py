"""Constraints on parameters, enforced after each update."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np

from nnlite.config import epsilon
from nnlite.errors import ConfigError
from nnlite.registry import Configurable, NamedFunction, modules
from nnlite.registry.bounds import NonNegative, Range

__all__ = [
    "Constraint",
    "FunctionConstraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint(Configurable, family="constraint"):
    """A projection of a parameter's values; a subclass writes `__call__`.

    >>> Constraint.get("non_neg")(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    _of_functions = "FunctionConstraint"

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The nearest allowed values, in an array of the same shape: here, all are."""
        return values


class FunctionConstraint(Constraint):
    """Constrain values by a user-defined function.

    Args:
        function: kept in files by its name, if it is registered by `register_function`.

    >>> Constraint.get(lambda values: np.clip(values, -1, 1))(np.array([-3.0, 0.5])).tolist()
    [-1.0, 0.5]
    """

    function: NamedFunction

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(self.function(values))


class NonNeg(Constraint, aliases=("nonneg",)):
    """Replace negative values by 0.

    >>> import numpy as np
    >>> NonNeg()(np.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.maximum(values, 0)


class _Norm(Constraint, abstract=True):
    """Base of those that scale vectors along `axis`. A subclass writes `wanted`."""

    if TYPE_CHECKING:  # a field of the subclasses
        axis = cast("int | Sequence[int]", None)

    def wanted(self, norms: np.ndarray) -> Any:
        """The norms that vectors of these norms get."""
        raise NotImplementedError(f"{type(self).__name__} must define wanted(norms)")

    def __call__(self, values: np.ndarray) -> np.ndarray:
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        if np.min(axis) < -values.ndim or np.max(axis) >= values.ndim:
            message = f"is {self.axis}; the parameter has the shape {values.shape}"
            raise ConfigError(message, (type(self).__name__, "axis"))
        norms = np.sqrt(np.square(values).sum(axis=axis, keepdims=True))
        return values * (self.wanted(norms) / (norms + epsilon()))


class MaxNorm(_Norm):
    """Limit the norm of vectors along `axis` to `max_value`; longer vectors are scaled down.

    Args:
        max_value: >= 0.
        axis: an axis or several: 0 for the weights of each unit of `Dense`, (0, 1, 2) for the filters of `Conv2D`.

    Reference: Srivastava et al. 2014, "Dropout".

    >>> MaxNorm(1.0)(np.array([[3.0], [4.0]])).round(4).tolist()
    [[0.6], [0.8]]
    """

    max_value: NonNegative = 2.0
    axis: int | tuple[int, ...] = 0

    def wanted(self, norms: np.ndarray) -> Any:
        return np.minimum(norms, self.max_value)


class UnitNorm(_Norm):
    """Scale vectors along `axis` to norm 1.

    Args:
        axis: as in `MaxNorm`.

    >>> import numpy as np
    >>> UnitNorm()(np.array([[3.0, 0.0], [4.0, 2.0]])).round(6).tolist()
    [[0.6, 0.0], [0.8, 1.0]]
    """

    axis: int | tuple[int, ...] = 0

    def wanted(self, norms: np.ndarray) -> Any:
        return 1


class MinMaxNorm(_Norm):
    """Keep the norm of vectors along `axis` between two bounds.

    Args:
        min_value, max_value: the bounds, >= 0.
        rate: in [0, 1], how far each update goes from the present norm to the bound: 1 for all the way.
        axis: as in `MaxNorm`.

    Raises:
        ConfigError: min_value > max_value.

    >>> import numpy as np
    >>> MinMaxNorm(1.0, 2.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(6).tolist()  # columns of length 5 and 0.5
    [[1.2, 0.6], [1.6, 0.8]]
    """

    min_value: NonNegative = 0.0
    max_value: NonNegative = 1.0
    rate: Annotated[float, Range(0, 1)] = 1.0
    axis: int | tuple[int, ...] = 0

    def validate(self) -> None:
        if self.min_value > self.max_value:
            message = f"must be <= max_value, got min_value={self.min_value}, max_value={self.max_value}"
            raise ConfigError(message, ("MinMaxNorm", "min_value"))

    def wanted(self, norms: np.ndarray) -> Any:
        return self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
get, serialize, deserialize = modules.of_family(Constraint, {})
