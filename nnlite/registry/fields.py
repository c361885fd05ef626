"""Types of arguments that are converted: what a constructor accepts for them, and what the attribute holds.

A type checker takes `Converted` for a descriptor, so that the constructor's parameter has the type of what may be
assigned, and the attribute the type of what is read. At runtime each of these names stands for the second type alone:
`FromSpec[Initializer]` is `Initializer`, which `nnlite.registry.field_types` reads values by.

An argument that names a file is converted by `sought`: in a config, the file is sought beside it.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, Union, overload

from nnlite.errors import ConfigError

__all__ = [
    "Converted",
    "FromSpec",
    "FromSpecs",
    "Settled",
    "Spec",
    "absolute_paths",
    "beside",
    "option",
    "sought",
]

_FOLDER: ContextVar[str | None] = ContextVar("folder of the config", default=None)

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
        """`Settled[Index]`: a field that accepts None, in whose place the instance later holds an `Index`."""

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


def absolute_paths(path: "str | os.PathLike[str]", folder: str) -> list[str]:
    """Candidate places of `path`: in `folder`, then in the current folder."""
    return list(dict.fromkeys(os.path.abspath(Path(base, path).expanduser()) for base in (folder, ".")))


def sought(path: "str | os.PathLike[str]") -> str:
    """The file that an argument names: `path` as it is or, while a config is read, its absolute path.

    Raises:
        ConfigError: a config is read, and there is no such file; says where it was looked for.
    """
    folder = _FOLDER.get()
    if folder is None:
        return os.fspath(path)
    tried = absolute_paths(path, folder)
    present = next(filter(os.path.isfile, tried), None)
    if present is None:
        raise ConfigError(f"no file {os.fspath(path)!r}; looked for {' and '.join(tried)}")
    return present
