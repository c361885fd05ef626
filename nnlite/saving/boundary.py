"""One boundary around reading nnlite's files: every error names the file and has the same class."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnlite.errors import ConfigError, DataError, MissingClassError, MissingLibraryError, ModelFileError, NNLiteError
from nnlite.errors.boundary import reading

__all__ = ["check_count", "reading_saved"]

HINT = "; import the module that defines your own classes first"
MOST_PARTS, PARTS_OF_ARRAY = 20_000, 50  # layers, initializers and other parts of a model, beyond those of each array


@contextmanager
def reading_saved(location: object, kind: type[DataError] = ModelFileError) -> Iterator[None]:
    """A context in which every exception, including nnlite's own, becomes one of `kind` that begins with `location`.

    A missing library is reported as such.

    Args:
        location: the file or the folder.
        kind: of the error.

    >>> with reading_saved("a.safetensors"):
    ...     {}["model"]
    Traceback (most recent call last):
    nnlite.errors.ModelFileError: a.safetensors: cannot be read (KeyError: 'model')
    """
    try:
        with reading(location, kind=kind):
            yield
    except MissingLibraryError:
        raise  # the file may be right
    except NNLiteError as error:
        text = str(error)
        if isinstance(error, kind) and text.startswith(str(location)):
            raise
        text = text if text.startswith(str(location)) else f"{location}: {text}"
        unknown = _unknown_names(error)
        kind = MissingClassError if unknown and kind is ModelFileError else kind
        hint = HINT if any("import the module" not in message for message in unknown) else ""
        raise kind(text + hint) from None


def check_count(model: dict[str, Any], arrays: int, source: object) -> None:
    """`ModelFileError` for a model with more parts than its arrays account for, since each part takes time."""
    parts, level, most = 0, [model], MOST_PARTS + PARTS_OF_ARRAY * arrays
    while level and parts <= most:
        parts += sum(isinstance(outer, dict) for outer in level)
        inner = [item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer)]
        level = [item for item in inner if isinstance(item, (dict, list))]
    if parts > most:
        raise ModelFileError(f"{source}: a model of more than {most:,} parts, and the file holds {arrays} arrays")


def _unknown_names(error: NNLiteError) -> list[str]:
    """The messages about unknown names: perhaps the module that defines a class has yet to be imported."""
    messages = [one.message for one in error.each()] if isinstance(error, ConfigError) else []
    return [message for message in messages if message.startswith("unknown ")]
