"""Whatever a reader raises about a file becomes one error that names it."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlite.errors import DataError, NNLiteError, shown

__all__ = ["reading", "reason"]


@contextmanager
def reading(place: str, what: str, remedy: str = "") -> Iterator[None]:
    """A context in which every exception is a `DataError`, but for those of nnlite, which pass.

    A library that decodes foreign bytes may raise anything: the kinds are not listed.

    Args:
        place: what messages call the file.
        what: what is wrong with it, such as `"not an .npy file"`.
        remedy: what to do.

    >>> with reading("t.npy", "not an .npy file", "save it anew"):
    ...     raise KeyError("shape")
    Traceback (most recent call last):
        ...
    nnlite.errors.DataError: t.npy: not an .npy file (KeyError: 'shape'); save it anew
    """
    try:
        yield
    except NNLiteError:
        raise
    except OSError as error:
        if error.strerror and error.errno:  # the system's words, which say all
            raise DataError(f"{place}: {error.strerror}") from error
        raise DataError(_message(place, what, error, remedy)) from error
    except MemoryError as error:
        raise DataError(f"{place}: there is not the memory to read this file") from error
    except Exception as error:
        raise DataError(_message(place, what, error, remedy)) from error


def reason(error: Exception) -> str:
    """What an exception says, in one line that is not too long; with its name where that alone is unclear."""
    lines = str(error).splitlines()
    text = next((line.strip() for line in lines if line.strip()), "")
    if isinstance(error, LookupError) or not text:
        return f"{type(error).__name__}: {text}".removesuffix(": ")
    return text if text.isprintable() and len(text) <= 300 else shown(text)


def _message(place: str, what: str, error: Exception, remedy: str) -> str:
    return f"{place}: {what} ({reason(error)})" + (f"; {remedy}" if remedy else "")
