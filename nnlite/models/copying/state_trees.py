"""All variables of a model as nested dicts, by their paths, as Keras's `get_state_tree` gives them."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnlite.errors import ConfigError

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["get_state_tree", "set_state_tree"]


def _groups(model: "BaseModel") -> dict[str, list[Any]]:
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": model.optimizer.variables if model.compiled else [],
        "metrics_variables": model.metrics_variables,
    }


def get_state_tree(
    self: "BaseModel", value_format: Literal["backend_tensor", "numpy_array"] = "backend_tensor"
) -> dict[str, Any]:
    """Copies of all variables, nested by their paths, which `set_state_tree` takes.

    Args:
        value_format: Keras's; both are arrays.

    Returns:
        A dict with `trainable_variables`, `non_trainable_variables`, `optimizer_variables` and `metrics_variables`:
        that of `"dense/kernel"` is `["trainable_variables"]["dense"]["kernel"]`.

    Raises:
        ConfigError: two variables of one path.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> state = Sequential([Input((2,)), Dense(1, use_bias=False, name="dense")], name="net").get_state_tree()
    >>> state["trainable_variables"]["net"]["dense"]["kernel"].shape
    (2, 1)
    """
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ConfigError(f'value_format must be "backend_tensor" or "numpy_array", got {value_format!r}')
    state: dict[str, Any] = {}
    for group, variables in _groups(self).items():
        state[group] = {}
        for variable in variables:
            *names, last = variable.path.split("/")
            inner = state[group]
            for name in names:
                inner = inner.setdefault(name, {})
            if last in inner:
                raise ConfigError(f"two of the {group} have the path {variable.path!r}: give their layers names")
            inner[last] = np.array(variable)
    return state


def set_state_tree(self: "BaseModel", state_tree: dict[str, Any]) -> None:
    """Assign the variables that are in a dict as `get_state_tree` returns it; others are unchanged.

    Raises:
        ConfigError: a group or a path that the model does not have.
        ShapeError: a value of another shape.
    """
    groups = _groups(self)
    for group, inner in state_tree.items():
        if group not in groups:
            raise ConfigError(f"a model has the groups {', '.join(groups)} of variables, got {group!r}")
        by_path = {variable.path: variable for variable in groups[group]}
        for path, value in _flat(inner).items():
            if path not in by_path:
                raise ConfigError(f"the {group} of {self.name} have no path {path!r}: {', '.join(by_path) or 'none'}")
            by_path[path].assign(value)


def _flat(state: dict[str, Any], before: str = "") -> dict[str, Any]:
    """The values by whole paths."""
    flat: dict[str, Any] = {}
    for name, value in state.items():
        flat |= _flat(value, f"{before}{name}/") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat
