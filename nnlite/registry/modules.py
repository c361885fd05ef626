"""Functions of Keras's modules and classes of a family: `get`, `serialize`, `deserialize`; arguments by position."""

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from nnlite.errors import WrongTypeError, did_you_mean
from nnlite.registry.configurable import Configurable
from nnlite.registry.functions import NamedFunction
from nnlite.registry.names import LISTED, custom_object_scope, get_registered_name, snake_case

__all__ = ["NamedByClass", "keras_form", "of_family", "refuse_unknown", "take_by_position"]

Member = TypeVar("Member", bound=Configurable)
Functions = tuple[Callable[[Any], Any], Callable[[Any], dict[str, Any]], Callable[..., Any]]
MODULES = {**LISTED, "schedule": "optimizers.schedules"}  # of Keras, by family
FUNCTION = {"module": "builtins", "class_name": "function", "config": "", "registered_name": "function"}


class NamedByClass:
    """The argument `name` of a family whose members are called by their class where none is given."""

    _default_name: ClassVar[str | None] = None  # of a class that Keras calls otherwise than by its name in snake case
    name: Any

    @classmethod
    def default_name(cls) -> str:
        """The name of an instance that is given none."""
        return vars(cls).get("_default_name") or snake_case(cls.__name__)

    def _repr_arguments(self) -> dict[str, Any]:
        """A name that is the default one is not shown."""
        shown: dict[str, Any] = super()._repr_arguments()  # type: ignore[misc]
        named = self.name != self.default_name()
        return {name: value for name, value in shown.items() if named or name != "name"}


def keras_form(member: Any) -> dict[str, Any]:
    """`{"module", "class_name", "config", "registered_name"}` of a member of a family, or of a function.

    The module is that of Keras for classes of nnlite, which are registered nowhere; else that of the class.
    """
    if not isinstance(member, Configurable):
        return {**FUNCTION, "config": NamedFunction(member).to_spec()}
    cls: type = type(member)
    built_in = cls.__module__.startswith("nnlite.")
    return {
        "module": f"keras.{MODULES.get(member._family, 'models')}" if built_in else cls.__module__,
        "class_name": cls.__name__,
        "config": member.get_config(),
        "registered_name": None if built_in else get_registered_name(cls),
    }


def of_family(family: type[Member], functions: Mapping[str, Callable[..., Any]] | None = None) -> Functions:
    """The functions `get`, `serialize` and `deserialize` of a family.

    Args:
        family: its root class.
        functions: those that names stand for, as Keras's losses have them beside the classes; None for a family whose
            members are never functions.
    """

    def get(identifier: Any) -> Any:
        """The instance described by a name, a class, a config, of Keras's form too, or an instance; None for None.

        A function is returned as it is, where a function can be a member, as is the one that a name stands for.
        """
        if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
            identifier = identifier["config"]
        if functions is not None and isinstance(identifier, str):
            identifier = functions.get(identifier, identifier)
        if functions is not None and callable(identifier) and not isinstance(identifier, type):
            return identifier
        return None if identifier is None else family.get(identifier)

    def serialize(member: Any) -> dict[str, Any]:
        """`{"module", "class_name", "config", "registered_name"}`, which `deserialize` reads."""
        named = functions or {}
        name = next((name for name, function in named.items() if function is member), None)
        return keras_form(member) if name is None else {**FUNCTION, "config": name}

    def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The member of such a dict, or of `{class name: {argument: value}}`, or of a name.

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
