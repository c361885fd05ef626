"""An array of a metric's state, as Keras's variables are."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.ops.plain.numbers import as_result
from nnlite.ops.tape import is_trial
from nnlite.ops.tracing import Traced

__all__ = ["MetricVariable", "listed", "named", "of_recorded", "with_numbers"]


class MetricVariable(np.ndarray):
    """An array of a metric's state, with the methods of Keras's variables.

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


def listed(state: ArrayLike, dtype: str | None) -> np.ndarray:
    """A copy of a state in `dtype`; in float64 if that is an integer dtype and the state has weighted counts."""
    array = np.array(state, np.float64)
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind not in "fiub":  # one that NumPy lacks, or has of another library, such as bfloat16
        kind = np.dtype(np.float32)
    whole = kind.kind == "f" or bool((array == np.trunc(array)).all())
    return array.astype(kind) if whole else array


def with_numbers(result: Callable[..., Any]) -> Callable[..., Any]:
    """`result` with its float as a `Number`."""

    @functools.wraps(result)
    def as_number(self: Any) -> Any:
        return as_result(result(self))

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
