"""Values as YAML text."""

import re
from typing import Any

from nnlite.documents.scalars import SCALARS
from nnlite.errors import needed_for

with needed_for("config files are written by PyYAML", "pyyaml"):
    import yaml

__all__ = ["dump"]


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _name, (_pattern, _starts) in SCALARS.items():
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), _starts)


def dump(values: dict) -> str:
    """`values` as YAML text that `Document` reads back as the same values."""
    return yaml.dump(_escaped(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _escaped(value: Any) -> Any:
    """`value` with text that looks like a reference written as text."""
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) and ("${" in value or "$$" in value) else value
