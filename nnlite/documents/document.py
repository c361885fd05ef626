"""A config file with its includes, overrides and references resolved, and the position of each value."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnlite.documents.includes import Including
from nnlite.documents.nodes import Node, Place, find, place_of, place_of_name
from nnlite.documents.reading import compose
from nnlite.documents.references import resolve
from nnlite.errors import ConfigError, DataError, did_you_mean, format_path, raise_all
from nnlite.errors.boundary import with_place
from nnlite.registry.fields import beside

__all__ = ["SECTIONS", "Document"]

# The mappings of a config whose keys are arguments each; all others have one key, which names a class.
SECTIONS = (
    (),
    ("variables",),
    ("data",),
    ("data", "split"),
    ("model",),
    ("model", "inputs"),
    ("model", "layers"),
    ("compile",),
    ("fit",),
)
VARIABLES = "variables"
OVERRIDE = 1_000  # ranks overrides behind all files


class Document:
    """The values of a YAML file with overrides applied, and the position of each.

    `include:` names a file, or a list of files, that this one is laid over; overrides change what comes of it; then
    the references `${section.key}` and `${env:NAME}` are replaced. `variables:` is there for references alone.

    Args:
        path: the file.
        overrides: changes spelled `key.key.0.key=value`, with the value in YAML.
        sections: paths of the mappings whose keys are arguments: in an included file they are merged with others.

    Raises:
        ConfigError: no such file, no valid YAML, an override that fits nowhere, or a reference to nothing.
    """

    def __init__(self, path: str | Path, overrides: Iterable[str] = (), sections: Collection[tuple] = SECTIONS) -> None:
        self.path = Path(path)
        self.root = Including(sections).read(self.path)
        errors = []
        for number, assignment in enumerate(overrides):
            try:
                self._override(assignment, OVERRIDE + number)
            except ConfigError as error:
                errors.append(ConfigError(f"--set {assignment}: {error}"))
        raise_all(errors, f"{path}")
        resolve(self.root)
        self.values: dict[Any, Any] = self.root.plain()
        variables = self.values.pop(VARIABLES, None)
        if variables is not None and not isinstance(variables, dict):
            location = place_of(self.root, (VARIABLES,))
            raise ConfigError(f"{location}: {VARIABLES}: expected 'name: value' pairs, got {variables!r}")

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Let errors raised inside name the file, line and column, or the override, of their causes.

        Files that are named inside are looked up next to the document.
        """
        try:
            with beside(self.path.parent):
                yield
        except ConfigError as error:
            placed = []
            for one in error.each():
                location = (place_of if one.choice is None else place_of_name)(self.root, one.path)
                key = f"{format_path(one.path)}: " if one.path else ""
                placed.append((location.order, ConfigError(f"{location}: {key}{one.message}")))
            placed.sort(key=lambda pair: pair[0])
            try:
                raise_all([one for _, one in placed], f"{self.path}")
            except ConfigError as explained:
                raise explained from None
        except DataError as error:
            raise with_place(error, self.path) from None

    def _override(self, assignment: str, rank: int) -> None:
        keys, separator, text = assignment.partition("=")
        if not separator:
            raise ConfigError("expected key=value, such as fit.epochs=3")
        location = Place(f"--set {assignment}", rank=rank)
        *outer, last = keys.split(".")
        parent = self.root
        for depth, key in enumerate(outer):
            parent = _opened(parent, find(parent, key), location, may_create=depth < 2)
        key = find(parent, last)
        value = compose(text, "the value") or Node(None, location)
        parent.value[key] = _placed(value, location)
        if isinstance(parent.value, dict):
            parent.keys[key] = location


def _placed(node: Node, location: Place) -> Node:
    """`node` and all within, at one place."""
    node.place = location
    node.keys = dict.fromkeys(node.keys, location)
    for _, inner in node.children():
        _placed(inner, location)
    return node


def _opened(parent: Node, key: Any, location: Place, may_create: bool) -> Node:
    """The mapping or list at `key`. A bare name becomes `{name: {}}`, so that arguments can be set."""
    if isinstance(parent.value, dict) and key not in parent.value:
        if parent.value and not may_create:
            raise ConfigError(f"unknown key {key!r}; {did_you_mean(key, map(str, parent.value))}")
        parent.value[key], parent.keys[key] = Node({}, location), location
    node = parent.value[key]
    if node.value is None:
        node.value = {}
    elif isinstance(node.value, str):
        node.value, node.keys = {node.value: Node({}, node.place)}, {node.value: node.place}
    return node
