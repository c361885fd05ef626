"""`include:` merges a document over others, whose values it replaces."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnlite.documents.nodes import Node, Place, error_at, same
from nnlite.documents.reading import compose, read_text

__all__ = ["Including", "overlaid"]

FILES = 100


class Including:
    """Reads files with their includes.

    Args:
        sections: paths of the mappings that have keys of their own each, as `overlaid` needs them.

    Attributes:
        files: those that were read, in order.
    """

    def __init__(self, sections: Collection[tuple]) -> None:
        self.sections = sections
        self.files: list[Path] = []

    def read(self, path: Path, chain: tuple[Path, ...] = ()) -> Node:
        """The mapping in a file, merged over those that it includes.

        Args:
            path: the file.
            chain: the files that include it, outermost first.

        Raises:
            ConfigError: no file, no mapping, or files that include one another in a circle.
        """
        self.files.append(path)
        text = read_text(path)
        root = compose(text, f"{path}", len(self.files))
        if root is None or not isinstance(root.value, dict):
            location = root.place if root else Place(f"{path}", 1, 1)
            raise error_at(location, "expected `key: value` lines" if text.strip() else "the file is empty")
        included = root.value.pop("include", None)
        if included is None:
            return root
        base: Node | None = None
        for node in included.value if isinstance(included.value, list) else [included]:
            other = self._included(node, path, (*chain, path))
            base = other if base is None else overlaid(base, other, self.sections)
        return root if base is None else overlaid(base, root, self.sections)

    def _included(self, node: Node, path: Path, chain: tuple[Path, ...]) -> Node:
        if not isinstance(node.value, str):
            raise error_at(
                node.place, f"expected the name of a file, or a list of names, got {node.plain()!r}", INCLUDE
            )
        other = path.parent / Path(node.value).expanduser()
        resolved = [file.resolve() for file in chain]
        if other.resolve() in resolved:
            circle = [*chain[resolved.index(other.resolve()) :], other]
            raise error_at(node.place, f"a file includes itself: {' -> '.join(map(str, circle))}", INCLUDE)
        if len(self.files) >= FILES:
            raise error_at(node.place, f"more than {FILES} files are included", INCLUDE)
        if not other.is_file():
            raise error_at(node.place, f"no file {node.value!r}; looked for {other.resolve()}", INCLUDE)
        return self.read(other, chain)


INCLUDE = ("include",)


def overlaid(
    base: Node, nearer: Node, sections: Collection[tuple], path: tuple = (), names_class: bool = False
) -> Node:
    """`nearer` completed by `base`. Mappings are merged, key by key; any other value of `nearer` wins.

    `{SGD: {...}}` does not become part of `{Adam: {...}}`: where both are one name of a class, and not the same, there
    is one choice, that of `nearer`.

    Args:
        base, nearer: trees.
        sections: paths of the mappings whose keys are those of a section, not the name of a class.
        path: where they stand.
        names_class: whether their keys are arguments, because the key above is the name of a class.
    """
    if not (isinstance(base.value, dict) and isinstance(nearer.value, dict)):
        return nearer
    arguments = names_class or any(same(path, section) for section in sections if len(section) == len(path))
    if not arguments and len(base.value) == len(nearer.value) == 1 and not same(base.value, nearer.value):
        return nearer
    values: dict[Any, Node] = dict(base.value)
    keys = dict(base.keys)
    for key, node in nearer.value.items():
        present = next((one for one in values if same([one], [key])), None)
        if present is not None:
            inner = overlaid(values.pop(present), node, sections, (*path, key), not arguments)
            keys.pop(present)
            node = inner
        values[key], keys[key] = node, nearer.keys[key]
    return replace(nearer, value=values, keys=keys)
