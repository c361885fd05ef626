"""Functions of Keras's module of a family: `get`, `serialize`, `deserialize`."""

from collections.abc import Callable
from typing import Any, TypeVar

from nnlite.registry.configurable import Configurable

__all__ = ["of_family"]

Member = TypeVar("Member", bound=Configurable)
Functions = tuple[Callable[[Any], Member | None], Callable[[Member], dict[str, Any]], Callable[[Any], Member | None]]


def of_family(family: type[Member]) -> "Functions[Member]":
    """The functions `get`, `serialize` and `deserialize` of a family."""

    def get(identifier: Any) -> Member | None:
        """The instance described by a name, a class, a config, of Keras's form too, or an instance; None for None."""
        return None if identifier is None else family.get(identifier)

    def serialize(member: Member) -> dict[str, Any]:
        """`{class name: {argument: value}}`, which `deserialize` reads."""
        return member.to_spec()

    def deserialize(config: Any) -> Member | None:
        """The member of such a dict, or of Keras's `{"class_name": ..., "config": ...}`."""
        return get(config)

    return get, serialize, deserialize
