"""An array of a metric's state, as Keras's variables are."""

import numpy as np

from nnlite.arrays.types import ArrayLike

__all__ = ["MetricVariable", "named"]


class MetricVariable(np.ndarray):
    """An array that is a part of a metric's state, with the methods of Keras's variables.

    Attributes:
        name: that of `add_variable`, or of the attribute that it is a copy of.
    """

    name = ""

    @property
    def value(self) -> np.ndarray:
        """The array."""
        return self.view(np.ndarray)

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> "MetricVariable":
        """Replace all values."""
        self[...] = value
        return self

    def assign_add(self, value: ArrayLike) -> "MetricVariable":
        """Add to the values."""
        self[...] = self.value + value
        return self

    def assign_sub(self, value: ArrayLike) -> "MetricVariable":
        """Subtract from the values."""
        self[...] = self.value - value
        return self


def named(array: np.ndarray, name: str) -> MetricVariable:
    """The array itself, under a name."""
    variable = array.view(MetricVariable)
    variable.name = name
    return variable
