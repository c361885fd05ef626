"""A number of a metric's state, as Keras's variables are."""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.metrics.state.variables import listed
from nnlite.ops.plain.numbers import Number

__all__ = ["StateNumber", "state_number"]


class StateNumber(Number):
    """A number of a metric's state in double precision, with the methods of Keras's variables.

    Attributes:
        name: that of the attribute it is the value of, which `assign` sets.
    """

    __slots__ = ("_metric", "name")
    trainable = False

    def __new__(cls, value: float, metric: Any, name: str) -> "StateNumber":
        number = super().__new__(cls, value)
        number._metric, number.name = metric, name
        return number

    @property
    def path(self) -> str:
        """The name, after that of the metric."""
        return f"{self._metric.name}/{self.name}"

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the metric."""
        return self.numpy().dtype

    def numpy(self) -> np.ndarray:
        """The number in `dtype`."""
        return listed(self._metric, self.name, self.name).numpy()

    value = property(numpy)

    def assign(self, value: ArrayLike) -> "StateNumber":
        """Replace the number in the metric; the new one."""
        setattr(self._metric, self.name, value)
        return getattr(self._metric, self.name)

    def assign_add(self, value: ArrayLike) -> "StateNumber":
        """Add to the number in the metric."""
        return self.assign(getattr(self._metric, self.name) + np.asarray(value))

    def assign_sub(self, value: ArrayLike) -> "StateNumber":
        """Subtract from the number in the metric."""
        return self.assign(getattr(self._metric, self.name) - np.asarray(value))


def state_number(name: str, description: str) -> Any:
    """An attribute whose value is a `StateNumber`; the plain number is kept under the name after an underscore."""
    key = f"_{name}"

    def read(metric: Any) -> StateNumber:
        return StateNumber(vars(metric)[key], metric, name)

    def write(metric: Any, value: ArrayLike) -> None:
        vars(metric)[key] = np.asarray(value, np.float64).item()

    return property(read, write, doc=description)
