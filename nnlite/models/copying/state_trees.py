"""All variables of a model as nested dicts, by their paths, as Keras's `get_state_tree` gives them."""

import itertools
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.base.contract.naming import Place
from nnlite.variables import ScopePlace

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


def _by_path(model: "BaseModel") -> dict[str, dict[str, Any]]:
    """The variables of each group by path; layers without a name of their own are numbered where two have one path.

    Raises:
        ConfigError: two variables of one path, whose layers were named alike.
    """
    named: dict[str, dict[str, Any]] = {}
    for group, variables in _groups(model).items():
        paths: dict[str, Any] = named.setdefault(group, {})
        of_layers = group.endswith("trainable_variables")
        for variable in variables:
            if variable.path in paths and of_layers and not _is_named_by_class(variable):
                raise ConfigError(f"two of the {group} have the path {variable.path!r}: give their layers names")
            paths[_free_path(variable.path, paths, of_layers)] = variable
    return named


def _is_named_by_class(variable: Any) -> bool:
    """Whether the layer, or the generator, of a variable has the name of its class, with a number or without."""
    if isinstance(variable.place, ScopePlace):
        return True
    layer = variable.place.layer if isinstance(variable.place, Place) else None
    return layer is not None and re.fullmatch(rf"{layer._name_stem}(_[0-9]+)?", str(layer.name)) is not None


def _free_path(path: str, taken: Collection[str], numbers_layer: bool) -> str:
    """The path, or the first that is free with a number at its end, or behind the name of the layer."""
    layer, _, name = path.rpartition("/")
    by_layer = numbers_layer and layer
    spellings = (f"{layer}_{number}/{name}" if by_layer else f"{path}_{number}" for number in itertools.count(1))
    return path if path not in taken else next(spelling for spelling in spellings if spelling not in taken)


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
        ConfigError: two variables of one path, whose layers were named alike.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> state = Sequential([Input((2,)), Dense(1, use_bias=False, name="dense")], name="net").get_state_tree()
    >>> state["trainable_variables"]["net"]["dense"]["kernel"].shape
    (2, 1)
    """
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ConfigError(f'value_format must be "backend_tensor" or "numpy_array", got {value_format!r}')
    state: dict[str, Any] = {}
    for group, variables in _by_path(self).items():
        state[group] = {}
        for path, variable in variables.items():
            *names, last = path.split("/")
            inner = state[group]
            for name in names:
                inner = inner.setdefault(name, {})
            inner[last] = np.array(variable)
    return state


def set_state_tree(self: "BaseModel", state_tree: dict[str, Any]) -> None:
    """Assign the variables that are in a dict as `get_state_tree` returns it; others are unchanged.

    Raises:
        ConfigError: a group or a path that the model does not have.
        ShapeError: a value of another shape.
    """
    groups = _by_path(self)
    for group, inner in state_tree.items():
        if group not in groups:
            raise ConfigError(f"a model has the groups {', '.join(groups)} of variables, got {group!r}")
        by_path = groups[group]
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
