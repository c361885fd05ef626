"""The loop over a pack, parameter by parameter, each in its own shape."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.optimizers.base import Optimizer
from nnlite.optimizers.base.patterns import parameter_factors
from nnlite.parameters import RowPack

__all__ = ["LayerwiseOptimizer"]

Shape = tuple[int, ...]


class Part(NamedTuple):
    """One parameter of a pack.

    Attributes:
        segment, shape, path: of the parameter.
        slots: name -> its slice of the slot, and the shape of that, of the slots that it has.
        update, decay: what its learning rate and its weight decay are multiplied by.
    """

    segment: slice
    shape: Shape
    path: str
    slots: dict[str, tuple[slice, Shape]]
    update: float
    decay: float


class LayerwiseOptimizer(Optimizer, abstract=True):
    """Base of the optimizers whose update is not elementwise; they write `update_parameter`.

    A slot is one vector per pack here too: those of its parameters concatenated; `slot_shapes` says what
    each has. Rows that a batch does not use are updated as well: the gradient of a sparse parameter is filled up by 0.
    """

    def slot_shapes(self, shape: Shape, path: str) -> dict[str, Shape]:
        """Name -> shape of the slots of a parameter; by default its own shape."""
        return dict.fromkeys(self.slot_names(), shape)

    def slots_of(self, shape: Shape, path: str) -> tuple[str, ...]:
        return tuple(self.slot_shapes(shape, path))

    def update_parameter(
        self, value: np.ndarray, gradient: np.ndarray, slots: dict[str, np.ndarray], learning_rate: float
    ) -> None:
        """Update `value` and `slots` in place.

        Shape: value and gradient that of the parameter, slots as `slot_shapes` says.

        Args:
            gradient: may be read only.
        """
        raise NotImplementedError

    def decay_of(self, part: Part, learning_rate: float, decay: float) -> float:
        """The fraction of a parameter's values that weight decay removes; `decay` is the common one."""
        return decay

    def new_slots(self, pack: Any) -> dict[str, np.ndarray]:
        sizes = dict.fromkeys(self.slot_names(), 0)
        for shape, path in zip(pack.shapes, pack.paths, strict=True):
            for name, slot_shape in self.slot_shapes(shape, path).items():
                sizes[name] += math.prod(slot_shape)
        return {name: np.zeros(size, pack.values.dtype) for name, size in sizes.items()}

    def _layout_of(self, packs: Sequence) -> list[tuple]:
        return [(*pack.shapes, pack.values.dtype) for pack in packs]

    def _fill_slots(self, packs: Sequence) -> None:
        super()._fill_slots(packs)
        self._parts = [self._parts_of(pack) for pack in packs]

    def _parts_of(self, pack: Any) -> list[Part]:
        factors = parameter_factors(pack.paths, self.exclude_from_weight_decay, self.learning_rate_multipliers)
        ends = dict.fromkeys(self.slot_names(), 0)
        parts = []
        for segment, shape, path, shares in zip(pack.segments, pack.shapes, pack.paths, factors, strict=True):
            slots = {}
            for name, slot_shape in self.slot_shapes(shape, path).items():
                start = ends[name]
                ends[name] += math.prod(slot_shape)
                slots[name] = slice(start, ends[name]), slot_shape
            parts.append(Part(segment, shape, path, slots, shares.update, shares.decay))
        return parts

    def _update_packs(self, packs: Sequence) -> None:
        learning_rate = self.current_learning_rate
        shared = learning_rate * self.current_weight_decay
        if self._writes_step:
            self._written.walk(self, packs, learning_rate, shared)
            return
        for pack, slots, parts in zip(packs, self.slots, self._parts, strict=True):
            gradients = np.asarray(pack.parameters[0].gradient).reshape(-1) if isinstance(pack, RowPack) else None
            for part in parts:
                value = pack.values[part.segment].reshape(part.shape)
                gradient = (pack.gradients if gradients is None else gradients)[part.segment].reshape(part.shape)
                decay = self.decay_of(part, learning_rate, shared) * part.decay
                if decay:
                    np.subtract(value, value * decay, value)
                self.update_parameter(value, gradient, _views(slots, part), learning_rate * part.update)

    def _update_one(self, number, index, values, gradient, learning_rate) -> None:
        part, slots = self._parts[number][index], self.slots[number]
        self.update_parameter(values.reshape(part.shape), gradient, _views(slots, part), learning_rate)

    def slot_views(self, number: int, index: int) -> dict[str, np.ndarray]:
        slots, part = self.slots[number], self._parts[number][index]
        shared = {name: slots[name][part.segment].reshape(part.shape) for name in self._shared_names()}
        return shared | _views(slots, part)


def _views(slots: dict[str, np.ndarray], part: Part) -> dict[str, np.ndarray]:
    """The slots of one parameter of a pack, each in the shape that `slot_shapes` gives it."""
    return {name: slots[name][span].reshape(shape) for name, (span, shape) in part.slots.items()}
