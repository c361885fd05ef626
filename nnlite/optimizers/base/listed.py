"""Parts of an optimizer's state as variables, with Keras's names and meaning."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.parameters import Parameter

__all__ = ["KerasSlot", "StateVariable", "slot_variable"]


class KerasSlot(NamedTuple):
    """A slot as Keras lists it.

    Attributes:
        name: that of the slot here.
        keras_name: that of its variables there, after the name of the parameter; that alone if it is empty.
        factor: what Keras's values are multiplied by here.
    """

    name: str
    keras_name: str
    factor: float = 1.0


class StateVariable(Parameter):
    """A copy of a part of an optimizer's state; assignments to it are forwarded to the optimizer."""

    __slots__ = ("_write",)

    def __init__(self, name: str, value: ArrayLike, dtype: Any, write: Callable[[np.ndarray], None]) -> None:
        super().__init__(name, np.array(value, dtype), trainable=False)
        self._write = write

    def __eq__(self, other: object) -> Any:
        """Elementwise, as for arrays, since a copy has no identity of its own."""
        return self.value == (other.value if isinstance(other, Parameter) else other)

    def __ne__(self, other: object) -> Any:
        return self.value != (other.value if isinstance(other, Parameter) else other)

    __hash__ = object.__hash__

    def assign(self, value: ArrayLike) -> np.ndarray:
        """Copy `value` in, and return the new value; `ShapeError` unless the shape is the same."""
        super().assign(value)
        self._write(self.value)
        return self.value


def slot_variable(path: str, slot: KerasSlot, views: Callable[[], dict[str, np.ndarray]]) -> StateVariable:
    """The variable of a slot of the parameter at a path; `views` gives those of its slots, whenever it is called."""
    view = views()[slot.name]
    factor = view.dtype.type(slot.factor)

    def write(value: np.ndarray) -> None:
        views()[slot.name][...] = value * factor

    name = f"{path}_{slot.keras_name}" if slot.keras_name else path
    return StateVariable(name, view / factor, view.dtype, write)
