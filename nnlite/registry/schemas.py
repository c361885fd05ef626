"""JSON Schema, generated from the declared types of fields, for editors."""

import collections.abc
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from nnlite.registry.bounds import bounds_of
from nnlite.registry.configurable import (
    Configurable,
    constructor_parameters,
    default_value,
    field_hints,
    normalized,
    snake_case,
)
from nnlite.registry.descriptions import argument_texts, summary_of
from nnlite.registry.field_types import Specified
from nnlite.registry.functions import NamedFunction
from nnlite.registry.section import Section

__all__ = ["REFERENCE", "Schemas"]

Schema = dict[str, Any]

REFERENCE: Schema = {"$ref": "#/$defs/reference"}
NUMBER = r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"
PLAIN: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "string"], "pattern": NUMBER},  # YAML 1.1 has 1e-3 as text
    str: {"type": "string"},
    dict: {"type": "object"},
    list: {"type": "array"},
    type(None): {"type": "null"},
    collections.abc.Mapping: {"type": "object"},
}


class Schemas:
    """Schemas of types; those of classes are collected in `definitions`, and referred to.

    Args:
        special: type -> what makes its schema, where that does not follow from fields.
    """

    def __init__(self, special: Mapping[Any, "Callable[[Schemas], Schema]"]) -> None:
        self.special = special
        self.definitions: dict[str, Schema] = {
            "reference": {"type": "string", "pattern": r"\$\{.+\}", "description": "${section.key} or ${env:NAME}"}
        }

    def of(self, hint: Any) -> Schema:
        """The schema of what `read` accepts for a type; False for what no file can hold."""
        if isinstance(hint, type) and hint in self.special:
            return self._defined(hint.__name__, lambda: self.special[hint](self))
        origin, parts = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            schema = self.of(parts[0])
            for bound in bounds_of(hint):
                schema = {**schema, **bound.schema()}
            return schema
        if origin is typing.Literal:
            return {"enum": list(parts)}
        if origin in (typing.Union, types.UnionType):
            choices = [schema for part in parts if (schema := self.of(part)) != {"not": {}}]
            return {"anyOf": choices} if len(choices) > 1 else choices[0]
        if origin in (list, tuple, collections.abc.Sequence):
            return self._items(parts, origin is tuple and parts[-1] is not Ellipsis)
        if origin is dict:
            return {"type": "object", "additionalProperties": self.allowing_references(self.of(parts[1]))}
        return self._of_class(origin or hint)

    def _items(self, parts: tuple, fixed: bool) -> Schema:
        if not fixed:
            return {"type": "array", "items": self.allowing_references(self.of(parts[0]))}
        items = [self.allowing_references(self.of(part)) for part in parts]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

    def _of_class(self, hint: Any) -> Schema:
        if hint is typing.Any:
            return {}
        if isinstance(hint, type) and issubclass(hint, Section):
            return self._defined(hint.__name__, lambda: self.arguments(hint))
        if isinstance(hint, type) and issubclass(hint, Configurable):
            name = hint._family.replace(" ", "_") if "_members" in vars(hint) else hint.__name__
            return self._defined(name, lambda: self.family(hint))
        if isinstance(hint, type) and issubclass(hint, NamedFunction):
            return {"type": "string", "description": "the name of a registered function"}
        if isinstance(hint, type) and issubclass(hint, Specified):
            return {}
        return PLAIN.get(hint, {"not": {}})

    def _defined(self, name: str, make: Callable[[], Schema]) -> Schema:
        if name not in self.definitions:
            self.definitions[name] = {}  # it may contain itself
            self.definitions[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def allowing_references(self, schema: Schema) -> Schema:
        """`schema`, or a string that is a reference."""
        return {"anyOf": [schema, REFERENCE]} if schema else schema

    def family(self, cls: type[Configurable]) -> Schema:
        """Schema of what `cls.get` accepts: a name, or `{Name: {arguments}}`."""
        named = self.named(cls)
        free = [name for name, member in cls.members().items() if not _required(member)]
        spellings = [spelled for name in free for spelled in _spellings(cls, name)]
        patterns = [pattern for name in free for pattern in _patterns(cls, name)]
        names: list[Schema] = [{"enum": spellings}, {"type": "string", "pattern": "|".join(patterns)}] if free else []
        return {"description": summary_of(cls), "anyOf": [*names, named]}

    def named(self, cls: type[Configurable], extra: Mapping[str, Schema] | None = None) -> Schema:
        """A mapping from the name of a class, in any spelling, to its arguments; optionally with `extra` keys."""
        properties: dict[str, Schema] = dict(extra or {})
        patterns: dict[str, Schema] = {}
        for name, member in cls.members().items():
            arguments = self._defined(f"{member._family.replace(' ', '_')}.{name}", lambda m=member: self.arguments(m))
            for spelled in _spellings(cls, name):
                properties[spelled] = {**arguments, "description": summary_of(member)}
            patterns |= dict.fromkeys(_patterns(cls, name), arguments)
        return {
            "type": "object",
            "properties": properties,
            "patternProperties": patterns,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1 + len(extra or {}),
        }

    def arguments(self, cls: type) -> Schema:
        """The arguments of a class."""
        hints = field_hints(cls)
        defaults = {
            name: default_value(cls, name, parameter.default) for name, parameter in constructor_parameters(cls).items()
        }
        types_of = {name: hints.get(name, typing.Any) for name in defaults}
        return self.call(types_of, defaults, argument_texts(cls), summary_of(cls))

    def call(
        self, hints: Mapping[str, Any], defaults: Mapping[str, Any], texts: Mapping[str, str], description: str
    ) -> Schema:
        """A mapping of arguments.

        Args:
            hints: argument -> type.
            defaults: argument -> default; `Parameter.empty` if there is none.
            texts: argument -> description.
            description: of them all.
        """
        properties = {}
        for name, hint in hints.items():
            schema: Schema = self.allowing_references(self.of(hint))
            if name in texts:
                schema = {**schema, "description": texts[name]}
            if _is_json(defaults[name]):
                schema = {**schema, "default": defaults[name]}
            properties[name] = schema
        required = [name for name in hints if defaults[name] is inspect.Parameter.empty]
        return {
            "description": description,
            "type": "object" if required else ["object", "null"],
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }


def _required(cls: type) -> bool:
    return any(parameter.default is inspect.Parameter.empty for parameter in constructor_parameters(cls).values())


def _is_json(value: Any) -> bool:
    try:
        return bool(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return False


def _names(cls: type[Configurable], name: str) -> list[str]:
    """A class's own name and its aliases."""
    member = cls.members()[name]
    return [name, *(key for key, other in cls._members.items() if other is member and key != normalized(name))]


def _spellings(cls: type[Configurable], name: str) -> list[str]:
    """The names that are offered: `ReLU`, `relu`; `BatchNormalization`, `batch_normalization`."""
    return list(
        dict.fromkeys(spelled for spelling in _names(cls, name) for spelled in (spelling, snake_case(spelling)))
    )


def _patterns(cls: type[Configurable], name: str) -> list[str]:
    """Regular expressions for all spellings, in any case and underscore style."""
    letters = [
        [f"[{one}{one.upper()}]" if one.isalpha() else one for one in normalized(spelling)]
        for spelling in _names(cls, name)
    ]
    return [f"^_*{'_*'.join(spelling)}_*$" for spelling in letters]
