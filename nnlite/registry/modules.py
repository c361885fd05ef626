"""Functions of Keras's modules and classes of a family: `get`, `serialize`, `deserialize`; arguments by position."""

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from nnlite.errors import WrongTypeError, did_you_mean
from nnlite.registry.configurable import Configurable
from nnlite.registry.names import custom_object_scope

__all__ = ["of_family", "refuse_unknown", "take_by_position"]

Member = TypeVar("Member", bound=Configurable)
Functions = tuple[Callable[[Any], Member | None], Callable[[Member], dict[str, Any]], Callable[..., Member | None]]


def of_family(family: type[Member]) -> "Functions[Member]":
    """The functions `get`, `serialize` and `deserialize` of a family."""

    def get(identifier: Any) -> Member | None:
        """The instance described by a name, a class, a config, of Keras's form too, or an instance; None for None."""
        return None if identifier is None else family.get(identifier)

    def serialize(member: Member) -> dict[str, Any]:
        """`{class name: {argument: value}}`, which `deserialize` reads."""
        return member.to_spec()

    def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Member | None:
        """The member of such a dict, or of Keras's `{"class_name": ..., "config": ...}`.

        `custom_objects` are classes and functions by the names in it, see `custom_object_scope`.
        """
        with custom_object_scope(custom_objects):
            return get(config)

    return get, serialize, deserialize


def refuse_unknown(cls: type, retired: Mapping[str, str]) -> None:
    """Let the constructor of `cls` say by a `WrongTypeError`, which is a ValueError too, what it does not take.

    Args:
        cls: the class.
        retired: arguments that Keras once had -> what a warning says of them; they are passed over.
    """
    construct: Any = vars(cls)["__init__"]
    names = list(inspect.signature(construct).parameters)[1:]

    @functools.wraps(construct)
    def __init__(self: Any, *given: Any, **named: Any) -> None:
        for name in [name for name in named if name not in names]:
            if name not in retired:
                raise WrongTypeError(f"{cls.__name__}: unknown argument {name!r}; {did_you_mean(name, names)}")
            warnings.warn(f"{cls.__name__}: {name} {retired[name]}", stacklevel=2)
            del named[name]
        construct(self, *given, **named)

    setattr(cls, "__init__", __init__)  # noqa: B010 - the class is made


def take_by_position(cls: type, last: Sequence[str]) -> None:
    """Let the constructor of `cls` take its arguments by position in Keras's order.

    That is the order of `_positional`, if the class itself says it; else those that go by position already, and then
    `last`.
    """
    construct: Any = vars(cls)["__init__"]
    parameters = list(inspect.signature(construct).parameters.values())[1:]
    own = [item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    order = vars(cls).get("_positional") or (*own, *(name for name in last if name not in own))

    @functools.wraps(construct)
    def __init__(self: Any, *given: Any, **named: Any) -> None:
        if len(given) > len(order):
            raise TypeError(f"{cls.__name__} takes {len(order)} arguments by position, got {len(given)}")
        for name, value in zip(order, given, strict=False):
            if name in named:
                raise TypeError(f"{cls.__name__} got two values for {name!r}")
            named[name] = value
        construct(self, **named)

    setattr(cls, "__init__", __init__)  # noqa: B010 - the class is made
