"""Names: of user-defined classes and functions, registered globally or in a scope, of families, of rooms."""

import functools
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any, TypeVar

from nnlite.errors import ConfigError, WrongTypeError

__all__ = [
    "LISTED",
    "USER",
    "CustomObjectScope",
    "custom_object",
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "name_in",
    "name_of_custom",
    "name_of_module",
    "open_room",
    "opened_later",
    "register_keras_serializable",
]

USER = "Custom>"  # before the name of a user's class that nnlite has too, as in Keras's files

# What `nnlite list` calls a family, for messages about a name that is unknown.
LISTED = {
    "layer": "layers",
    "loss": "losses",
    "metric": "metrics",
    "optimizer": "optimizers",
    "callback": "callbacks",
    "schedule": "schedules",
    "data source": "sources",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "activation function": "activations",
}


def listing_of(family: str, count: int, name: str = "") -> str:
    """The command that lists these names, those of a family or of the arguments of a class."""
    return f"`nnlite list {LISTED[family]}{f' {name}' if name else ''}` shows all {count}" if family in LISTED else ""


def normalized(name: str) -> str:
    """The normalized name: `leaky_relu`, `LeakyReLU` and `leakyrelu` are the same."""
    return name.replace("_", "").lower()


@functools.cache
def snake_case(name: str) -> str:
    """`BatchNormalization` as `batch_normalization`, `Conv2D` as `conv2d`: Keras's rule."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()


def default_name(cls: type) -> str:
    """The default name of an instance: `_default_name` of the class itself, or its name in snake case."""
    return vars(cls).get("_default_name") or snake_case(cls.__name__)


# Classes that a name stands for before their room has been imported, because the room is above that of their family.
LATE_HOMES = {
    ("layer", "circuit"): "nnlite.circuits",
    ("layer", "sumproduct"): "nnlite.circuits",
    ("layer", "sequential"): "nnlite.models",
    ("layer", "model"): "nnlite.models",
}


def load_home(family: str, room: str, name: str) -> None:
    """Import the module of nnlite's class with this name, if any: in the `room` of its family, or one above."""
    open_room(room)
    if (family, normalized(name)) in LATE_HOMES:
        importlib.import_module(LATE_HOMES[family, normalized(name)])


_closed: set[str] = set()  # rooms whose names have not been asked for yet


def opened_later(room: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose further names, in its `names`, are loaded on first use.

    So whoever needs a few of its modules does not pay for all.
    """
    _closed.add(room)

    def get_name(name: str) -> Any:
        package = sys.modules[room]
        if room in _closed and (name == "__all__" or not name.startswith("__")):
            open_room(room)
        if name in vars(package):
            return vars(package)[name]
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    def list_names() -> list[str]:
        open_room(room)
        return sorted(vars(sys.modules[room]))

    return get_name, list_names


def open_room(room: str) -> None:
    """Load all names of a package that is `opened_later`; no effect for other packages."""
    if room in _closed:
        names, package = vars(importlib.import_module(f"{room}.names")), vars(sys.modules[room])
        package.update({name: value for name, value in names.items() if not name.startswith("_")})
        helpers = ("TYPE_CHECKING", "opened_later", "names")
        package["__all__"] = sorted(name for name in package if not name.startswith("_") and name not in helpers)
        _closed.discard(room)


AnyObject = TypeVar("AnyObject", bound=Callable[..., Any])
_registered: dict[str, Any] = {}  # what `get_custom_objects` gives to read and to change
_names: dict[int, str] = {}  # the registered name of an object by its identity
# The names of the scopes that are open, the outermost first: those of the thread, or the task, that opened them.
_scopes: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("scopes of custom objects", default=())


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[AnyObject], AnyObject]:
    """A decorator by which files refer to a class or a function by its name, also as `package>name`.

    Classes of layers, losses and so on are registered under their own name when they are defined; functions are not.

    Args:
        package: what comes before `>` in the registered name.
        name: the name; that of the object when None.

    Raises:
        ConfigError: a class without `get_config`.

    >>> from nnlite.losses import Loss
    >>> @register_keras_serializable("my_package")
    ... def absolute_error(y_true, y_pred):
    ...     return abs(y_true - y_pred)
    >>> get_registered_name(absolute_error)
    'my_package>absolute_error'
    """

    def register(item: Any) -> Any:
        label = name or getattr(item, "__name__", "")
        if isinstance(item, type) and not callable(getattr(item, "get_config", None)):
            raise ConfigError(f"{label} cannot be registered: a class needs a method get_config()")
        shared = isinstance(item, type) and vars(item).get("_spec_name") == USER + label  # the plain one is nnlite's
        for key in (f"{package}>{label}", USER + label if shared else label):
            _registered[key] = item
        _names[id(item)] = f"{package}>{label}"
        return item

    return register


class CustomObjectScope(ContextDecorator):
    """A context in which names refer to classes and functions of the user, whatever they mean elsewhere.

    It is that of the thread, or of the asynchronous task, that opens it: others do not see its names. As a decorator,
    it is opened for each call.

    Args:
        custom_objects: classes and functions by name; None for none.

    Raises:
        WrongTypeError: `custom_objects` that are not a dict.

    >>> from nnlite.layers import Dense, Layer
    >>> with CustomObjectScope({"Wide": Dense}) as scope:
    ...     Layer.get({"Wide": {"units": 3}})
    Dense(units=3)
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        if not isinstance(custom_objects, Mapping | None):  # as where `compile` of `load_model` is told by position
            raise WrongTypeError(f"custom_objects must be a dict of classes and functions, got {custom_objects!r}")
        self.custom_objects = dict(custom_objects or {})
        self._tokens: list[Any] = []

    def __enter__(self) -> "CustomObjectScope":
        self._tokens.append(_scopes.set((*_scopes.get(), self.custom_objects)))
        return self

    def __exit__(self, *exception: object) -> None:
        _scopes.reset(self._tokens.pop())


custom_object_scope = CustomObjectScope


def custom_object(name: str) -> Any:
    """The object registered under a name, the innermost scope first; None if it is unknown."""
    for scope in reversed(_scopes.get()):
        if name in scope:
            return scope[name]
    return _registered.get(name)


def name_in(document: Mapping[str, Any]) -> Any:
    """The name by which the class in Keras's form of an object is found; a user-defined class may share a name."""
    registered, kind = document.get("registered_name"), document.get("class_name")
    if not isinstance(registered, str):
        return kind
    item = custom_object(registered)
    is_shared = registered.startswith(USER) or (item is not None and custom_object(f"{USER}{kind}") is item)
    return f"{USER}{kind}" if is_shared else kind


def name_of_custom(item: Any) -> str | None:
    """A name by which `custom_object` currently finds this object, with the package if it is registered; or None."""
    whole = _names.get(id(item), "")
    for scope in (*reversed(_scopes.get()), {whole: _registered.get(whole)}, _registered):
        for name, value in scope.items():
            if value is item:
                return name
    return None


def get_custom_objects() -> dict[str, Any]:
    """All registered objects by name; additions to this dict are registered."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """`package>name` of a registered object, the plain name of any other."""
    return _names.get(id(obj), getattr(obj, "__name__", str(obj)))


def name_of_module(cls: type) -> str | None:
    """The module of a user's class for configs; None for a class of the program itself, as in Keras."""
    return None if cls.__module__ == "__main__" else cls.__module__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The object with that name: in a scope, registered, in `custom_objects` or in `module_objects`; else None."""
    item = custom_object(name)
    for names in (custom_objects, module_objects):
        if item is None and names is not None:
            item = names.get(name)
    return item
