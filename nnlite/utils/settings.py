"""Config: named values as attributes, optionally frozen."""

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from nnlite.errors import ConfigError

__all__ = ["Config"]

HELD = ("_values", "_frozen")


class Config(MutableMapping):
    """A dict whose values are also attributes, and which `freeze()` protects from changes.

    Args:
        kwargs: the first values.

    Raises:
        ConfigError: a change of a frozen config; it is also a `ValueError`.

    >>> config = Config(learning_rate=0.1)
    >>> config.epochs = 20
    >>> config["epochs"], config.to_json()
    (20, '{"learning_rate": 0.1, "epochs": 20}')
    """

    def __init__(self, **kwargs: Any) -> None:
        self._values: dict[str, Any] = dict(kwargs)
        self._frozen = False

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self._frozen = True

    def unfreeze(self) -> None:
        """Allow changes again."""
        self._frozen = False

    def as_dict(self) -> dict[str, Any]:
        """The values as a new dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._values)

    def _writable(self) -> dict[str, Any]:
        if self._frozen:
            raise ConfigError("Cannot mutate attribute(s) because the config is frozen: unfreeze() it first")
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._writable()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._writable()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name in HELD or name not in self._values:
            raise AttributeError(f"Unknown attribute: {name!r}.")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in HELD:
            super().__setattr__(name, value)
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        getattr(self, name)
        del self[name]

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
