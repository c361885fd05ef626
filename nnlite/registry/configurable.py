"""One declaration per class: its fields are its constructor, its YAML keys, its saved config and its repr."""

import contextlib
import dataclasses
import functools
import inspect
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nnlite.errors import Choice, ConfigError, WrongTypeError, did_you_mean, raise_all, shown, spelling
from nnlite.registry.fast_paths import withdraw_fast_paths
from nnlite.registry.field_types import Specified, jsonable, read
from nnlite.registry.fields import ConstructorSignature, dataclass_transform, make_dataclass, option
from nnlite.registry.names import USER, custom_object, listing_of, load_home, name_in, normalized, open_room, snake_case
from nnlite.registry.pickling import stamped, unstamped

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Configurable",
    "constructor_parameters",
    "default_value",
    "field_hints",
    "normalized",
    "read_fields",
    "snake_case",
    "wrong_keys",
]


@Specified.register
@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field, option))
class Configurable:
    """Base of every family (Layer, Loss, Optimizer, ...): subclasses become dataclasses and register themselves.

    Class keywords:
        family: the family's name; given by its root class only.
        abstract: the class is there to be subclassed and is not registered.
        aliases: further names under which the class is found.

    Field types drive the reading of values (see `nnlite.registry.field_types`), so a constructor argument, a YAML key
    and a saved config are checked by the same rule. A class may write its own `__init__`; then the parameters of that
    are its fields, each stored under its own name. A subclass without new fields inherits it.

    `_fast_paths` says which methods and attributes answer for a slower method; see `nnlite.registry.fast_paths`.

    >>> from nnlite.optimizers import Optimizer
    >>> Optimizer.get({"adam": {"learning_rate": 0.01}})
    Adam(learning_rate=0.01)
    """

    _family: ClassVar[str]
    _members: ClassVar[dict[str, type[Any]]]
    _room: ClassVar[str]  # the package that has all of them that nnlite has
    _of_functions: ClassVar[str | None] = None  # the member that a user-defined function becomes
    _spec_name: ClassVar[str]  # the class's name in files; that of a user may be one that nnlite has, after `USER`
    _told_arguments: ClassVar[Any] = staticmethod(dict)  # what the constructor was given and did not keep, if known
    _own_constructor: ClassVar[bool] = False  # whether `__init__` was written by hand, here or in a base class
    __signature__ = ConstructorSignature()

    def __init_subclass__(
        cls, family: str | None = None, abstract: bool = False, aliases: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        written = "__init__" in vars(cls)
        make_dataclass(cls)
        cls._spec_name = cls.__name__
        if not written and cls._own_constructor and not _adds_fields(cls):
            del cls.__init__  # the one made of fields would hide the one that a base class wrote
        else:
            cls._own_constructor = written
        if family:
            cls._family, cls._members, cls._room = family, {}, ".".join(cls.__module__.split(".")[:2])
        elif not abstract:
            for name in (cls.__name__, *aliases):
                cls._register(name)
        withdraw_fast_paths(cls)

    @classmethod
    def _register(cls, name: str) -> None:
        ours = cls.__module__.startswith("nnlite.")
        if not ours:
            open_room(cls._room)  # whose names are taken, whether or not they have been loaded
        present = cls._members.get(normalized(name))
        if (
            present
            and present.__module__.startswith("nnlite.")
            and (present.__module__, present.__qualname__) != (cls.__module__, cls.__qualname__)
        ):
            if ours:
                raise ConfigError(f"the {cls._family} name {name!r} is taken by {present.__module__}")
            name = cls._spec_name = USER + name  # of a user, who gives the name to another class
        cls._members[normalized(name)] = cls

    def __post_init__(self) -> None:
        cls: type = type(self)
        values, errors = read_fields(cls, self.__dict__)
        self.__dict__.update(values)
        raise_all(errors)
        self.validate()

    def validate(self) -> None:
        """Check what the types of fields cannot express; raise `ConfigError`. Called after all fields are read."""

    @classmethod
    def members(cls) -> "dict[str, type[Self]]":
        """The registered classes of this family (or of this branch of it) by class name."""
        return _registered(cls)

    @classmethod
    def get(cls, spec: "Self | type[Self] | str | Mapping[str, Any]") -> "Self":
        """The instance that `spec` describes.

        Args:
            spec: an instance (returned as it is), a class, a name in any case or underscore style,
                `{Name: {argument: value}}`, or Keras's `{"class_name": Name, "config": {argument: value}}`.

        Raises:
            ConfigError: unknown name, unknown or missing argument, value of the wrong type.
        """
        if isinstance(spec, cls):
            return spec
        if isinstance(spec, type) and issubclass(spec, cls):
            return spec.from_config({})
        if isinstance(spec, str):
            return cls._lookup(spec).from_config({})
        if isinstance(spec, Mapping) and ("class_name" in spec or len(spec) == 1):
            of_keras = "class_name" in spec
            name, config = (name_in(spec), spec.get("config")) if of_keras else next(iter(spec.items()))
            return cls._lookup(name).from_config({} if config is None else config)
        if cls._of_functions is not None and callable(spec):
            return cls._lookup(cls._of_functions)(spec)  # type: ignore[call-arg]
        article = "an" if cls._family[0] in "aeio" else "a"
        raise ConfigError(f"expected {article} {cls._family}: a name or {{Name: {{arguments}}}}, got {spec!r}")

    @classmethod
    def _lookup(cls, name: object) -> "type[Self]":
        if isinstance(name, str) and name.startswith(USER) and normalized(name) not in cls._members:
            name = name.removeprefix(USER) if custom_object(name) is None else name
        if isinstance(name, str) and normalized(name) not in cls._members:
            load_home(cls._family, cls._room, name)
        member = cls._members.get(normalized(name)) if isinstance(name, str) else None
        custom = custom_object(name) if isinstance(name, str) else None
        if isinstance(custom, type) and issubclass(custom, cls):
            return custom
        if member is None or not issubclass(member, cls):
            listing = listing_of(cls._family, len(_registered(cls)))
            raise WrongTypeError.of_choice(name, Choice(cls._family, _known_names(cls), listing))
        return member

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Self":
        """Construct from a mapping of arguments; the inverse of `get_config`."""
        if not isinstance(config, Mapping):
            raise ConfigError(f"expected arguments as 'key: value', got {config!r}").within(cls.__name__)
        parameters = constructor_parameters(cls)
        errors = wrong_keys(config, parameters, listing_of(cls._family, len(parameters), cls.__name__))
        if errors:
            raise_all([*(error.within(cls.__name__) for error in errors), *read_fields(cls, config)[1]])
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """All arguments as plain JSON values, defaults included."""
        return {name: jsonable(value) for name, value in self._arguments().items()}

    def to_spec(self) -> dict[str, Any]:
        """`{ClassName: {argument: value}}`: what `get` reads and files store."""
        return {type(self)._spec_name: self.get_config()}

    def _arguments(self) -> dict[str, Any]:
        cls: type = type(self)
        values = vars(self) | self._told_arguments()  # may be shown otherwise by the attribute of its name
        names = constructor_parameters(cls)
        lacking = [name for name in names if name not in values and not hasattr(self, name)]
        if lacking and cls.get_config.__module__.startswith("nnlite."):  # that of a user says what is kept otherwise
            raise ConfigError(f"{cls.__name__}.__init__ must store its argument {lacking[0]!r} as self.{lacking[0]}")
        return {name: values[name] if name in values else getattr(self, name) for name in names if name not in lacking}

    def _repr_arguments(self) -> dict[str, Any]:
        """The arguments that the repr shows where they differ from the defaults."""
        return self._arguments()

    def __getstate__(self) -> dict[str, Any]:
        return stamped(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(unstamped(state, type(self)))

    def __repr__(self) -> str:
        cls: type = type(self)
        parameters, shown, arguments = constructor_parameters(cls), [], {}
        with contextlib.suppress(ConfigError):  # a constructor of a user keeps them elsewhere, or not at all
            arguments = self._repr_arguments()
        for name, value in arguments.items():
            given_as_option = name not in parameters  # of a constructor that takes further ones by name
            if given_as_option or _differs(value, default_value(cls, name, parameters[name].default)):
                shown.append(f"{name}={_short(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def read_fields(cls: type, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[ConfigError]]:
    """The fields of `cls` among `arguments`, read by their types, and the errors of those that cannot be read."""
    values, errors = {}, []
    for name, hint in field_hints(cls).items():
        if name in arguments:
            try:
                values[name] = read(arguments[name], hint)
            except ConfigError as error:
                errors.append(error.within(cls.__name__, name))
    return values, errors


def wrong_keys(
    keys: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter], listing: str = ""
) -> list[ConfigError]:
    """One error for each key that is not a parameter, and for each missing parameter without default.

    A parameter that an unknown key was probably meant to be is not reported as missing.

    Args:
        keys: arguments.
        parameters: what a call takes.
        listing: says where many parameters are listed.
    """
    errors, meant = [], set()
    for key in keys:
        if key not in parameters:
            hint = did_you_mean(key, parameters, listing)
            errors.append(WrongTypeError(f"unknown argument {shown(key)}; {hint}", (key,)))
            meant.update(spelling.nearest(str(key), parameters))
    for key, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and key not in keys and key not in meant:
            errors.append(WrongTypeError(f"missing argument {key!r}"))
    return errors


def _registered(cls: type[Configurable]) -> dict[str, type[Any]]:
    """`cls.members()`, also of a class whose instances have an argument of that name."""
    open_room(cls._room)
    return dict(sorted({one._spec_name: one for one in cls._members.values() if issubclass(one, cls)}.items()))


def _known_names(cls: type[Configurable]) -> list[str]:
    """Names that `cls.get` accepts: those of the classes, and their aliases."""
    classes = _registered(cls)
    named = {normalized(name) for name in classes}
    return [*classes, *(key for key, one in cls._members.items() if key not in named and issubclass(one, cls))]


def _adds_fields(cls: type) -> bool:
    """Whether a dataclass declares fields, rather than having those of its bases alone."""
    inherited = {
        id(field) for base in cls.__bases__ if dataclasses.is_dataclass(base) for field in dataclasses.fields(base)
    }
    return any(id(field) not in inherited for field in dataclasses.fields(cls))


@functools.cache
def constructor_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Name -> parameter of the constructor; `**kwargs` is expanded to the parameters of the base class."""
    parameters: dict[str, inspect.Parameter] = {}
    for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            parameters |= constructor_parameters(cls.__mro__[1])
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            parameters[parameter.name] = parameter
    return parameters


@functools.cache
def field_hints(cls: type) -> dict[str, object]:
    """Field -> type, for the fields that the constructor takes."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def default_value(cls: type, name: str, default: Any) -> Any:
    """The default as a JSON value, read by the field's type as in the constructor."""
    field = {field.name: field for field in dataclasses.fields(cls)}.get(name)
    if field and field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    if default is inspect.Parameter.empty:
        return default
    return jsonable(read(default, field_hints(cls).get(name, typing.Any)))


def _differs(value: object, default: object) -> bool:
    try:
        return jsonable(value) != default
    except ConfigError:  # it holds what cannot be saved, such as a function that is not registered
        return True


def _short(value: object) -> str:
    if isinstance(value, Configurable):
        text = repr(value)
        return repr(normalized(type(value).__name__)) if text.endswith("()") else text
    return repr(value)
