"""Assignments in `call`: untrained weights become state, trained ones change at once, other attributes are kept."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.contract.structure import replaced
from nnlite.ops.tape import is_trial
from nnlite.ops.tracing import Trace, Traced
from nnlite.parameters import Parameter

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = ["Assigned", "StateValue", "assigned_in", "keep_attributes", "pairs_inside", "renewed", "state_variable"]


class Assigned(tuple[tuple[Parameter, np.ndarray], ...]):
    """Parameters and their new values: the part of a state that `call` assigned itself."""


class StateValue(Traced):
    """The value of a weight in a recorded `call`; operations after an `assign` see the new value.

    Args:
        trace, slot, value: see `Traced`.
        parameter: whose value it is.
    """

    __slots__ = ("assigned", "parameter")

    def __init__(self, trace: Trace, slot: int, value: np.ndarray, parameter: Parameter) -> None:
        super().__init__(trace, slot, value)
        self.parameter, self.assigned = parameter, False

    def assign(self, value: Any) -> "StateValue":
        """Replace the value at the end of the call; `ShapeError` unless the shape is the same."""
        array = np.array(value.value if isinstance(value, Traced) else value, self.dtype)
        if array.shape != self.shape:
            raise ShapeError(f"parameter {self.parameter.name!r} has the shape {self.shape}, got {array.shape}")
        self.value, self.assigned = array, True
        return self

    def assign_add(self, value: Any) -> "StateValue":
        """Add `value` to the current one."""
        return self.assign(self.value + (value.value if isinstance(value, Traced) else np.asarray(value)))

    def assign_sub(self, value: Any) -> "StateValue":
        """Subtract `value` from the current one."""
        return self.assign(self.value - (value.value if isinstance(value, Traced) else np.asarray(value)))


class TrainedValue(StateValue):
    """The value of a trained weight: an `assign` changes the weight before the optimizer does."""

    __slots__ = ()

    def assign(self, value: Any) -> "StateValue":
        """Replace the value, and that of the weight immediately."""
        super().assign(value)
        self.assigned = False
        if not is_trial():
            self.parameter.value[...] = self.value
        return self


def state_variable(trace: Trace, parameter: Parameter, value: Any) -> Traced:
    """The value of a parameter in a record, which `call` may assign."""
    traced = trace.variable(value)
    kind = StateValue if parameter.is_state else TrainedValue
    return kind(trace, traced.slot, traced.value, parameter)


def assigned_in(values: Any) -> Assigned:
    """The parameters among these traced values that were assigned, with their new values."""
    return Assigned((one.parameter, one.value) for one in values if isinstance(one, StateValue) and one.assigned)


def pairs_inside(layers: "Iterable[Layer]", states: Sequence) -> Iterator[tuple[Parameter, np.ndarray]]:
    """`(parameter, new value)` for the states of these layers and for assignments next to them."""
    if states and isinstance(states[-1], Assigned):
        yield from states[-1]
        states = states[:-1]
    for layer, state in zip(layers, states, strict=True):
        yield from layer._state_pairs(state or ())


def renewed(layer: "Layer", values: Sequence[Any], changed: dict[int, np.ndarray]) -> tuple[Any, ...]:
    """`values` of the layer's parameters, with those that earlier uses have `changed`, by parameter, replaced."""
    return tuple(changed.get(id(parameter), value) for parameter, value in zip(layer.parameters, values, strict=True))


def keep_attributes(
    layer: "Layer",
    before: dict[str, Any],
    content: dict[str, Any],
    after: dict[str, Any],
    plain: Callable[[Any], Any],
) -> None:
    """Set the attributes that a user's `call` has set on the copy that it ran on; weights stay.

    Args:
        layer: the original.
        before, after: the attributes of the copy.
        content: what lists and dicts among those before held; where `call` has changed one, that of the layer follows.
        plain: gives what the layer keeps in place of a recorded value.
    """
    for name, value in after.items():
        if name in before and before[name] is value:
            if name in content and not _is_alike(value, content[name]):
                _refill(vars(layer)[name], replaced(value, plain))
            continue
        cached = isinstance(getattr(type(layer), name, None), functools.cached_property)
        known = name in LayerAttributes.__annotations__ or hasattr(LayerAttributes, name) or cached
        if not known and not isinstance(vars(layer).get(name), (Parameter, LayerAttributes)):
            vars(layer)[name] = replaced(value, plain)


def _is_alike(one: Any, other: Any) -> bool:
    """Whether two values are the same object, or nested lists or dicts of the same objects, under the same keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_is_alike, one, other))
    return one is other


def _refill(target: Any, content: Any) -> None:
    """Put what a list or a dict holds into another one."""
    target.clear()
    (target.update if isinstance(target, dict) else target.extend)(content)
