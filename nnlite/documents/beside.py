"""Files that a config names: they are sought beside it, then in the current folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from nnlite.errors import ConfigError

__all__ = ["absolute_paths", "beside", "sought"]

_FOLDER: ContextVar[str | None] = ContextVar("folder of the config", default=None)


@contextmanager
def beside(folder: "str | os.PathLike[str]") -> Iterator[None]:
    """A context in which `sought` looks for files in `folder`, that of a config, before the current folder."""
    token = _FOLDER.set(os.fspath(folder))
    try:
        yield
    finally:
        _FOLDER.reset(token)


def absolute_paths(path: "str | os.PathLike[str]", folder: str) -> list[str]:
    """Where `path` may be: in `folder`, then in the current folder."""
    return list(dict.fromkeys(os.path.abspath(Path(base, path).expanduser()) for base in (folder, ".")))


def sought(path: "str | os.PathLike[str]") -> str:
    """The file that an argument names: `path` as it is or, while a config is read, its absolute path.

    Raises:
        ConfigError: a config is read, and there is no such file; says where it was looked for.
    """
    folder = _FOLDER.get()
    if folder is None:
        return os.fspath(path)
    tried = absolute_paths(path, folder)
    present = next(filter(os.path.isfile, tried), None)
    if present is None:
        raise ConfigError(f"no file {os.fspath(path)!r}; looked for {' and '.join(tried)}")
    return present
