"""Errors in the sections of a config: each names the position of its cause, whatever its type."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlite.errors import ConfigError, NNLiteError

__all__ = ["within"]


@contextmanager
def within(section: str = "", field: str = "") -> Iterator[None]:
    """A context in which every exception becomes a `ConfigError` below `section`, except nnlite's own and the system's.

    Errors of user-defined classes, and unforeseen ones of NumPy about sizes and numbers, get a location, too.

    Args:
        section: the key whose value is at work; none for the whole config.
        field: the first key of the path of an error, where the section stands for it.

    >>> with within("model"):
    ...     raise MemoryError("Unable to allocate 39.1 GiB")
    Traceback (most recent call last):
        ...
    nnlite.errors.ConfigError: model: not enough memory: Unable to allocate 39.1 GiB
    """
    path = (section,) if section else ()
    try:
        yield
    except ConfigError as error:
        for one in error.each():
            one.path = one.path[1:] if field and one.path[:1] == (field,) else one.path
        raise error.within(*path) from None
    except (NNLiteError, OSError):  # what the system says of a full disk is not a fault of the config
        raise
    except MemoryError as error:
        raise ConfigError(f"not enough memory: {error}", path) from error
    except Exception as error:
        raise ConfigError(f"it cannot be used: {type(error).__name__}: {error}", path) from error
