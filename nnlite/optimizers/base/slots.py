"""State of an optimizer: slots for the parameters, saving and restoring them, and listing them as variables."""

import warnings
from collections.abc import MutableMapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import ArrayLike
from nnlite.errors import ModelFileError, NotReadyError, ShapeError
from nnlite.optimizers.base.blocks import SummedPack
from nnlite.optimizers.base.listed import KerasSlot, StateVariable, slot_variable
from nnlite.optimizers.base.rates import UpdateCount
from nnlite.optimizers.base.steps import WrittenSteps
from nnlite.optimizers.base.tables import TableRows, TableSums
from nnlite.parameters import Parameter, RowPack, assign_all
from nnlite.variables import ScopePlace

__all__ = ["AVERAGE", "FLUSH_PERIOD", "GRADIENT_SUM", "Slots", "update_mean"]

AVERAGE, GRADIENT_SUM = "average", "gradient_accumulator"  # of the values, of gradients between two updates: as Keras
TABLES = "tables"  # of `TableSums`

# After this many batches, numbers that have decayed almost to 0 are set to 0: arithmetic with subnormal numbers takes
# up to a hundred times as long. At this interval, it costs less than a hundredth of the updates between.
FLUSH_PERIOD = 128

Vectors = dict[str, np.ndarray]


class Slots:
    """The state of an optimizer: `batches`, and `slots[pack][name]`, vectors with the dtype of the values.

    Attributes:
        batches: how many times gradients came; it is what schedules count.
    """

    _sums: TableSums | None = None  # of the first pack, while its slots are in that form

    use_ema: bool
    gradient_accumulation_steps: int | None
    learning_rate: Any
    name: str | None

    def __init__(self) -> None:
        self.batches = 0
        self._written = WrittenSteps(type(self).__name__)
        self.slots = []
        self._layout: list[tuple] = []
        self._expected: list[dict[str, tuple]] = []  # shape and dtype of each slot
        self._names: list[list[str]] = []  # of the parameters of each pack, as those of their slots begin
        self._described: list[tuple[Sequence[str], list[slice], Sequence[tuple[int, ...]]]] = []  # of each pack

    @property
    def iterations(self) -> int:
        """The number of updates: of batches, or of groups of `gradient_accumulation_steps`."""
        return UpdateCount.of(self, self._updates)

    @iterations.setter
    def iterations(self, value: int) -> None:
        self.batches = value * (self.gradient_accumulation_steps or 1)

    @property
    def _updates(self) -> int:
        """As `iterations`, a plain number, in a fifth of the time."""
        return self.batches // (self.gradient_accumulation_steps or 1)

    @property
    def built(self) -> bool:
        """Whether the slots have been created, that is, whether the parameters are known."""
        return bool(self._layout)

    @property
    def slots(self) -> list[Vectors]:
        """One dict per pack; empty before the first update."""
        if self._sums is not None:
            sums, self._sums = self._sums, None
            sums.settle(self._kept_slots[0])
        return self._kept_slots

    @slots.setter
    def slots(self, slots: list[Vectors]) -> None:
        self.__dict__["slots"], self._sums = slots, None

    @property
    def _kept_slots(self) -> list[Vectors]:
        """The slots in the form that they are in."""
        return self.__dict__["slots"]

    def takes_rows(self) -> bool:
        """Whether `take_rows` may be called before the next step."""
        return False

    def take_rows(self, tables: Sequence[TableRows]) -> None:
        """Let the next step have the gradients of these tables, of a single pack, from their rows."""

    def slot_names(self) -> tuple[str, ...]:
        """Names of the vectors that `update` keeps between steps; none by default."""
        return ()

    def slots_of(self, shape: tuple[int, ...], path: str) -> tuple[str, ...]:
        """Names of the slots that a parameter of this shape and path has."""
        return self.slot_names()

    def fading_slots(self) -> tuple[str, ...]:
        """The slots that decay towards 0 while gradients are 0; their negligible values are flushed to 0."""
        return self.slot_names()

    def new_slots(self, pack: Any) -> Vectors:
        """The slots of a pack before the first update: zeros of the size of its values."""
        size, dtype = pack.values.size, pack.values.dtype
        return {name: kernels.aligned_zeros(size, dtype) for name in self.slot_names()}

    def get_state(self) -> dict:
        """A copy of the mutable state: `{"iterations": int, "slots": [{name: vector}]}`.

        The number is that of batches, which with `gradient_accumulation_steps` are more than the updates. Variables
        that a subclass added are among the slots of the first pack, and so is the form that `TableSums` gave these: a
        training that resumes from here is the same to the last bit.
        """
        slots = [{name: slot.copy() for name, slot in pack_slots.items()} for pack_slots in self._kept_slots]
        if self._sums is not None:
            slots[0][TABLES] = self._sums.form()
        self._written.put_into(slots)
        return {"iterations": self.batches, "slots": slots}

    def set_state(self, state: dict) -> None:
        """Restore the result of `get_state`, of this or another optimizer with the same configuration.

        Raises:
            ModelFileError: the slots have other names than this optimizer's.
            ShapeError: the slots belong to other parameters than this optimizer's.
        """
        slots = [{name: np.array(slot) for name, slot in pack_slots.items()} for pack_slots in state["slots"]]
        names = (*self.slot_names(), *self._shared_names())
        form = slots[0].pop(TABLES, None) if slots and "squares" in names else None
        self._written.take_from(slots)
        for pack_slots in slots:
            if set(pack_slots) != set(names):
                needed, saved = (", ".join(sorted(group)) or "none" for group in (names, pack_slots))
                raise ModelFileError(f"{self!r} needs the slots: {needed}; the saved state has: {saved}")
        if slots and self._layout:
            self._check_slots(slots, self._expected)
        self.slots, self._layout = slots, []
        self._sums = None if form is None else TableSums.of_form(form)
        self.batches = int(state["iterations"])

    def _shared_names(self) -> tuple[str, ...]:
        """Names of the slots that any optimizer may have."""
        return (AVERAGE,) * self.use_ema + (GRADIENT_SUM,) * bool(self.gradient_accumulation_steps)

    def _fill_slots(self, packs: Sequence) -> None:
        """Make the slots of `packs`, or check that the present ones fit."""
        made = [
            self.new_slots(pack) | {name: np.zeros_like(pack.values) for name in self._shared_names()} for pack in packs
        ]
        expected = [{name: (slot.shape, slot.dtype) for name, slot in vectors.items()} for vectors in made]
        if self._kept_slots:
            self._check_slots(self._kept_slots, expected)
        else:
            self.slots = made
        self._expected = expected
        self._described = [(pack.paths, pack.segments, pack.shapes) for pack in packs]
        self._names = [list(map(_name_in_state, pack.parameters, pack.paths)) for pack in packs]

    def _check_slots(self, slots: list[Vectors], expected: list[dict[str, tuple]]) -> None:
        if len(slots) != len(expected):
            raise ShapeError(f"{self!r} has slots for {len(slots)} packs, got {len(expected)} packs")
        for pack_slots, needed in zip(slots, expected, strict=True):
            for name, slot in pack_slots.items():
                shape, dtype = needed[name]
                if (slot.shape, slot.dtype) != (shape, dtype):
                    raise ShapeError(
                        f"{self!r} has a slot {name!r} of shape {slot.shape} and type {slot.dtype}, but the "
                        f"parameters have {shape} and {dtype}; other parameters need a new optimizer"
                    )

    def _sum_gradients(self, packs: Sequence) -> list["SummedPack"]:
        """Add the gradients to those kept; with the last of a group the packs of their means, before that none."""
        steps = self.gradient_accumulation_steps or 1
        whole = (self.batches + 1) % steps == 0
        for pack, slots in zip(packs, self.slots, strict=True):
            total = slots[GRADIENT_SUM]
            if isinstance(pack, RowPack):
                total.reshape(-1, pack.width)[pack.rows] += pack.gradients.reshape(-1, pack.width)
            else:
                np.add(total, pack.gradients, total)
            if whole:
                np.divide(total, steps, total)
        return [SummedPack(pack, slots[GRADIENT_SUM]) for pack, slots in zip(packs, self.slots, strict=True) if whole]

    def _average_values(self, packs: Sequence, momentum: float) -> None:
        """`average = momentum * average + (1 - momentum) * values`; the first average is the values."""
        momentum = momentum if self.iterations else 0.0
        for pack, slots in zip(packs, self.slots, strict=True):
            average = slots[AVERAGE]
            np.multiply(average, momentum, average)
            np.add(average, pack.values * (1.0 - momentum), average)

    def put_averages(self, packs: Sequence) -> None:
        """Swap the averages of `use_ema` into the values of the packs, as `fit` does at its end."""
        for pack, slots in zip(packs, self.slots, strict=True):
            np.copyto(pack.values, slots[AVERAGE])

    def _flush(self, packs: Sequence) -> None:
        """Let what is next to nothing be 0; of a `RowPack` the rows see to it when they are updated."""
        names = (*self.fading_slots(), *(AVERAGE,) * self.use_ema)
        for pack, slots in zip(packs, self.slots, strict=True):
            if not isinstance(pack, RowPack):
                for name in names:
                    kernels.flush(slots[name])

    def keras_slots(self) -> list[list[KerasSlot]]:
        """The slots in Keras's order: of each group, those of one parameter are adjacent."""
        return [[KerasSlot(name, name) for name in self.slot_names()]]

    def further_variables(self) -> list[Parameter]:
        """The variables that Keras lists after the slots, such as those added by a subclass."""
        self._written.take_waiting()
        return list(self._written.added)

    @property
    def variables(self) -> list[Parameter]:
        """The mutable state, as Keras lists it: the number of batches, the learning rate if a number, the slots."""
        listed: list[Parameter] = [StateVariable("iteration", self.batches, np.int32, self._set_batches)]
        if isinstance(self.learning_rate, float):
            listed.append(StateVariable("learning_rate", self.learning_rate, np.float32, self._set_rate))
        shared = [[KerasSlot(name, name)] for name in (AVERAGE, GRADIENT_SUM) if name in self._shared_names()]
        for group in (*shared, *self.keras_slots()):
            for number, index in self._in_order():
                views, name = partial(self.slot_views, number, index), self._names[number][index]
                present = [slot for slot in group if slot.name in views()]
                listed += [slot_variable(name, slot, views) for slot in present]
        listed += self.further_variables() if self.built else []
        for variable in listed:
            variable.place = ScopePlace(str(self.name))
        return listed

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Take over the `variables` of another optimizer of the same kind, built for the same variables.

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
        """Put `variables` into a store, such as a dict or an HDF5 group, under the names "0", "1" and so on."""
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.value

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Restore what `save_own_variables` put into a store; issues a warning if the number of arrays differs."""
        wanted = len(self.variables)
        if len(store) != wanted:
            built = "" if self.built else ": build(variables) comes first"
            message = f"{self.name}: nothing is loaded, it has {wanted} variables, the store {len(store)}{built}"
            warnings.warn(message, stacklevel=2)
        else:
            assign_all(self.variables, [np.asarray(store[str(n)]) for n in range(wanted)], type(self).__name__)

    def _in_order(self) -> list[tuple[int, int]]:
        """The pack and the index in it of each parameter, in the order in which they were given."""
        return [(number, index) for number, (paths, *_) in enumerate(self._described) for index in range(len(paths))]

    def slot_views(self, number: int, index: int) -> dict[str, np.ndarray]:
        """The slots of one parameter of a pack, in its shape."""
        _, segments, shapes = self._described[number]
        return {name: slot[segments[index]].reshape(shapes[index]) for name, slot in self.slots[number].items()}

    def _set_batches(self, value: np.ndarray) -> None:
        self.batches = int(value)

    def _set_rate(self, value: np.ndarray) -> None:
        self.learning_rate = float(str(value))  # the shortest number that is this one in float32


def _name_in_state(parameter: Any, path: str) -> str:
    """The beginning of the names of a parameter's slots: its whole path, if it has a place in a model."""
    placed = isinstance(parameter, Parameter) and parameter.place is not None
    return (parameter.path if placed else path).replace("/", "_")


def update_mean(mean: np.ndarray, sample: np.ndarray, share: float, scratch: np.ndarray | None = None) -> None:
    """`mean += share * (sample - mean)`, in place; `scratch`, of their shape, may be the sample."""
    np.add(mean, np.multiply(np.subtract(sample, mean, scratch), share, scratch), mean)
