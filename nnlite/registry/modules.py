"""Functions of Keras's modules for the classes of a family: `get`, `serialize`, `deserialize`; positional arguments."""

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from nnlite.errors import ConfigError, WrongTypeError, did_you_mean
from nnlite.registry.configurable import Configurable
from nnlite.registry.field_types import jsonable
from nnlite.registry.fields import change_constructor
from nnlite.registry.functions import NamedFunction, custom_function, function_form, is_function_form
from nnlite.registry.names import (
    LISTED,
    custom_object_scope,
    default_name,
    get_registered_name,
    name_of_module,
    normalized,
)

__all__ = [
    "FORMS",
    "NamedByClass",
    "given_arguments",
    "keras_form",
    "of_family",
    "refuse_unknown",
    "take_by_position",
]

Member = TypeVar("Member", bound=Configurable)
Functions = tuple[Callable[[Any], Any], Callable[[Any], dict[str, Any]], Callable[..., Any]]


def given_arguments(item: Configurable) -> dict[str, Any]:
    """The arguments of an object as files hold them: those for a copy, which has no name unless one was given."""
    return next(iter(item.to_spec().values()))


MODULES = {**LISTED, "schedule": "optimizers.schedules"}  # of Keras, by family
FORMS: dict[str, Callable[[Any], Any]] = {}  # family -> its own form in Keras's configs


def keras_form(value: Any) -> Any:
    """A config value in Keras's form: objects become `{module, class_name, config, registered_name}`.

    A function has its registered name there; one that is not registered is kept unchanged, so that a copy can be made.

    >>> from nnlite.regularizers import L2
    >>> keras_form({"kernel_regularizer": L2(0.5), "kernel_size": (3, 3)})["kernel_regularizer"]["config"]
    {'l2': 0.5}
    """
    if isinstance(value, Configurable):
        return FORMS.get(value._family, object_form)(value)
    if isinstance(value, NamedFunction):
        return _function_form(value)
    if isinstance(value, Mapping):
        return {str(key): keras_form(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(keras_form(item) for item in value) if type(value) in (list, tuple) else list(value)
    return jsonable(value)


def object_form(value: Any) -> dict[str, Any]:
    """`{module, class_name, config, registered_name}` of an object; only user-defined classes are registered."""
    cls: type = type(value)
    ours = cls.__module__.startswith("nnlite.")
    registered = get_registered_name(cls)
    return {
        "module": f"keras.{MODULES.get(value._family, 'models')}" if ours else name_of_module(cls),
        "class_name": cls.__name__,
        "config": value.get_config(),
        "registered_name": None if ours else cls._spec_name if registered == cls.__name__ else registered,
    }


def _function_form(value: NamedFunction) -> Any:
    name = value.registered_name()
    return value.function if name is None else function_form(name)


class NamedByClass:
    """The argument `name` of a family whose members are by default named after their class."""

    _default_name: ClassVar[str | None] = None  # of a class that Keras calls otherwise than by its name in snake case
    _names_subclasses: ClassVar[bool] = True  # whether those of users are called as this class
    _members: ClassVar[dict[str, type[Any]]]
    name: Any

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]
        self.name = self.default_name() if self.name is None else self.name

    @classmethod
    def default_name(cls) -> str:
        """The default name of an instance: that of the first public class of nnlite it is made of, or of its own."""
        ours = (base for base in cls.__mro__ if base.__module__.startswith("nnlite.") and cls._names_subclasses)
        public = (base for base in ours if cls._members.get(normalized(base.__name__)) is base)
        return default_name(next(public, cls))

    def _repr_arguments(self) -> dict[str, Any]:
        """A name that is the default one is not shown."""
        shown: dict[str, Any] = super()._repr_arguments()  # type: ignore[misc]
        named = self.name != self.default_name()
        return {name: value for name, value in shown.items() if named or name != "name"}


def of_family(family: type[Member], functions: Mapping[str, Callable[..., Any]] | None = None) -> Functions:
    """The functions `get`, `serialize` and `deserialize` of a family.

    Args:
        family: its root class.
        functions: those that names stand for, as Keras's losses have them beside the classes; None for a family whose
            members are never functions.
    """

    def get(identifier: Any) -> Any:
        """The instance that a name, a class or a config (also in Keras's form) describes; instances and None unchanged.

        If functions can be members, a function, or the one that a name stands for, is returned unchanged.
        """
        if functions is not None:
            if is_function_form(identifier):
                identifier = identifier["config"]
            if isinstance(identifier, str):
                identifier = functions.get(identifier) or custom_function(identifier) or identifier
            if callable(identifier) and not isinstance(identifier, type):
                return identifier
        return None if identifier is None else family.get(identifier)

    def serialize(member: Any) -> dict[str, Any]:
        """`{module, class_name, config, registered_name}`, which `deserialize` reads."""
        if functions is None or isinstance(member, family):
            return keras_form(member)
        name = next((name for name, function in functions.items() if function is member), None)
        return function_form(NamedFunction(member).to_spec() if name is None else name)

    def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The instance that a dict of `serialize`, `{class name: {argument: value}}` or a name describes.

        `custom_objects` has the user's classes and functions by the names that `config` uses.
        """
        with custom_object_scope(custom_objects):
            return get(config)

    return get, serialize, deserialize


def refuse_unknown(cls: type, retired: Mapping[str, str]) -> None:
    """Make the constructor of `cls` raise a `WrongTypeError`, also a ValueError, for unknown arguments.

    Args:
        cls: the class.
        retired: arguments that Keras once had -> what a warning says of them; they are passed over.
    """

    def change(construct: Any) -> Callable[..., None]:
        names = list(inspect.signature(construct).parameters)[1:]

        @functools.wraps(construct)
        def __init__(self: Any, *args: Any, **named: Any) -> None:
            for name in [name for name in named if name not in names]:
                if name not in retired:
                    raise WrongTypeError(f"{cls.__name__}: unknown argument {name!r}; {did_you_mean(name, names)}")
                warnings.warn(f"{cls.__name__}: {name} {retired[name]}", stacklevel=2)
                del named[name]
            construct(self, *args, **named)

        return __init__

    change_constructor(cls, change)


def _read(cls: type, name: str, reader: Callable[[Any], Any], value: Any) -> Any:
    try:
        return reader(value)
    except ConfigError as error:
        raise error.within(cls.__name__, name) from None


def take_by_position(cls: type, last: Sequence[str], readers: Mapping[str, Callable[[Any], Any]] | None = None) -> None:
    """Let the constructor of `cls` take positional arguments in Keras's order.

    That is the order of `_positional`, if the class itself says it; else those that go by position already, and then
    `last`. `readers` convert arguments to what the constructor takes.
    """

    def change(construct: Any) -> Callable[..., None]:
        parameters = list(inspect.signature(construct).parameters.values())[1:]
        positional = [item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        order = vars(cls).get("_positional") or (*positional, *(name for name in last if name not in positional))

        @functools.wraps(construct)
        def __init__(self: Any, *args: Any, **named: Any) -> None:
            if len(args) > len(order):
                raise TypeError(f"{cls.__name__} takes {len(order)} arguments by position, got {len(args)}")
            for name, value in zip(order, args, strict=False):
                if name in named:
                    raise TypeError(f"{cls.__name__} got two values for {name!r}")
                named[name] = value
            for name, reader in (readers or {}).items():
                if name in named:
                    named[name] = _read(cls, name, reader, named[name])
            construct(self, **named)

        return __init__

    change_constructor(cls, change)
