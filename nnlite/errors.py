"""The errors users see: each names the place, the offender and the remedy."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class NNLiteError(Exception):
    """Base of every error that nnlite raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(NNLiteError, ValueError):
    """A wrong name, key, type or value in a constructor argument or in a YAML file.

    `path` is the way to the offender, outermost key first: `("model", 0, "Dense", "units")`.
    """

    exit_code = 2

    def __init__(self, message: str, path: tuple = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)

    def within(self, *keys: object) -> "ConfigError":
        """The same error seen from one level further out."""
        self.path = (*keys, *self.path)
        return self

    def __str__(self) -> str:
        return f"{format_path(self.path)}: {self.message}" if self.path else self.message


class MissingLibraryError(ConfigError, ImportError):
    """A library that is needed for what was asked is not installed; the message says how to get it."""


class DataError(NNLiteError, ValueError):
    """Data that cannot be used: a missing column, text in a numeric column, NaN, labels out of range."""

    exit_code = 3


class ShapeError(DataError):
    """An array whose shape does not fit the layer, loss or op that got it."""


class CellTypeError(DataError, TypeError):
    """A cell of a table of a type that no column can have: complex numbers, bytes, lists, dictionaries."""


class UnknownCategoryWarning(UserWarning):
    """Rows to be predicted hold categories that the training data did not; the message names and counts them."""


class ModelFileError(DataError):
    """A model or checkpoint file that is missing, damaged, or made for another model."""


class NotReadyError(NNLiteError, RuntimeError):
    """A call that came too early: before `build`, `compile`, `adapt` or `forward`."""


@contextmanager
def needed_for(purpose: str, install: str) -> Iterator[None]:
    """Around an import: a library that is not installed is a `MissingLibraryError` with the remedy.

    Args:
        purpose: who does what, such as `"config files are read by PyYAML"`.
        install: what pip installs.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingLibraryError(f"{purpose}, which is not installed: pip install {install}") from error


def format_path(path: Iterable) -> str:
    """Spell a path of keys and indices as in Python: `model[0].Dense.units`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def did_you_mean(name: object, allowed: Iterable[str]) -> str:
    """The end of an error message: the nearest allowed name, then all of them."""
    allowed = sorted(allowed)
    by_lower_case = {candidate.lower(): candidate for candidate in allowed}
    near = get_close_matches(str(name).lower(), by_lower_case, n=1)
    hint = f"did you mean {by_lower_case[near[0]]!r}? " if near else ""
    return f"{hint}Allowed: {', '.join(allowed) or 'nothing'}"
