"""Variables that an optimizer is used on alone, as a `Pack` of those of one dtype."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import widened
from nnlite.parameters import Parameter
from nnlite.variables import Variable as Added

__all__ = ["Variable", "VariablePack", "array_of", "overwritten_among", "packed", "without_overwritten"]

Variable = Parameter | np.ndarray


class VariablePack:
    """Variables of one dtype as a `Pack`: their values are copied in before an update, and back after it.

    Attributes:
        places: the number of each among all variables.
    """

    __slots__ = ("gradients", "parameters", "paths", "places", "segments", "shapes", "values")

    def __init__(self, places: list[int], variables: Sequence[Variable], paths: Sequence[str]) -> None:
        self.places, self.parameters = places, [variables[index] for index in places]
        self.paths = [paths[index] for index in places]
        self.shapes = [variable.shape for variable in self.parameters]
        stops = np.cumsum([variable.size for variable in self.parameters]).tolist()
        self.segments = [slice(stop - v.size, stop) for stop, v in zip(stops, self.parameters, strict=True)]
        self.values = np.empty(stops[-1], array_of(self.parameters[0]).dtype)
        self.gradients = np.zeros_like(self.values)
        self.take([None] * len(places), None)

    def take(self, gradients: Sequence[Any], scale: float | None) -> None:
        """Copy the variables in, and their gradients, divided by `scale`; None for zeros."""
        for variable, gradient, segment in zip(self.parameters, gradients, self.segments, strict=True):
            self.values[segment] = array_of(variable).reshape(-1)
            self.gradients[segment] = 0.0 if gradient is None else array_of(gradient).reshape(-1)
        if scale is not None:
            np.divide(self.gradients, scale, self.gradients)

    def write_values(self) -> None:
        """Copy the values back, and apply the constraints of parameters."""
        for variable, segment in zip(self.parameters, self.segments, strict=True):
            values = self.values[segment].reshape(variable.shape)
            if isinstance(variable, Parameter):
                variable.assign(values)  # which a `StatelessScope` watches
                variable.constrain()
            else:
                variable[...] = values


def packed(variables: Sequence[Variable]) -> list[VariablePack]:
    """The variables by dtype, and parameters with gradients of single rows alone: the order of a model's packs."""
    names = [v.name if isinstance(v, Parameter) else f"variable_{n}" for n, v in enumerate(variables)]
    seen: Counter[str] = Counter()
    paths = []
    for name in names:
        paths.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    groups: dict[Any, list[int]] = {}
    rows = [[index] for index, v in enumerate(variables) if isinstance(v, Parameter) and v.sparse]
    for index, variable in enumerate(variables):
        if [index] not in rows:
            groups.setdefault(array_of(variable).dtype, []).append(index)
    return [VariablePack(places, variables, paths) for places in (*groups.values(), *rows)]


def array_of(value: Any) -> np.ndarray:
    """The numbers of a variable or a gradient; gradients of single rows are spread over all of them."""
    return value.value if isinstance(value, Parameter) else widened(np.asarray(value))


def without_overwritten(
    gradients: Sequence[Any], variables: Sequence[Variable]
) -> tuple[list[Any], list[tuple[Added, Any]]]:
    """The gradients, None for variables that take theirs as the new value; and these with what they take."""
    overwritten = dict(overwritten_among(variables))
    left = [None if number in overwritten else gradient for number, gradient in enumerate(gradients)]
    pairs = [(variable, gradients[number]) for number, variable in overwritten.items() if number < len(gradients)]
    return left, [(variable, gradient) for variable, gradient in pairs if gradient is not None]


def overwritten_among(variables: Sequence[Variable]) -> list[tuple[int, Added]]:
    """The number of each variable that takes its gradient as the new value, and the variable."""
    return [(n, v) for n, v in enumerate(variables) if isinstance(v, Added) and v.overwrite_with_gradient]
