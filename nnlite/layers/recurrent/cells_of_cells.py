"""Cells made of cells: stacked ones, and user-defined layers that act as cells."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.base.call import LayerTrace
from nnlite.layers.base.contract.naming import place_of
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import symbols_of
from nnlite.layers.recurrent.cells import RNNCell, build_layers_of, features_of, step_of
from nnlite.parameters import each_once
from nnlite.random import child_of
from nnlite.registry.fields import FromSpec, FromSpecs

__all__ = ["StackedRNNCells"]


class StackedRNNCells(RNNCell):
    """Stacked cells: each takes the output of the one before. Its states are theirs, in order.

    Shape: `(batch, features) -> (batch, output size of the last cell)`.

    Args:
        cells: the cells, the first takes the inputs.

    >>> import numpy as np
    >>> from nnlite.layers import RNN, LSTMCell
    >>> cell = StackedRNNCells([LSTMCell(4), LSTMCell(2)])
    >>> RNN(cell)(np.ones((3, 5, 1))).shape, cell.state_size
    ((3, 2), [[4, 4], [2, 2]])
    """

    cells: FromSpecs[Layer]

    def validate(self) -> None:
        if not self.cells:
            raise ConfigError("StackedRNNCells needs at least one cell", ("StackedRNNCells", "cells"))
        self._steps = [as_cell(cell) for cell in self.cells]

    @property
    def state_size(self) -> list[Any]:
        """State sizes of the cells, one list per cell."""
        cells: list[Any] = self._steps  # each has a `state_size`
        return [cell.state_size for cell in cells]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(size for cell in self._steps for size in cell.sizes)

    @property
    def output_size(self) -> int:
        return self._steps[-1].output_size

    def nested(self, states: Sequence[Any]) -> list[Any]:
        taken = iter(states)
        return [cell.nested(list(islice(taken, len(cell.sizes)))) for cell in self._steps]

    def returned(self, states: Sequence[Any]) -> list[Any]:
        """`nested`; symbols of a graph, as in Keras, without a list around a single one."""
        drawn = symbols_of(states) is not None
        return [part[0] if drawn and len(part) == 1 else part for part in self.nested(states)]

    def get_initial_state(self, batch_size: int) -> list[Any]:
        return [cell.get_initial_state(batch_size) for cell in self._steps]

    def build(self, input_shape: tuple) -> None:
        shape = (None, features_of(self, input_shape))
        for index, cell in enumerate(self._steps):
            cell.dtype = cell._given_dtype or self.dtype
            shape = cell._ensure_built(shape, child_of(self.random, index))
            self.parameters = each_once([self.parameters, cell.parameters])

    def _build_whole(self) -> None:
        Layer._build_whole(self)  # which builds the cells

    def bound(self, traced: dict[int, Any], trace: LayerTrace) -> Callable[..., tuple[Any, tuple]]:
        steps = [cell.bound(traced, trace) for cell in self._steps]

        def step(inputs: Any, states: Any, training: bool = False, random: Any = None) -> tuple[Any, tuple]:
            new, start = [], 0
            for index, (cell, step) in enumerate(zip(self._steps, steps, strict=True)):
                stop = start + len(cell.sizes)
                inputs, after = step(inputs, states[start:stop], training=training, random=child_of(random, index))
                new += after
                start = stop
            return inputs, tuple(new)

        return step


class StepOf(RNNCell, abstract=True):
    """One step of a user-defined layer that has `state_size` and `call(inputs, states)`, as Keras's cells do.

    Args:
        layer: that layer; its parameters are this one's.
    """

    layer: FromSpec[Layer]

    def validate(self) -> None:
        if _told(self.layer, "state_size") is None or self.layer.call is None:
            raise ConfigError(
                f"{self.layer.label} is not a cell: RNN needs one with the attribute state_size, a length or a list of "
                "lengths, and the method call(inputs, states), which returns (output, new_states)"
            )

    @property
    def state_size(self) -> Any:
        """State size of the cell inside."""
        return _told(self.layer, "state_size")

    @property
    def output_size(self) -> int:
        return _told(self.layer, "output_size") or self.sizes[0]

    def get_initial_state(self, batch_size: int) -> list[np.ndarray]:
        make = _told(self.layer, "get_initial_state")
        if make is None:
            return super().get_initial_state(batch_size)
        states = make(batch_size=batch_size)
        return [np.asarray(state) for state in (states if isinstance(states, (list, tuple)) else [states])]

    def build(self, input_shape: tuple) -> None:
        cell = self.layer
        place_of(cell).outer = place_of(self).outer  # this one is in no path
        if not cell.built:
            cell.dtype, cell.random = cell._given_dtype or self.dtype, cell.random or self.random
            cell.input_shape, cell.output_shape = input_shape, self.compute_output_shape(input_shape)
            cell._building = True  # its own `build` alone: `call` takes states too, which a layer does not have
            try:
                cell.build(input_shape)
            finally:
                cell._building = False
            build_layers_of(cell, self)
            cell.built = True
        self.parameters.extend(cell.parameters)

    def _build_whole(self) -> None:
        Layer._build_whole(self)  # which builds the layers inside

    def bound(self, traced: dict[int, Any], trace: LayerTrace) -> Callable[..., tuple[Any, tuple]]:
        return step_of(self.layer, traced, trace)


def as_cell(layer: Layer) -> RNNCell:
    """The layer if it is one of nnlite's cells, else a cell that wraps it."""
    return layer if isinstance(layer, RNNCell) else StepOf(layer)


def _told(layer: Any, name: str) -> Any:
    """An attribute that a layer of the user's may have, or None."""
    try:
        return getattr(layer, name)
    except AttributeError:
        return None
