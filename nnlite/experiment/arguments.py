"""The arguments of a function as a section of a config."""

import inspect
from collections.abc import Callable

from nnlite.errors import ConfigError, raise_all
from nnlite.registry import wrong_keys
from nnlite.registry.field_types import annotations, jsonable, read


def read_arguments(function: Callable, given: dict, excluded: tuple[str, ...] = ()) -> dict:
    """All arguments of `function` as plain values: the `given` ones, checked by their annotations, and the defaults.

    Args:
        function: a method; its `self` is left out.
        given: argument -> value.
        excluded: arguments that a config cannot give, such as arrays.

    Raises:
        ConfigError: unknown or missing argument, value of the wrong type.
    """
    hints = annotations(function)
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", *excluded)
    }
    errors, values = wrong_keys(given, parameters, f"`nnlite list {function.__name__}`"), {}
    for name, parameter in parameters.items():
        value = given.get(name, parameter.default)
        if value is not inspect.Parameter.empty:
            try:
                values[name] = jsonable(read(value, hints[name]))
            except ConfigError as error:
                errors.append(error.within(name))
    raise_all(errors)
    return values
