"""Names of layers: default names and dtypes, and the path of the place where a layer was built."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nnlite.config import ALL_TYPES, HALVES, Policy, computed_in, floatx, is_lowered
from nnlite.errors import ConfigError
from nnlite.ops.activations import Linear
from nnlite.registry.names import default_name
from nnlite.variables import SCOPES

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

LINEAR = Linear()
_counts: Counter[str] = Counter()  # how many names were made of each class
_enclosing: ContextVar["Place | None"] = ContextVar("enclosing", default=None)  # of the layer that is being built


def numbered(stem: str) -> str:
    """The next default name with this stem: `dense`, `dense_1`, ..."""
    number = _counts[stem]
    _counts[stem] += 1
    return f"{stem}_{number}" if number else stem


class Name:
    """The attribute `name`: the given one or, once requested, one derived from the class: `dense_1`.

    Within the package `layer._given_name` is read, None until the layer has one: a model numbers such a layer among its
    own, under the name that was made if that is free.
    """

    def __get__(self, layer: "Layer | None", owner: Any = None) -> Any:
        if layer is None:
            return None
        attribute = vars(layer).get("name")
        if attribute is None and layer._made_name is None:
            layer._made_name = numbered(layer._name_stem)
        return layer._made_name if attribute is None else attribute

    def __set__(self, layer: "Layer", value: Any) -> None:
        if isinstance(value, str) and "/" in value:
            where = (type(layer).__name__, "name")
            raise ConfigError(f"'/' separates names in paths: take another character in {value!r}", where)
        vars(layer)["name"] = value


class TypeName:
    """The attribute `dtype`: the given one or the one that the layer was built in; before that, `floatx()`.

    For a policy of 16 bits it is the type of the arrays that are computed with, float32; for layers with a vocabulary,
    whose numbers are no matter of it, that of the vocabulary.
    """

    def __get__(self, layer: "Layer | None", owner: Any = None) -> Any:
        if layer is None:
            return None
        attribute = layer._token_dtype or vars(layer).get("dtype") or floatx()
        return "float32" if layer._takes_policies and is_lowered(attribute) else attribute

    def __set__(self, layer: "Layer", value: Any) -> None:
        vars(layer)["dtype"] = value


class Activation:
    """The attribute `activation` of a layer with an argument of this name: the linear function where that is None.

    Within the package `layer._activation_argument` is read.
    """

    def __get__(self, layer: "Layer | None", owner: Any = None) -> Any:
        if layer is None:
            return None
        argument = layer._activation_argument
        return LINEAR if argument is None else argument

    def __set__(self, layer: "Layer", value: Any) -> None:
        vars(layer)["activation"] = value


def show_made(cls: Any) -> None:
    """Let fields of a class that are called `name` or `dtype`, None by default, act as the attributes of all layers.

    Let the field `activation` of a layer of nnlite act as an `Activation`.
    """
    for name in ("name", "dtype"):
        if name in vars(cls) and vars(cls)[name] is None:
            delattr(cls, name)
    if "activation" in vars(cls) and "activation" in cls.__dataclass_fields__ and cls.__module__.startswith("nnlite."):
        cls.activation = Activation()


@property
def given_name(self: Any) -> str | None:
    """The name; None before the layer is given one."""
    return vars(self).get("name")


@property
def name_stem(self: Any) -> str:
    """The stem of default names of the layer."""
    return default_name(type(self)).lstrip("_")


@property
def given_dtype(self: Any) -> Policy | None:
    """The dtype, or mixed policy, that was given, or that the layer was built in; None before."""
    return vars(self).get("dtype")


@property
def compute_dtype(self: Any) -> str:
    """The dtype of the layer's inputs and outputs: `dtype`, or the compute dtype of a mixed policy."""
    return computed_in(self._token_dtype or vars(self).get("dtype") or self.dtype)


@property
def variable_dtype(self: Any) -> str:
    """The dtype of the parameters: `dtype`, but for policies of 16 bits alone, which show them rounded."""
    halves = self._takes_policies and self._given_dtype in HALVES and not self._token_dtype
    return self._given_dtype if halves else self.dtype


def policy_name(layer: Any) -> str:
    """The name of the policy of a layer: the argument `dtype`, or `floatx()` for types of other things than numbers."""
    dtype = vars(layer).get("dtype")
    return dtype if dtype in ALL_TYPES else floatx()


def forget_names() -> None:
    """Restart the numbering of layer names."""
    _counts.clear()


class Place:
    """The place of a layer among those built inside one another, from which paths are derived on request.

    Args:
        layer: whose place it is.
        outer: that of the layer inside which it was built; None for none.
        name: how the layer is called here; None for its own name.

    Attributes:
        scopes: the names of the open `name_scope`s, the outermost first.
    """

    __slots__ = ("layer", "name", "outer", "scopes")

    def __init__(self, layer: "Layer", outer: "Place | None" = None, name: str | None = None) -> None:
        self.layer, self.outer, self.name = layer, outer, name
        self.scopes = tuple(SCOPES)

    @property
    def path(self) -> str:
        """The names of the enclosing layers and of this one, such as `"sequential/dense"`."""
        name = str(self.layer.name) if self.name is None else self.name
        if self.outer is None:
            return "/".join((*self.scopes, name))
        return "/".join((self.outer.path, *self.scopes[len(self.outer.scopes) :], name))

    def path_of(self, parameter: str) -> str:
        """The path of a parameter of the layer, by its name."""
        return f"{self.path}/{self.layer._path_inside(parameter)}"

    def __reduce__(self) -> Any:
        # Neither a copy nor a pickle of a layer takes those around it along.
        return FormerPlace, (self.path, type(self.layer)._path_inside)


class FormerPlace:
    """The place of a layer for a parameter that was copied or unpickled without it.

    Args:
        path: of the layer, at that time.
        path_inside: `_path_inside` of the layer's class.
    """

    __slots__ = ("path", "path_inside")

    def __init__(self, path: str, path_inside: Callable[[str], str]) -> None:
        self.path, self.path_inside = path, path_inside

    def path_of(self, parameter: str) -> str:
        """The path of a parameter of the layer, by its name."""
        return f"{self.path}/{self.path_inside(parameter)}"


def place_of(layer: "Layer") -> Place:
    """The place of a layer: its own, or the one where building is in progress."""
    if layer._site is None:
        layer._site = Place(layer, _enclosing.get())
    return layer._site


def put_inside(layer: "Layer", outer: "Layer", name: str) -> None:
    """Let paths show `layer` inside `outer`, under this name."""
    site = place_of(layer)
    site.outer, site.name = place_of(outer), name


@contextmanager
def inside(layer: "Layer") -> Iterator[None]:
    """Let layers that are built in this context be inside `layer`."""
    site = place_of(layer)
    if site.outer is None and not layer.built and (around := _enclosing.get()) is not site:
        site.outer = around  # of one whose constructor declared parameters
    token = _enclosing.set(site)
    try:
        yield
    finally:
        _enclosing.reset(token)
