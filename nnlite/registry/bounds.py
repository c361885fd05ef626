"""Bounds of values, as annotations of types."""

import typing
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, shown


class Bound(ABC):
    """A condition on values, as an annotation of a type; `str` gives it in words."""

    @abstractmethod
    def check(self, value: Any) -> None:
        """Raise `ConfigError` unless the value meets the condition."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The condition as keywords of JSON Schema."""


@dataclass(frozen=True, repr=False)
class Range(Bound):
    """Bounds of a number, for `Annotated[float, Range(0, 1)]`; an open end excludes its bound.

    >>> typing.Annotated[int, Range(1)]
    typing.Annotated[int, Range(>= 1)]
    """

    low: float = -np.inf
    high: float = np.inf
    low_open: bool = False
    high_open: bool = False

    def check(self, value: float) -> None:
        """Raise `ConfigError` unless `value` lies between the bounds."""
        below = value <= self.low if self.low_open else value < self.low
        above = value >= self.high if self.high_open else value > self.high
        if below or above:
            raise ConfigError(f"must be {self}, got {shown(value)}")

    def schema(self) -> dict[str, float]:
        """The bounds as keywords of JSON Schema."""
        low = {("exclusiveMinimum" if self.low_open else "minimum"): self.low}
        high = {("exclusiveMaximum" if self.high_open else "maximum"): self.high}
        return (low if self.low > -np.inf else {}) | (high if self.high < np.inf else {})

    def __str__(self) -> str:
        if self.high == np.inf:
            return f"{'>' if self.low_open else '>='} {self.low:g}"
        return f"in {'(' if self.low_open else '['}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"

    def __repr__(self) -> str:
        """Short form, for signatures in `help`."""
        return f"Range({self})"


def bounds_of(hint: Any) -> list[Bound]:
    """The bounds in an annotated type; other annotations, such as a unit, have no effect."""
    return [note for note in hint.__metadata__ if isinstance(note, Bound)]


Positive = typing.Annotated[float, Range(0, low_open=True)]
NonNegative = typing.Annotated[float, Range(0)]
Fraction = typing.Annotated[float, Range(0, 1)]
BelowOne = typing.Annotated[float, Range(0, 1, high_open=True)]
Count = typing.Annotated[int, Range(1)]
Index = typing.Annotated[int, Range(0)]
