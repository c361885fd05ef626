"""An array of a metric's state, as Keras's variables are."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import BFLOAT16, ArrayLike, Shape, dtype_of, is_bfloat16
from nnlite.arrays.weights import EagerTensor, fitted_weights, mask_of
from nnlite.config import floatx
from nnlite.errors import ConfigError
from nnlite.losses.masks import weight_of_rows
from nnlite.ops.plain.numbers import as_result
from nnlite.ops.tape import is_trial
from nnlite.ops.tracing import Traced

__all__ = [
    "MetricVariable",
    "StateArray",
    "listed",
    "named",
    "of_recorded",
    "set_state",
    "weights_of_values",
    "with_numbers",
]

HALVES = ("float16", BFLOAT16)


class MetricVariable(np.ndarray):
    """An array of a metric's state, with the methods of Keras's variables.

    Attributes:
        name: that of `add_variable`, or of the attribute that it shows.
        path: the name, after that of the metric.
    """

    name = ""
    path = ""
    trainable = False
    stored: Any = None  # a function that sets the state that this shows, or its entries at an index

    @property
    def value(self) -> np.ndarray:
        """The array."""
        return self.view(np.ndarray)

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> "MetricVariable":
        """Replace all values, those of the metric too where this shows its state."""
        if self.size:  # a state without a shape yet takes any
            value = np.broadcast_to(value, self.shape)
            super().__setitem__(..., value)
        if self.stored is not None:
            self.stored(value)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        if self.stored is not None:
            self.stored(value, index)

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


class StateArray:
    """An attribute of a metric that holds an array of its state, in double precision: counts stay exact.

    What is read is a view with the methods of Keras's variables; `assign` and writing by index set the attribute. A
    metric itself, which reads it in each update, takes the array from `vars(self)`, and replaces it: views that were
    read before keep the former values.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = name

    def __get__(self, metric: Any, owner: type) -> Any:
        if metric is None:
            return self
        variable = named(vars(metric)[self.key], self.key, str(metric.name))
        variable.stored = functools.partial(set_state, metric, self.key)
        return variable

    def __set__(self, metric: Any, value: Any) -> None:
        vars(metric)[self.key] = np.array(value, np.float64)


def set_state(metric: Any, key: str, value: ArrayLike, index: Any = None) -> None:
    """Set an attribute that is a part of the state: an array in float64, or a number; with an index, its entries alone.

    The other entries stay as they are by now, and in double precision, whatever a variable showed of them.
    """
    before = getattr(metric, key)
    array = np.array(value if index is None else before, np.float64)
    if index is not None:
        array[index] = value
    setattr(metric, key, array if np.ndim(before) else array.item())


def listed(metric: Any, key: str, name: str) -> MetricVariable:
    """A copy of an attribute of a metric in its `dtype`; what is assigned or written by index sets the attribute too.

    It is in float64 if `dtype` is an integer dtype and the attribute has weighted counts.
    """
    dtype = metric.dtype if metric._rounds or metric.dtype not in HALVES else floatx()
    variable = named(_in_dtype(getattr(metric, key), dtype), name, str(metric.name))
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
    """`result` with its float as a `Number`, which keeps the precision of the state, and its array in `dtype`.

    Arrays of a user-defined metric stay as they are. The numbers of a metric of 16 bits are of that type
    if its state is.
    """

    @functools.wraps(result)
    def as_number(self: Any) -> Any:
        value = result(self)
        if isinstance(value, MetricVariable):  # what arithmetic makes of the state
            value = value.value
        if isinstance(value, dict):
            return {name: as_result(item) for name, item in value.items()}
        if (
            self._rounds
            and self.dtype in HALVES
            and (isinstance(value, float) or np.asarray(value).dtype == np.float64)
        ):
            return np.asarray(value, dtype_of(self.dtype))[()]
        if self._state and self.dtype == "float32" and isinstance(value, np.ndarray):
            return value.astype(np.float32)
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
        masked = self._masked
        if masked is not None and len(values) > masked and isinstance(values[masked], EagerTensor):
            values, named = _with_mask(values, named, masked)
        update(self, *values, **named)

    return update_state


def _with_mask(values: tuple, named: dict[str, Any], position: int) -> tuple[tuple, dict[str, Any]]:
    """The arguments of `update_state`, with the mask that those at a position carry as a factor of the weights."""
    mask, data = mask_of(values[position]), position + 1
    if mask is None:
        return values, named
    weights = values[data] if len(values) > data else named.get("sample_weight")
    weights = 1.0 if weights is None else weight_of_rows(fitted_weights(weights, mask.shape), mask.shape)
    return values[:data], {**named, "sample_weight": weights * mask}


def _number(value: Any) -> Any:
    return np.real(value.value) if isinstance(value, Traced) else value


def weights_of_values(metric: Any, sample_weight: ArrayLike, shape: Shape) -> np.ndarray:
    """`sample_weight` as a number for each value of an array of this shape, or `ShapeError`."""
    return weight_of_rows(fitted_weights(sample_weight, shape, str(metric.name)), shape)
