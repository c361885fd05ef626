"""A configurable whose arguments are given without its class name around them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnlite.errors import ConfigError
from nnlite.registry.configurable import Configurable

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Section"]


class Section(Configurable, family="section"):
    """Base of classes that need no name in a config: `split: {test: 0.2}`, not `split: {Split: {test: 0.2}}`."""

    @classmethod
    def get(cls, spec: "Self | type[Self] | str | Mapping[str, Any]") -> "Self":
        """The instance that the mapping of arguments `spec` describes, or `spec` itself if it is one already."""
        if isinstance(spec, cls):
            return spec
        if not isinstance(spec, Mapping):
            raise ConfigError(f"expected arguments as 'key: value', got {spec!r}")
        try:
            return cls.from_config(spec)
        except ConfigError as error:
            for one in error.each():
                if one.path[:1] == (cls.__name__,):
                    one.path = one.path[1:]
            raise

    def to_spec(self) -> dict[str, Any]:
        """`{argument: value}`, defaults included."""
        return self.get_config()
