"""One boundary around whatever is read from a file: what goes wrong within is one error that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlite.errors import ConfigError, DataError, ModelFileError, NNLiteError

__all__ = ["reading"]

HINT = "; import the module that defines your own classes first"


@contextmanager
def reading(
    place: object, kind: type[DataError] = ModelFileError, keeps: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """A context in which every exception becomes one of `kind` whose message begins with `place`.

    What is read was written by others, and there is no end to what can be wrong with it; so there is no list of what
    is caught. The exception of another class is the cause of the error, and its text is part of the message.

    Args:
        place: the file or the folder.
        kind: of the error.
        keeps: classes of exceptions that go through as they are.

    >>> with reading("a.safetensors"):
    ...     {}["model"]
    Traceback (most recent call last):
    nnlite.errors.ModelFileError: a.safetensors: cannot be read: KeyError: 'model'
    """
    try:
        yield
    except keeps:
        raise
    except NNLiteError as error:
        text = str(error)
        if isinstance(error, kind) and text.startswith(str(place)):
            raise
        text = text if text.startswith(str(place)) else f"{place}: {text}"
        raise kind(text + (HINT if _misses_a_class(error) else "")) from None
    except RecursionError:
        raise kind(f"{place}: cannot be read: its parts are too deep within one another") from None
    except MemoryError as error:
        raise kind(f"{place}: cannot be read: it asks for more memory than there is: {error}") from None
    except OSError as error:
        raise kind(f"{place}: {error.strerror or error}") from error
    except Exception as error:
        raise kind(f"{place}: cannot be read: {type(error).__name__}: {error}") from error


def _misses_a_class(error: NNLiteError) -> bool:
    """Whether a class is unknown, perhaps since the module that defines it has yet to be imported."""
    if not isinstance(error, ConfigError):
        return False
    messages = [one.message for one in error.each()]
    return any(text.startswith("unknown ") and "import the module" not in text for text in messages)
