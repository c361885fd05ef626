"""Every public name of nnlite, and the page of the API reference that it stands on."""

import functools
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Rooms in the order of the reference, under the headings of its first page. A test holds that none is left out.
HEADINGS = {
    "Building models": ["models", "layers", "activations", "initializers", "regularizers", "constraints", "variables"],
    "Training": ["losses", "metrics", "optimizers", "schedules", "callbacks", "training", "distributed"],
    "Estimators and experiments": ["estimators", "wrappers", "experiment", "tuning", "report", "plots"],
    "Data": ["data", "datasets", "features", "preprocessing", "tree", "utils"],
    "Trained models": ["trained", "inference", "foreign", "saving"],
    "Derivatives": ["derivatives", "jacobians", "ops", "check"],
    "Circuits": ["circuits"],
    "Settings and machinery": [
        "config", "dtype_policies", "mixed_precision", "backend", "threads", "random", "errors", "kernels",
        "parameters", "registry", "documents", "charts", "cli",
    ],
}  # fmt: skip

# Rooms of helpers without names of their own: what they hold is imported from modules by other rooms alone.
NAMELESS = {"arrays"}

MOST_ON_A_PAGE = 50
FEWEST_ON_A_PAGE = 4

# Rooms whose groups are classes and functions, rather than the rooms inside them.
BY_KIND = {"nnlite.losses", "nnlite.metrics", "nnlite.ops"}

TITLES = {
    "bundles": "Jacobians of several inputs",
    "composite": "Composite layers",
    "core": "Core layers",
    "maps": "Structured maps",
    "merging": "Merging layers",
    "more": "Further names",
    "names": "Further functions of keras.ops",
    "pooling": "Pooling layers",
    "preprocessing": "Preprocessing layers",
    "recurrence": "Recurrences",
    "recurrent": "Recurrent layers",
    "regularization": "Regularization layers",
    "reshaping": "Reshaping layers",
}


@dataclass(frozen=True)
class Name:
    """A public name: `nnlite.layers` and `Dense`, and the object itself."""

    room: str
    name: str
    value: Any

    @property
    def path(self) -> str:
        """`nnlite.layers.Dense`."""
        return f"{self.room}.{self.name}"

    @property
    def kind(self) -> str:
        """The directive of Sphinx's Python domain: `class`, `function` or `data`."""
        if inspect.isclass(self.value):
            return "exception" if issubclass(self.value, BaseException) else "class"
        return "function" if callable(self.value) and hasattr(self.value, "__qualname__") else "data"

    @property
    def home(self) -> str:
        """The module where the object is defined, empty of a constant."""
        return str(self.value.__module__) if self.kind != "data" else ""


@dataclass
class Page:
    """A page of the reference: names of one room, or of one group of them."""

    title: str
    room: str
    names: list[Name] = field(default_factory=list)
    parts: "list[Page]" = field(default_factory=list)
    group: str = ""

    @property
    def file(self) -> str:
        """Its path below `docs/api`, without suffix."""
        return f"{self.room.removeprefix('nnlite.')}{'.' + self.group if self.group else ''}"


def names_of(room: str) -> list[Name]:
    """The public names of a room: those of `__all__`, else those that its modules export or that it defines."""
    module = importlib.import_module(room)
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [name for name, value in list(vars(module).items()) if _is_public(module, name, value)]
    listed = [*listed, *getattr(module, "_OF_KERAS", ())]
    names = [Name(room, name, getattr(module, name)) for name in set(listed) if name[0] != "_"]
    return sorted(names, key=_alphabetical)


def _alphabetical(name: Name) -> tuple[str, str]:
    return name.name.lower(), name.name


def _is_public(module: types.ModuleType, name: str, value: Any) -> bool:
    if name.startswith("_") or isinstance(value, types.ModuleType):
        return False
    home = getattr(value, "__module__", None)
    if hasattr(module, "__path__") and module.__name__ != "nnlite.errors":
        return name in _exported(module.__name__) or (str(home).startswith("nnlite.") and home != "nnlite.errors")
    return home == module.__name__ or (home is None and name.isupper() and name != "TYPE_CHECKING")


@functools.cache
def _exported(room: str) -> set[str]:
    package = importlib.import_module(room)
    modules = [importlib.import_module(found.name) for found in pkgutil.walk_packages(package.__path__, f"{room}.")]
    return {name for module in modules for name in getattr(module, "__all__", ())}


def rooms_of(room: str) -> Iterator[str]:
    """A room, and the modules in it that are public by their names, as Keras's `datasets.mnist`."""
    yield f"nnlite.{room}"
    if room in ("datasets", "preprocessing"):
        package = importlib.import_module(f"nnlite.{room}")
        names = (f"nnlite.{room}.{module.name}" for module in pkgutil.iter_modules(package.__path__))
        yield from (name for name in names if room != "datasets" or hasattr(importlib.import_module(name), "load_data"))


def pages() -> dict[str, list[Page]]:
    """Heading -> its pages."""
    tree = {heading: [_page_of(room) for room in rooms] for heading, rooms in HEADINGS.items()}
    return {"The package": [Page("nnlite", "nnlite", names_of("nnlite"))], **tree}


def _page_of(room: str) -> Page:
    first, *others = rooms_of(room)
    page = Page(first, first, names_of(first))
    page.parts = [Page(other, other, names) for other in others if (names := names_of(other))]
    if len(page.names) > MOST_ON_A_PAGE:
        page.parts, page.names = _groups(page), []
    return page


def _groups(page: Page) -> list[Page]:
    groups: dict[str, list[Name]] = {}
    for name in page.names:
        groups.setdefault(_group_of(page.room, name), []).append(name)
    small = [group for group, names in groups.items() if len(names) < FEWEST_ON_A_PAGE or group == "more"]
    if len(small) > 1:
        groups["more"] = sorted((name for group in small for name in groups.pop(group)), key=_alphabetical)
    return [Page(_title(group), page.room, names, group=group) for group, names in sorted(groups.items())]


def _group_of(room: str, name: Name) -> str:
    within = name.home.removeprefix(f"{room}.").split(".") if name.home.startswith(f"{room}.") else ["more"]
    if room in BY_KIND:
        if name.kind == "class":
            return "activations" if within[0] == "activations" else "classes"
        return within[0] if within[0] == "names" else "functions"
    return within[0]


def _title(group: str) -> str:
    return TITLES.get(group) or group.replace("_", " ").capitalize()


def all_names(tree: dict[str, list[Page]]) -> list[Name]:
    """All names of all pages."""
    flat = [part for listed in tree.values() for page in listed for part in (page, *page.parts)]
    return [name for page in flat for name in page.names]


def entries(names: list[Name]) -> dict[str, str]:
    """Path -> the path where it is described: its own, or that of the same object in the room where it is at home."""
    described: dict[int, Name] = {}
    for name in sorted(names, key=_likeness):
        described.setdefault(id(name.value), name)
    return {name.path: name.path if name.kind == "data" else described[id(name.value)].path for name in names}


def _likeness(name: Name) -> tuple[bool, bool, int]:
    """Sorts the names of one object: first the one that it calls itself, in the room where it is defined."""
    named = getattr(name.value, "__name__", "") == name.name
    return not name.home.startswith(f"{name.room}."), not named, -len(name.room)
