"""Types of arguments that are converted: what a constructor accepts for them, and what the attribute holds.

A type checker takes `Converted` for a descriptor, so that the constructor's parameter has the type of what may be
assigned, and the attribute the type of what is read. At runtime each of these names stands for the second type alone:
`FromSpec[Initializer]` is `Initializer`, which `nnlite.registry.field_types` reads values by.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, Union, overload

__all__ = ["Converted", "FromSpec", "FromSpecs", "Settled", "Spec", "option"]

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
