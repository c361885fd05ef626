"""Parameters of parameters: `optimizer__learning_rate`, `layers__0__units`."""

import dataclasses
from typing import Any, cast

from sklearn.base import BaseEstimator

from nnlite.errors import ConfigError
from nnlite.estimators.pickling import state_of, take_state
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.optimizers import Optimizer
from nnlite.registry import Configurable
from nnlite.registry.modules import given_arguments

__all__ = ["NestedParameters"]

FAMILIES: dict[str, type[Configurable]] = {"optimizer": Optimizer, "layers": Layer, "loss": Loss}
AUTOMATIC = {"optimizer": "adam"}


class NestedParameters(BaseEstimator):
    """Estimators whose parameters are objects with fields, or lists of such, reached by double underscores."""

    __getstate__ = state_of
    __setstate__ = take_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether the fields of parameters that are objects are among them, as `<parameter>__<field>`, and those of
            lists of objects as `<parameter>__<index>__<field>`.

        Returns
        -------
        params : dict
        """
        parameters = super().get_params(deep=False)
        if deep:
            for name in FAMILIES.keys() & parameters.keys():
                parameters |= _fields_inside(name, parameters[name])
        return parameters

    def set_params(self, **params: Any) -> "NestedParameters":
        """Set parameters, including fields of nested objects: `set_params(optimizer__learning_rate=0.01)`.

        An object is exchanged for a changed copy, so that other estimators that share it keep theirs. A name such as
        `"adam"` counts as an object with its default fields.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : estimator
        """
        nested = {name: value for name, value in params.items() if "__" in name and name.split("__")[0] in FAMILIES}
        super().set_params(**{name: value for name, value in params.items() if name not in nested})
        for path, value in nested.items():
            name, *inner = path.split("__")
            setattr(self, name, _changed(FAMILIES[name], getattr(self, name), inner, value, path))
        return self


def _fields_inside(prefix: str, value: Any) -> dict[str, Any]:
    if isinstance(value, (list, tuple)):
        inside = [_fields_inside(f"{prefix}__{index}", item) for index, item in enumerate(value)]
        return {name: field for fields in inside for name, field in fields.items()}
    if not isinstance(value, Configurable):
        return {}
    fields = dataclasses.fields(cast(Any, value))
    return {f"{prefix}__{field.name}": getattr(value, field.name) for field in fields if field.init}


def _changed(family: type[Configurable], value: Any, inner: list[str], new: Any, path: str) -> Any:
    """`value` with `new` at the end of the path `inner`: indices of lists, then the name of a field."""
    first, *rest = inner
    if isinstance(value, (list, tuple)):
        if not first.isdigit() or int(first) >= len(value) or not rest:
            raise ConfigError(f"{path!r} is not a parameter: {path.split('__')[0]!r} is a list of {len(value)} items")
        items = list(value)
        items[int(first)] = _changed(family, items[int(first)], rest, new, path)
        return items
    bare = not isinstance(value, (str, dict, Configurable))  # None, a number, a function: without fields
    if bare or rest:
        raise ConfigError(f"{path!r} is not a parameter: {path.split('__')[0]!r} is {value!r}")
    name = path.split("__")[0]
    whole: Any = family.get(AUTOMATIC.get(name, value) if isinstance(value, str) and value == "auto" else value)
    return type(whole).from_config({**given_arguments(whole), first: new})
