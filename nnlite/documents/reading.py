"""YAML text as a tree of nodes: bounded, without tags, with unique keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnlite.documents.nodes import DEPTH, SIZE, Node, Place, error_at
from nnlite.documents.scalars import scalar, usable
from nnlite.errors import ConfigError, needed_for

with needed_for("config files are read by PyYAML", "pyyaml"):
    import yaml

__all__ = ["compose", "parse", "read_text"]

BYTES = 16_000_000


def parse(text: str, name: str) -> tuple[Node | None, Any]:
    """The tree and the values of a YAML text; None if it is empty.

    Raises:
        ConfigError: it is not YAML, or uses what configs cannot: the message has `name`, line, column and key.
    """
    root = compose(text, name)
    return root, None if root is None else root.plain()


def read_text(path: Path) -> str:
    """The text of a config file, UTF-8 of at most 16 MB; else `ConfigError`."""
    try:
        with open(path, "rb") as file:
            content = file.read(BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None
    if len(content) > BYTES:
        raise ConfigError(f"{path}: the file is larger than {BYTES // 1_000_000} MB, which no config is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        location = Place(f"{path}", before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise error_at(
            location, f"the file is not text in UTF-8: it has the byte 0x{content[error.start]:02x}"
        ) from None


def compose(text: str, source: str, rank: int = 0) -> Node | None:
    """The tree of a YAML text from `source`, the `rank`-th that is read; None if it is empty."""
    return _Composer(text, source, rank).document()


class _Composer:
    """Makes nodes of the events of PyYAML's parser, in the order in which they come.

    Attributes:
        path: the keys and indices on the way to where it is.
        anchors: name -> node; None while the node is not complete.
        size: nodes so far, those that aliases repeat counted each time.
    """

    def __init__(self, text: str, source: str, rank: int) -> None:
        self.text = text
        self.source = source
        self.rank = rank
        self.path: list[Any] = []
        self.anchors: dict[str, Node | None] = {}
        self.size = 0
        self.events: Iterator[Any] = iter(())

    def document(self) -> Node | None:
        self.events = self._parsed()
        root = None
        while not isinstance(event := next(self.events), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._error(event.start_mark, "a second document begins; a config is a single one")
                root = self._node(next(self.events))
        return root

    def _parsed(self) -> Iterator[Any]:
        """The events; any failure of PyYAML becomes a `ConfigError` with line and column."""
        try:
            yield from yaml.parse(self.text, Loader=yaml.SafeLoader)
        except ConfigError:
            raise
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._error(mark, f"not valid YAML: {error.problem}{self._remedy(mark)}") from None
        except yaml.reader.ReaderError as error:
            raise self._unprintable(error) from None
        except Exception as error:  # such as an escape beyond the last character of Unicode
            raise error_at(Place(self.source, 1, 1, self.rank), f"not valid YAML: {error}", self.path) from None

    def _unprintable(self, error: Any) -> ConfigError:
        position = self.text.index(chr(error.character))
        start = self.text.rfind("\n", 0, position)
        location = Place(self.source, self.text.count("\n", 0, position) + 1, position - start, self.rank)
        return error_at(location, f"not valid YAML: {error.reason} ({chr(error.character)!r})", self.path)

    def _remedy(self, mark: Any) -> str:
        """Advice for common mistakes."""
        if mark is None:
            return ""
        if self.text[mark.index : mark.index + 1] == "\t":
            return "; indent with spaces, not with tabs"
        if self.text[max(mark.index - 1, 0) : mark.index + 1] == "${":
            return '; inside { } and [ ], quote the reference: "${section.key}"'
        return ""

    def _place(self, mark: Any) -> Place:
        return Place(self.source, mark.line + 1, mark.column + 1, self.rank)

    def _error(self, mark: Any, message: str) -> ConfigError:
        return error_at(self._place(mark), message, self.path)

    def _node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._repeated(event)
        if event.tag is not None:
            raise self._error(event.start_mark, f"the tag {_short_tag(event.tag)!r}: values in a config have no tags")
        self._count(event, 1)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = Node(None, self._place(event.start_mark))
        if isinstance(event, yaml.ScalarEvent):
            node.value = self._scalar(event)
        elif len(self.path) >= DEPTH:
            raise self._error(event.start_mark, f"lists and mappings within one another, more than {DEPTH} deep")
        elif isinstance(event, yaml.SequenceStartEvent):
            node.value = self._items()
        else:
            self._fill(node)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _count(self, event: Any, nodes: int) -> None:
        self.size += nodes
        if self.size > SIZE:
            raise self._error(event.start_mark, f"more than {SIZE:,} values, those that aliases repeat included")

    def _repeated(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            reason = "is within itself" if event.anchor in self.anchors else "is not defined above"
            raise self._error(event.start_mark, f"the alias *{event.anchor} {reason}")
        size, depth = node.extent()
        self._count(event, size)
        if len(self.path) + depth > DEPTH + 1:
            raise self._error(event.start_mark, f"lists and mappings within one another, more than {DEPTH} deep")
        return node.copy()

    def _scalar(self, event: Any) -> Any:
        try:
            return scalar(event.value) if event.implicit[0] else usable(event.value)
        except ConfigError as error:
            raise self._error(event.start_mark, error.message) from None

    def _items(self) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            self.path.append(len(items))
            items.append(self._node(event))
            self.path.pop()
        return items

    def _fill(self, mapping: Node) -> None:
        mapping.value = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
                raise self._error(event.start_mark, "a key is a list or a mapping; keys are text or numbers")
            key = self._node(event)
            if isinstance(key.value, (dict, list)):
                raise self._error(event.start_mark, "a key is a list or a mapping; keys are text or numbers")
            self.path.append(key.value)
            if key.value in mapping.value:
                raise self._error(event.start_mark, f"the key {key.value!r} is repeated here")
            mapping.keys[key.value] = self._place(event.start_mark)
            mapping.value[key.value] = self._node(next(self.events))
            self.path.pop()


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
