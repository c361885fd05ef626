"""Reading a value by its field's type: the same rules for Python, YAML and saved configs."""

import functools
import inspect
import numbers
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import Choice, ConfigError, WrongTypeError, raise_all, shown, spelling
from nnlite.registry.bounds import bounds_of


class Specified(ABC):
    """An object described by a plain value. Classes with these two methods are registered by `Specified.register(cls)`.

    As a base of them it would come before all that they are.
    """

    @classmethod
    @abstractmethod
    def get(cls, spec: Any) -> Any:
        """The instance that `spec` describes; `spec` itself, if it is one."""

    @abstractmethod
    def to_spec(self) -> Any:
        """The plain value that describes this instance."""


TRUTH: dict[str, str] = {"yes": "true", "y": "true", "on": "true", "1": "true"}
TRUTH |= {"no": "false", "n": "false", "off": "false", "0": "false", "none": "false"}
LARGEST = 2**64 - 1


def is_specified(hint: Any) -> bool:
    """Whether values of the type are given by specs; in Python 3.10, `list[int]` counts as a type."""
    return typing.get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, Specified)


def read(value: Any, hint: Any) -> Any:
    """`value` converted to the type `hint`, or `ConfigError` with the expected and the actual value."""
    if hint is typing.Any:
        return value
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        value = read(value, hint.__origin__)
        if value is not None:
            for bound in bounds_of(hint):
                bound.check(value)
        return value
    if origin is typing.Literal:
        return _read_literal(value, typing.get_args(hint))
    if origin in (typing.Union, types.UnionType):
        return _read_union(value, typing.get_args(hint))
    if origin in (list, tuple, Sequence):
        return _read_items(value, origin, typing.get_args(hint))
    if origin is dict:
        return _read_entries(value, *typing.get_args(hint))
    if is_specified(hint):
        try:
            return hint.get(value)
        except ConfigError as error:
            raise WrongTypeError.of(error, value) from None
    reader = _READERS.get(origin or hint)
    return reader(value) if reader else _read_instance(value, origin or hint)


def jsonable(value: Any) -> Any:
    """`value` as dict, list, str, int, float, bool and None."""
    if isinstance(value, Specified):
        return value.to_spec()
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def _read_bool(value):
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    meant = TRUTH.get(str(value).lower()) or " or ".join(spelling.nearest(str(value), ("false", "true")))
    hint = f"; did you mean {meant}?" if meant and isinstance(value, str) else ""
    raise WrongTypeError(f"expected true or false, got {shown(value)}{hint}")


def _read_int(value):
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        if abs(int(value)) > LARGEST:
            raise ConfigError(f"expected an integer below 2**64, got {shown(value)}")
        return int(value)
    whole = isinstance(value, float) and value.is_integer() and abs(value) < LARGEST
    raise WrongTypeError(f"expected an integer, got {shown(value)}{f'; did you mean {int(value)}?' if whole else ''}")


def _read_float(value):
    # YAML 1.1 reads 1e-3, without a point, as text.
    if isinstance(value, (str, numbers.Real)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = np.nan
        if not np.isnan(number):
            return number
    raise WrongTypeError(f"expected a number, got {shown(value)}")


def _read_str(value):
    if isinstance(value, str):
        return value
    raise WrongTypeError(f"expected text, got {shown(value)}")


def _read_mapping(value):
    if isinstance(value, Mapping):
        return dict(value)
    raise WrongTypeError(f"expected 'key: value' pairs, got {shown(value)}")


def _read_entries(value, key_hint, hint):
    entries, errors = {}, []
    for key, item in _read_mapping(value).items():
        try:
            entries[_read_key(key, key_hint)] = read(item, hint)
        except ConfigError as error:
            errors.append(error.within(key))
    raise_all(errors)
    return entries


def _read_key(key, hint):
    """A key as text, or, where integers are asked for, as the integer that text, as in JSON, may spell."""
    if hint is str:
        return str(key)
    return read(int(key) if isinstance(key, str) and key.isdecimal() else key, hint)


def _read_callable(value):
    if callable(value):
        return value
    raise WrongTypeError(f"expected a function, got {shown(value)}")


def _read_instance(value, cls):
    if not isinstance(cls, type) or isinstance(value, cls):
        return value
    raise WrongTypeError(f"expected {cls.__name__}, got {shown(value)}")


_READERS = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    dict: _read_mapping,
    Mapping: _read_mapping,
    Callable: _read_callable,
}


def _read_literal(value, allowed):
    if any(value is choice or (type(value) is type(choice) and value == choice) for choice in allowed):
        return value
    names = [str(choice) for choice in allowed if choice is not None]
    if isinstance(value, str):
        raise ConfigError.of_choice(value, Choice("value", names))
    raise WrongTypeError(f"unknown value {shown(value)}; Allowed: {', '.join(names)}")


def _read_union(value, choices):
    if value is None and type(None) in choices:
        return None
    errors = []
    for choice in choices:
        if choice is not type(None):
            try:
                return read(value, choice)
            except ConfigError as error:
                # A traceback here, in a cycle with this frame, would keep the arrays of all callers.
                errors.append((choice, error.with_traceback(None)))
    if len(errors) == 1:
        raise errors[0][1]
    inside = [error for _, error in errors if error.errors or error.path]
    if inside:  # of the right form, but for what it holds
        raise inside[0]
    choices = [error.choice for _, error in errors if error.choice]
    others = [error for _, error in errors if not error.choice]
    if isinstance(value, str) and choices:
        names = [name for choice in choices for name in choice.names]
        truth = next((error for choice, error in errors if choice is bool), None)
        if truth is not None and not spelling.nearest(value, names):
            raise ConfigError(truth.message.replace("true or false", " or ".join(["true, false", *names]), 1))
        raise ConfigError.of_choice(value, _together(choices, others))
    families = [error for choice, error in errors if is_specified(choice)]
    if isinstance(value, Mapping) and families:
        raise families[0]  # a name was meant: the family's own message says which names there are
    kind = WrongTypeError if all(isinstance(error, WrongTypeError) for _, error in errors) else ConfigError
    raise kind("; or ".join(dict.fromkeys(str(error) for _, error in errors)))


def _together(choices: Sequence[Choice], others: Sequence[ConfigError]) -> Choice:
    """The choice among all names of `choices`; `others` say what else there can be."""
    kinds = [choice for choice in choices if choice.kind != "value"] or choices
    names = list(dict.fromkeys(name for choice in choices for name in choice.names))
    notes = dict.fromkeys([*(choice.note for choice in choices if choice.note), *(f"; or {other}" for other in others)])
    listing = next((choice.listing for choice in choices if choice.listing), "")
    return Choice(kinds[0].kind, names, listing, "".join(notes))


def _read_items(value, origin, hints):
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, (Sequence, np.ndarray)):
        raise WrongTypeError(f"expected a list, got {shown(value)}")
    repeated = not hints or origin is not tuple or hints[-1] is Ellipsis
    if not repeated and len(value) != len(hints):
        raise ConfigError(f"expected {len(hints)} values, got {shown(value)}")
    items, errors = [], []
    for index, item in enumerate(value):
        try:
            items.append(read(item, (hints[0] if hints else typing.Any) if repeated else hints[index]))
        except ConfigError as error:
            errors.append(error.within(index))
    raise_all(errors)
    return tuple(items) if origin is tuple else items


@functools.cache
def annotations(function: Callable) -> dict[str, object]:
    """Parameter -> annotated type, `Any` if there is none."""
    hints = typing.get_type_hints(function, include_extras=True)
    return {name: hints.get(name, typing.Any) for name in inspect.signature(function).parameters}


def read_call(function: Callable, arguments: Mapping) -> dict:
    """The arguments of a call converted by their annotations; those without annotation unchanged.

    Args:
        function: its annotations are what `read` understands.
        arguments: argument -> value, for example `locals()` at the start of the function.

    Raises:
        ConfigError: a value of the wrong type; it names function and argument.
    """
    values, errors = {}, []
    for name, hint in annotations(function).items():
        try:
            values[name] = read(arguments[name], hint)
        except ConfigError as error:
            errors.append(error.within(function.__name__, name))
    raise_all(errors)
    return values
