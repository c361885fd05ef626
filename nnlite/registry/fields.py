"""Types of converted arguments: what a constructor accepts for them, and what the attribute holds.

A type checker takes `Converted` for a descriptor, so that the constructor's parameter has the type of what may be
assigned, and the attribute the type of what is read. At runtime each of these names stands for the second type alone:
`FromSpec[Initializer]` is `Initializer`, which `nnlite.registry.field_types` reads values by.

An argument that names a file is converted by `sought`: in a config, the file is looked up next to it.

Signatures show the types of arguments as a person would write them: `int` for an `Annotated[int, Range(1)]`, and
`Initializer | str | dict` for what `Initializer.get` reads.
"""

import dataclasses
import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, Union, overload

from nnlite.errors import ConfigError, shown

__all__ = [
    "ConstructorSignature",
    "Converted",
    "FromSpec",
    "FromSpecs",
    "Settled",
    "Spec",
    "absolute_paths",
    "alone",
    "beside",
    "change_constructor",
    "make_dataclass",
    "option",
    "sought",
    "spelled_type",
]

_FOLDER: ContextVar[str | None] = ContextVar("folder of the config", default=None)
_ALONE: ContextVar[bool] = ContextVar("no argument may name a file", default=False)

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform

    Accepted = TypeVar("Accepted")
    Stored = TypeVar("Stored")

    class Converted(Generic[Accepted, Stored]):
        """`Converted[Accepted, Stored]`: a field that accepts the one and holds the other."""

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Stored: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: Accepted) -> None: ...

    Spec: TypeAlias = Union[Stored, type[Stored], str, Mapping[str, Any]]  # noqa: UP007 - mypy knows no other alias
    FromSpec = Converted[Stored | type[Stored] | str | Mapping[str, Any], Stored]
    Settled = Converted[Stored | None, Stored]
    FromSpecs = Converted[Sequence[Stored | type[Stored] | str | Mapping[str, Any]], list[Stored]]

    def option(*, default: Any = ..., default_factory: Any = ..., kw_only: bool = False) -> Any:
        """The default of a field that converts: a value of the accepted type."""

else:

    class Converted:
        """`Converted[Accepted, Stored]`: a field that accepts the one and holds the other."""

        def __class_getitem__(cls, types):
            return types[1]

    class Spec:
        """`Spec[Loss]`: what `Loss.get` reads, an instance, a class, a name or `{Name: {argument: value}}`."""

        def __class_getitem__(cls, family):
            return family

    class FromSpec(Spec):
        """`FromSpec[Initializer]`: a field that accepts a `Spec[Initializer]` and holds an `Initializer`."""

    class FromSpecs:
        """`FromSpecs[Layer]`: a field that accepts a sequence of `Spec[Layer]` and holds a list of layers."""

        def __class_getitem__(cls, family):
            return list[family]

    class Settled:
        """`Settled[Index]`: a field that accepts None, which the instance later replaces by an `Index`."""

        def __class_getitem__(cls, kind):
            return kind | None

    option = dataclasses.field

    def dataclass_transform(**_):
        """For checkers alone; `typing` has it from Python 3.11 on."""
        return lambda cls: cls


@contextmanager
def beside(folder: "str | os.PathLike[str]") -> Iterator[None]:
    """A context in which `sought` looks for files in `folder`, that of a config, before the current folder."""
    token = _FOLDER.set(os.fspath(folder))
    try:
        yield
    finally:
        _FOLDER.reset(token)


@contextmanager
def alone() -> Iterator[None]:
    """A context in which no argument may name a file, while a model file is read."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


def absolute_paths(path: "str | os.PathLike[str]", folder: str) -> list[str]:
    """Candidates for `path`: in `folder`, then in the current folder."""
    return list(dict.fromkeys(os.path.abspath(Path(base, path).expanduser()) for base in (folder, ".")))


def sought(path: "str | os.PathLike[str]") -> str:
    """The file that an argument names: `path` unchanged or, while a config is read, its absolute path.

    Raises:
        ConfigError: a config is read, and there is no such file; says where it was looked for. Or a model file is
            read, which holds what it needs.
    """
    if _ALONE.get():
        raise ConfigError(f"a model file names no other file to read, got {shown(os.fspath(path))}")
    folder = _FOLDER.get()
    if folder is None:
        return os.fspath(path)
    tried = absolute_paths(path, folder)
    present = next(filter(os.path.isfile, tried), None)
    if present is None:
        raise ConfigError(f"no file {os.fspath(path)!r}; looked for {' and '.join(tried)}")
    return present


class Spelled(str):
    """A type whose repr has no quotes, for `help`."""

    def __repr__(self) -> str:
        return str(self)


def make_dataclass(cls: type) -> None:
    """Make `cls` a dataclass, without `__eq__` and `__repr__`; its constructor has short type names.

    That of a class of nnlite is a `LateConstructor`. Those of users are made at once, so that what is wrong with their
    fields is said where they are written.
    """
    written = "__init__" in vars(cls)
    late = cls.__module__.startswith("nnlite.") and cls.__doc__ is not None
    dataclasses.dataclass(init=not late, eq=False, repr=False)(cls)
    if not written:
        setattr(cls, "__init__", LateConstructor(cls) if late else _spelled_constructor(cls))  # noqa: B010


class LateConstructor:
    """`__init__` of a dataclass, generated from the fields on first access, which then replaces itself.

    To make it takes several times as long as the rest of a class, and most classes are never constructed.

    Args:
        cls: a dataclass that has none.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.changes: list[Callable[[Any], Callable[..., None]]] = []

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        cls, fields = self.cls, {field.name: field for field in dataclasses.fields(self.cls)}
        names = ("__module__", "__qualname__", "__doc__", "__post_init__")
        double: Any = type(cls.__name__, (), {name: getattr(cls, name) for name in names})
        double.__annotations__ = {name: field.type for name, field in fields.items()}
        for name, field in fields.items():
            setattr(double, name, field)
        constructor = _spelled_constructor(dataclasses.dataclass(eq=False, repr=False)(double))
        for change in self.changes:
            constructor = change(constructor)
        setattr(cls, "__init__", constructor)  # noqa: B010 - not of an instance
        return constructor if instance is None else constructor.__get__(instance, owner)


def change_constructor(cls: type, change: Callable[[Any], Callable[..., None]]) -> None:
    """Replace the constructor of `cls` by `change` of it, as soon as it is generated."""
    constructor = vars(cls)["__init__"]
    if isinstance(constructor, LateConstructor):
        constructor.changes.append(change)
    else:
        setattr(cls, "__init__", change(constructor))  # noqa: B010 - not of an instance


def _spelled_constructor(cls: type) -> Any:
    """The constructor that `dataclass` has made, which says its types in short."""
    constructor: Any = cls.__init__
    constructor.__annotations__ = {
        name: hint if name == "return" else Spelled(spelled_type(hint, of_argument=True))
        for name, hint in constructor.__annotations__.items()
    }
    return constructor


def spelled_type(hint: Any, of_argument: bool = False) -> str:
    """A type in Python notation, with bare class names and without bounds.

    Args:
        hint: the type, or the text of one.
        of_argument: add what a constructor takes for an instance of a family, `Initializer | str | dict`.

    >>> spelled_type(dict[str, typing.Annotated[int, "bounds"] | None])
    'dict[str, int | None]'
    """
    try:
        return _spelled(hint, of_argument)
    except TypeError:  # a bound, or a list of parameters, that has no hash
        return _spelled.__wrapped__(hint, of_argument)


@functools.lru_cache(1024)
def _spelled(hint: Any, of_argument: bool) -> str:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, str):
        return hint
    if isinstance(hint, list):
        return f"[{', '.join(map(spelled_type, hint))}]"
    if origin is typing.Annotated:
        return spelled_type(parts[0], of_argument)
    if origin in (Union, types.UnionType):
        names = dict.fromkeys(name for part in parts for name in spelled_type(part, of_argument).split(" | "))
        return " | ".join(sorted(names, key=lambda name: name == "None"))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, parts))}]"
    named = origin or hint
    name = "None" if hint is type(None) else named.__name__ if isinstance(named, type) else str(hint).split(".")[-1]
    if parts:
        return f"{name}[{', '.join('...' if part is Ellipsis else spelled_type(part) for part in parts)}]"
    return f"{name} | str | dict" if of_argument and "_family" in dir(hint) else name


class ConstructorSignature:
    """`__signature__` of a class: that of `__init__`, including the defaults that are created per instance."""

    def __get__(self, instance: object, owner: Any) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("an instance is called as its `__call__` says")
        fields = () if owner._own_constructor or not dataclasses.is_dataclass(owner) else dataclasses.fields(owner)
        made = {field.name: field.default_factory for field in fields}
        parameters = []
        signature = inspect.signature(owner.__init__)
        for parameter in list(signature.parameters.values())[1:]:
            make = made.get(parameter.name, dataclasses.MISSING)
            parameters.append(parameter if make is dataclasses.MISSING else parameter.replace(default=make()))
        return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
