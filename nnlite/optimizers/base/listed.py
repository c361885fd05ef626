"""The state of an optimizer as a list of variables: their names, order and meaning are Keras's."""

import warnings
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import NotReadyError
from nnlite.optimizers.base.slots import AVERAGE, GRADIENT_SUM, Slots
from nnlite.parameters import Parameter, assign_all

__all__ = ["KerasSlot", "ListedState", "StateVariable"]


class KerasSlot(NamedTuple):
    """A slot as Keras lists it.

    Attributes:
        name: that of the slot here.
        keras_name: that of its variables there.
        factor: what Keras's values are multiplied by here.
    """

    name: str
    keras_name: str
    factor: float = 1.0


class StateVariable(Parameter):
    """A copy of a part of an optimizer's state; what is assigned to it goes to the optimizer too."""

    __slots__ = ("_write",)

    def __init__(self, name: str, value: ArrayLike, dtype: Any, write: Callable[[np.ndarray], None]) -> None:
        super().__init__(name, np.array(value, dtype), trainable=False)
        self._write = write

    def assign(self, value: ArrayLike) -> None:
        """Copy `value` in; `ShapeError` unless the shape is the same."""
        super().assign(value)
        self._write(self.value)


class ListedState(Slots):
    """The state of an optimizer as variables, as a list of arrays, and in a store by their numbers."""

    learning_rate: Any
    name: str | None

    def keras_slots(self) -> list[list[KerasSlot]]:
        """The slots in Keras's order: of each group, those of one parameter come one after another."""
        return [[KerasSlot(name, name) for name in self.slot_names()]]

    def further_variables(self) -> list[StateVariable]:
        """What Keras lists behind the slots."""
        return []

    @property
    def variables(self) -> list[Parameter]:
        """State that changes during training, as Keras lists it: the number of batches, the learning rate where it is
        a number, and the slots. They are copies; `assign` changes the optimizer.
        """
        listed = [StateVariable("iteration", self.batches, np.int32, self._set_batches)]
        if isinstance(self.learning_rate, float):
            listed.append(StateVariable("learning_rate", self.learning_rate, np.float32, self._set_rate))
        shared = [[KerasSlot(name, name)] for name in (AVERAGE, GRADIENT_SUM) if name in self._shared_names()]
        for group in (*shared, *self.keras_slots()):
            for number, place in self._in_order():
                views, path = self._slot_views(number, place), self._described[number][0][place].replace("/", "_")
                listed += [_slot_variable(path, slot, views[slot.name]) for slot in group if slot.name in views]
        return [*listed, *self.further_variables()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Take over `variables` of another optimizer of the same kind, built for the same variables.

        Raises:
            NotReadyError: before `build`.
            ShapeError: another number of arrays, or other shapes.
        """
        if not self.built:
            raise NotReadyError(
                "You are calling set_weights() on an optimizer that has not yet been built: call build(variables) first"
            )
        assign_all(self.variables, list(weights), type(self).__name__)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of `variables`."""
        return [variable.value for variable in self.variables]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put `variables` into a store, such as a dict or a group of HDF5, under the names "0", "1" and so on."""
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.value

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take over what `save_own_variables` has put into a store; a warning, if that is another number of arrays."""
        wanted = len(self.variables)
        if len(store) != wanted:
            built = "" if self.built else ": build(variables) comes first"
            message = f"{self.name}: nothing is loaded, it has {wanted} variables, the store {len(store)}{built}"
            warnings.warn(message, stacklevel=2)
        else:
            assign_all(self.variables, [np.asarray(store[str(n)]) for n in range(wanted)], type(self).__name__)

    def _in_order(self) -> list[tuple[int, int]]:
        """The pack and the place in it of each parameter, in the order in which they were given."""
        return [(number, place) for number, (paths, *_) in enumerate(self._described) for place in range(len(paths))]

    def _slot_views(self, number: int, place: int) -> dict[str, np.ndarray]:
        """The slots of one parameter of a pack, in its shape."""
        _, segments, shapes = self._described[number]
        return {name: slot[segments[place]].reshape(shapes[place]) for name, slot in self.slots[number].items()}

    def _set_batches(self, value: np.ndarray) -> None:
        self.batches = int(value)

    def _set_rate(self, value: np.ndarray) -> None:
        self.learning_rate = float(str(value))  # the shortest number that is this one in float32


def _slot_variable(path: str, slot: KerasSlot, view: np.ndarray) -> StateVariable:
    factor = view.dtype.type(slot.factor)

    def write(value: np.ndarray) -> None:
        view[...] = value * factor

    return StateVariable(f"{path}_{slot.keras_name}", view / factor, view.dtype, write)
