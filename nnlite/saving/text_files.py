"""Text files that users ask for: written completely or not at all."""

import contextlib
import io
import os
from collections.abc import Iterator
from typing import TextIO

from nnlite.errors import DataError, OutputError
from nnlite.errors.boundary import MissingDataError
from nnlite.saving.atomic import atomic_file

__all__ = ["text_file", "write_text"]


@contextlib.contextmanager
def text_file(path: str | os.PathLike) -> Iterator[TextIO]:
    """A UTF-8 file that appears under its name when the context ends; an existing file is kept after an error.

    A link is followed. A pipe or a device is written to directly, since it must not be replaced.

    Raises:
        DataError: a folder.
        OutputError: a path that cannot be written, under its own name.
    """
    if os.path.isdir(path):
        raise DataError(f"{os.fspath(path)}: is a folder; name a file in it")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            yield file
        return
    try:
        with atomic_file(os.path.realpath(path)) as binary:
            text = io.TextIOWrapper(binary, encoding="utf-8", newline="")  # type: ignore[type-var]
            yield text
            text.detach()
    except MissingDataError:  # what is written comes from a file, which is missing
        raise
    except OSError as error:
        raise OutputError(error.errno, error.strerror, os.fspath(path)) from None  # not the temporary file's name


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text as `text_file` does."""
    with text_file(path) as file:
        file.write(text)
