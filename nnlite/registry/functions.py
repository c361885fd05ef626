"""Functions as arguments in a config: any callable in Python, a registered one by its name in YAML and in files."""

import functools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeGuard, TypeVar, overload

from nnlite.errors import Choice, ConfigError
from nnlite.registry.field_types import Specified
from nnlite.registry.names import custom_object, name_of_custom

__all__ = ["NamedFunction", "register_function"]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
_functions: dict[str, Callable[..., Any]] = {}


@overload
def register_function(function: None = None, *, name: str | None = None) -> Callable[[AnyFunction], AnyFunction]: ...
@overload
def register_function(function: AnyFunction, *, name: str | None = None) -> AnyFunction: ...
def register_function(function: Callable[..., Any] | None = None, *, name: str | None = None) -> Callable[..., Any]:
    """Register a function, so that model files can refer to it by name, and it is found when they are loaded.

    Used as a decorator, of a module that is imported before the file is read; registering the same function again
    replaces it.

    Args:
        function: any function; its own name is the one in files.
        name: another name, for a function whose own one is taken.

    Raises:
        ConfigError: another module has a function of that name, or the function has none.

    >>> @register_function
    ... def halved(inputs):
    ...     return inputs / 2
    >>> NamedFunction.get("halved")(3)
    1.5
    """
    if function is None:
        return functools.partial(register_function, name=name)
    key = name or getattr(function, "__name__", "<lambda>")
    present = _functions.get(key)
    if key == "<lambda>":
        raise ConfigError(f"{function!r} has no name to be saved by: give register_function one")
    if present is not None and _home(present) != _home(function):
        raise ConfigError(f"the function name {key!r} is taken by {'.'.join(_home(present))}: give another name")
    _functions[key] = function
    return function


def _home(function: Callable[..., Any]) -> tuple[str, str]:
    return function.__module__, getattr(function, "__qualname__", repr(function))


@Specified.register
class NamedFunction:
    """A function as an argument in a config: any callable in Python, a registered one in YAML and in files."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.function(*arguments, **options)

    @classmethod
    def get(cls, spec: "NamedFunction | Callable[..., Any] | Mapping[str, Any] | str | None") -> "NamedFunction":
        """The function given by `spec`, a callable or the name of a registered function."""
        if isinstance(spec, cls):
            return spec
        if callable(spec):
            return cls(spec)
        if is_function_form(spec):
            spec = spec["config"]
        if isinstance(spec, str) and (custom := custom_function(spec)) is not None:
            return cls(custom)
        note = "; import the module that registers it first, or name it in custom_objects"
        choice = Choice("function", list(_functions), note=note)
        if isinstance(spec, str) and _functions:
            raise ConfigError.of_choice(spec, choice)
        error = ConfigError(f"unknown function {spec!r}; no function is registered{note}")
        error.choice = choice
        raise error

    def registered_name(self) -> str | None:
        """The name under which it was registered, or None."""
        custom = name_of_custom(self.function)
        if custom is not None:
            return custom
        return next((name for name, function in _functions.items() if function is self.function), None)

    def to_spec(self) -> str:
        """The registered name; else its own, which `custom_objects` has to define when a file is read.

        Raises:
            ConfigError: it has neither.
        """
        registered = self.registered_name()
        if registered is not None:
            return registered
        if isinstance(self.function, FunctionType) and self.function.__name__ != "<lambda>":
            return self.function.__name__
        raise ConfigError(
            f"{self!r} is not registered and cannot be saved: define it in a module, under the decorator "
            "nnlite.registry.register_function"
        )

    def __repr__(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))


def custom_function(name: str) -> Callable[..., Any] | None:
    """The function that users registered under a name, or put into a scope; None for no function, or a class."""
    custom = custom_object(name)
    return custom if callable(custom) and not isinstance(custom, type) else _functions.get(name)


def function_form(name: str) -> dict[str, Any]:
    """Keras's form of a function of this name."""
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def is_function_form(spec: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether `spec` is a dict as `function_form` returns it, whose `config` is the name of a function."""
    return isinstance(spec, Mapping) and spec.get("class_name") == "function" and "config" in spec


def form_of_function(function: Any) -> dict[str, Any]:
    """Keras's form of a function, which has to be registered under its name when the form is read.

    Raises:
        ConfigError: a function without a name, or something else, that is not registered.
    """
    return function_form(NamedFunction(function).to_spec())
