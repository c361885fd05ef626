"""A boundary around file reading: any error becomes one that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlite.errors import DataError, MissingFileError, ModelFileError, NNLiteError, shown

__all__ = ["MissingDataError", "reading", "with_place"]


class MissingDataError(DataError, FileNotFoundError):
    """A file or folder of data that is missing: a `FileNotFoundError` of Python too."""


@contextmanager
def reading(
    location: object, what: str = "cannot be read", remedy: str = "", kind: type[DataError] = DataError
) -> Iterator[None]:
    """A context in which every exception becomes an error of `kind`, except nnlite's own errors, which pass.

    What is read was written by others, and a library that decodes it may raise anything: the classes are not listed.

    Args:
        location: what messages call the file.
        what: what is wrong with it, such as `"not an .npy file"`.
        remedy: what to do.
        kind: of the error.

    >>> with reading("t.npy", "not an .npy file", "save it again"):
    ...     raise KeyError("shape")
    Traceback (most recent call last):
        ...
    nnlite.errors.DataError: t.npy: not an .npy file (KeyError: 'shape'); save it again
    """
    try:
        yield
    except NNLiteError:
        raise
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            kind = {ModelFileError: MissingFileError, DataError: MissingDataError}.get(kind, kind)
        if error.strerror and error.errno:  # the system's words, which say all
            raise kind(f"{location}: {error.strerror}") from error
        raise kind(_message(location, what, _reason(error), remedy)) from error
    except MemoryError as error:
        raise kind(f"{location}: not enough memory to read this file") from error
    except RecursionError:
        raise kind(_message(location, what, "its parts are too deep within one another", remedy)) from None
    except Exception as error:
        raise kind(_message(location, what, _reason(error), remedy)) from error


def _reason(error: Exception) -> str:
    """Message of an exception, in one line that is not too long; with its name where that alone is unclear."""
    lines = str(error).splitlines()
    text = next((line.strip() for line in lines if line.strip()), "")
    if isinstance(error, LookupError) or not text:
        return f"{type(error).__name__}: {text}".removesuffix(": ")
    return text if text.isprintable() and len(text) <= 300 else shown(text)


def _message(location: object, what: str, why: str, remedy: str) -> str:
    return f"{location}: {what} ({why})" + (f"; {remedy}" if remedy else "")


def with_place(error: Exception, location: object) -> Exception:
    """The error itself, whose message now begins with a location."""
    error.args = (f"{location}: {error}",)
    return error
