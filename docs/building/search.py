"""Sphinx's search for the object that a reference names, which looks at no name where none ends like it."""

from typing import Any

from sphinx.domains.python import ObjectEntry, PythonDomain

__all__ = ["QuickDomain"]


class QuickDomain(PythonDomain):
    """Python's objects: most of what annotations name, such as `int`, is none of them, and is not looked for in all."""

    _last_parts: tuple[int, frozenset[str]] = (0, frozenset())

    def find_obj(self, env: Any, modname: str, classname: str, name: str, *how: Any) -> list[tuple[str, ObjectEntry]]:
        """Whatever is found ends with the last part of the name."""
        known, last_parts = self._last_parts
        if known != len(self.objects):
            last_parts = frozenset(path.rpartition(".")[2] for path in self.objects)
            self._last_parts = len(self.objects), last_parts
        if name.removesuffix("()").rpartition(".")[2] not in last_parts:
            return []
        return super().find_obj(env, modname, classname, name, *how)
