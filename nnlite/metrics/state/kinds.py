"""Checks of saved states, such as those of callbacks and metrics, against the ones that they replace."""

from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, shown

__all__ = ["check_gathered", "check_state", "check_weights", "kind_of_state"]

FIGURE = ("number", "array")

KINDS: dict[str, type | tuple[type, ...]] = {
    "boolean": (bool, np.bool_),
    "number": Number,
    "array": np.ndarray,
    "string": str,
    "list": (list, tuple),
    "mapping": Mapping,
}


def kind_of_state(value: object) -> str:
    """The kind of a value in a state: "number", "array", "list" and so on; "nothing" for None.

    >>> kind_of_state(3), kind_of_state(np.zeros(2)), kind_of_state(None)
    ('number', 'array', 'nothing')
    """
    if value is None:
        return "nothing"
    return next((name for name, types in KINDS.items() if isinstance(value, types)), type(value).__name__)


def check_state(state: Any, present: Mapping[str, Any], kinds: Mapping[str, tuple[str, ...]]) -> None:
    """`ConfigError` unless each value of a state has the kind of the one that it replaces.

    Args:
        state: that is to be taken, by name.
        present: that it replaces, whose names it must have.
        kinds: name -> kinds that a value may have, where the present one does not tell.

    >>> check_state({"wait": "x"}, {"wait": 0}, {})
    Traceback (most recent call last):
    nnlite.errors.ConfigError: wait: expected a number, got 'x'
    """
    if not isinstance(state, Mapping):
        raise ConfigError(f"expected a mapping, got {shown(state)}")
    for name in present:
        if name not in state:
            raise ConfigError("missing", (name,))
        expected = kinds.get(name) or (kind_of_state(present[name]),)
        if kind_of_state(state[name]) not in expected:
            article = "an" if expected[0] == "array" else "a"
            raise ConfigError(f"expected {article} {' or '.join(expected)}, got {shown(state[name])}", (name,))


def check_gathered(state: Any, present: Mapping[str, Any], owner: str, complete: bool) -> None:
    """`ConfigError` unless a metric may have accumulated this state.

    Args:
        state: that is to be taken, by name.
        present: that of the metric now.
        owner: its name.
        complete: whether the names must be those of `present`; else they are among them.
    """
    if not isinstance(state, Mapping) or not present.keys() >= state.keys() or (complete and len(state) < len(present)):
        raise ConfigError(f"expected the states {', '.join(present)}, got {shown(state)}", (owner,))
    kinds = {name: kind_of_state(value) for name, value in present.items()}
    figures = {name: FIGURE for name, kind in kinds.items() if kind in FIGURE}
    unset = {name: (*FIGURE, "nothing") for name, kind in kinds.items() if kind == "nothing"}
    check_state(state, {name: present[name] for name in state}, {**figures, **unset})
    for name, value in state.items():
        before, now = np.shape(present[name]), np.shape(value)
        if kinds[name] == "array" and np.size(present[name]) and now[: len(before)] != before:  # empty: no shape yet
            raise ConfigError(f"expected the shape {before}, got {now}", (owner, name))


def check_weights(model: Any, weights: Any, name: str) -> None:
    """`ConfigError` unless stored weights match the model, by number and shapes; None stands for no weights."""
    if weights is None:
        return
    needed, shapes = [array.shape for array in model.get_weights()], [np.shape(array) for array in weights]
    if shapes != needed or not all(isinstance(array, np.ndarray) for array in weights):
        raise ConfigError("the weights that were kept are not the model's", (name,))
