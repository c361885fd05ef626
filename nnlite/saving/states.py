"""States, such as those of callbacks and metrics, as JSON and arrays, exact to the last bit."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, ModelFileError

__all__ = ["state_from_arrays", "state_to_arrays"]

ARRAY, NUMBER, TUPLE = "$array", "$number", "$tuple"


def state_to_arrays(state: Any, prefix: str) -> tuple[Any, dict[str, np.ndarray]]:
    """A state as JSON values, and its arrays under names that begin with `prefix`.

    Args:
        state: numbers, strings, booleans, None, NumPy arrays and scalars of numbers; lists, tuples and mappings with
            strings as keys of such.
        prefix: of the arrays' names.

    Raises:
        ConfigError: a value of another type.

    >>> state_to_arrays({"best": float("inf"), "kept": [np.zeros(2)]}, "state/")[0]
    {'best': {'$number': 'inf'}, 'kept': [{'$array': 'state/0'}]}
    """
    arrays: dict[str, np.ndarray] = {}

    def encode(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {NUMBER: repr(value)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            name = f"{prefix}{len(arrays)}"
            arrays[name] = np.array(value)
            return {ARRAY: name}
        if isinstance(value, tuple):
            return {TUPLE: [encode(item) for item in value]}
        if isinstance(value, list):
            return [encode(item) for item in value]
        if isinstance(value, Mapping) and all(isinstance(key, str) and key[:1] != "$" for key in value):
            return {key: encode(item) for key, item in value.items()}
        raise ConfigError(f"a state holds {type(value).__name__}; it may hold numbers, strings, arrays, lists, dicts")

    return encode(state), arrays


def state_from_arrays(values: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The inverse of `state_to_arrays`; `ModelFileError` if an array is missing."""
    if isinstance(values, list):
        return [state_from_arrays(item, arrays) for item in values]
    if not isinstance(values, dict):
        return values
    if values.keys() == {NUMBER}:
        return float(values[NUMBER])
    if values.keys() == {TUPLE}:
        return tuple(state_from_arrays(item, arrays) for item in values[TUPLE])
    if values.keys() == {ARRAY}:
        if values[ARRAY] not in arrays:
            raise ModelFileError(f"the array {values[ARRAY]!r} is missing")
        return arrays[values[ARRAY]].copy()
    return {key: state_from_arrays(item, arrays) for key, item in values.items()}
