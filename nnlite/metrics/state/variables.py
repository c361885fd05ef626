"""An array of a metric's state, as Keras's variables are."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, dtype_of, is_bfloat16
from nnlite.errors import ConfigError
from nnlite.ops.plain.numbers import as_result
from nnlite.ops.tape import is_trial
from nnlite.ops.tracing import Traced

__all__ = ["MetricVariable", "listed", "named", "of_recorded", "set_state", "with_numbers"]


class MetricVariable(np.ndarray):
    """An array of a metric's state, with the methods of Keras's variables.

    Attributes:
        name: that of `add_variable`, or of the attribute that it is a copy of.
        path: the name, after that of the metric.
    """

    name = ""
    path = ""
    trainable = False
    stored: Any = None  # a function that sets the state that this is a copy of

    @property
    def value(self) -> np.ndarray:
        """The array."""
        return self.view(np.ndarray)

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> "MetricVariable":
        """Replace all values, those of the metric too where this is a copy of its state."""
        if self.size:  # a state without a shape yet takes any
            value = np.broadcast_to(value, self.shape)
        if self.stored is not None:
            self.stored(value)
        if self.size:
            self[...] = value
        return self

    def assign_add(self, value: ArrayLike) -> "MetricVariable":
        """Add to the values."""
        return self.assign(self.value + value)

    def assign_sub(self, value: ArrayLike) -> "MetricVariable":
        """Subtract from the values."""
        return self.assign(self.value - value)


def named(array: np.ndarray, name: str, owner: str) -> MetricVariable:
    """The array itself, under a name, that of a metric before it in its path."""
    variable = array.view(MetricVariable)
    variable.name, variable.path = name, f"{owner}/{name}"
    return variable


def set_state(metric: Any, key: str, value: ArrayLike) -> None:
    """Set an attribute that is a part of the state: an array in float64, or a number."""
    array = np.array(value, np.float64)
    setattr(metric, key, array if np.ndim(getattr(metric, key)) else array.item())


def listed(metric: Any, key: str, name: str) -> MetricVariable:
    """A copy of an attribute of a metric in its `dtype`, which sets the attribute when it is assigned.

    It is in float64 if `dtype` is an integer dtype and the attribute has weighted counts.
    """
    variable = named(_in_dtype(getattr(metric, key), metric.dtype), name, str(metric.name))
    variable.stored = functools.partial(set_state, metric, key)
    return variable


def _in_dtype(state: ArrayLike, dtype: str | None) -> np.ndarray:
    array = np.array(state, np.float64)
    try:
        kind = dtype_of(dtype)
    except ConfigError:
        kind = np.dtype(np.float32)
    if kind.kind not in "fiub" and not is_bfloat16(kind):
        kind = np.dtype(np.float32)
    whole = kind.kind not in "iub" or bool((array == np.trunc(array)).all())
    return array.astype(kind) if whole else array


def with_numbers(result: Callable[..., Any]) -> Callable[..., Any]:
    """`result` with its float as a `Number`; arrays keep the precision of the state, as numbers do."""

    @functools.wraps(result)
    def as_number(self: Any) -> Any:
        value = result(self)
        if isinstance(value, dict):
            return {name: as_result(item) for name, item in value.items()}
        return as_result(value)

    return as_number


def of_recorded(update: Callable[..., None]) -> Callable[..., None]:
    """`update_state` that also accepts recorded values, as in `call` of a layer, by their numbers.

    Those of a trial run, by which a layer is built, do not count.
    """

    @functools.wraps(update)
    def update_state(self: Any, *values: Any, **named: Any) -> None:
        for value in (*values, *named.values()) if named else values:
            if isinstance(value, Traced):
                if is_trial():
                    return
                values = tuple(map(_number, values))
                named = {name: _number(one) for name, one in named.items()}
                break
        update(self, *values, **named)

    return update_state


def _number(value: Any) -> Any:
    return np.real(value.value) if isinstance(value, Traced) else value
