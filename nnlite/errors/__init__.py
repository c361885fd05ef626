"""The errors users see: each names the place, the offender and the remedy."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from nnlite.errors import spelling

ERRORS_SHOWN = 20
LETTERS_SHOWN = 200
NAMES_SHOWN = 20
NEAR_NAMES_SHOWN = 8


class NNLiteError(Exception):
    """Base of every error that nnlite raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class Choice(NamedTuple):
    """The allowed names of a value.

    Attributes:
        kind: what they are names of.
        names: all of them.
        listing: says where they are listed, for a choice of many.
        note: the end of the message.
    """

    kind: str
    names: Sequence[str]
    listing: str = ""
    note: str = ""


class ConfigError(NNLiteError, ValueError):
    """A wrong name, key, type or value in a constructor argument or in a YAML file.

    `path` is the way to the offender, outermost key first: `("model", 0, "Dense", "units")`.

    An error may stand for several, all those of a file: `errors` are these, and `message` says how many there are.
    `choice` is known of an unknown name.
    """

    exit_code = 2

    def __init__(self, message: str, path: tuple = (), errors: "Sequence[ConfigError]" = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)
        self.errors = tuple(errors)
        self.choice: Choice | None = None

    @classmethod
    def of_choice(cls, name: object, choice: "Choice") -> "ConfigError":
        """The error for a name that is not one of the allowed choices."""
        error = cls(
            f"unknown {choice.kind} {shown(name)}; {did_you_mean(name, choice.names, choice.listing)}{choice.note}"
        )
        error.choice = choice
        return error

    def within(self, *keys: object) -> "ConfigError":
        """The same error, with its path extended by one outer level."""
        for error in self.errors:
            error.within(*keys)
        if not self.errors:
            self.path = (*keys, *self.path)
        return self

    def each(self) -> "tuple[ConfigError, ...]":
        """The errors that this one stands for, or itself if it is a single one."""
        return self.errors or (self,)

    def __str__(self) -> str:
        if self.errors:
            lines = [f"  {error}" for error in self.errors[:ERRORS_SHOWN]]
            left = len(self.errors) - len(lines)
            return "\n".join([self.message, *lines, *([f"  and {left} more"] if left else [])])
        return f"{format_path(self.path)}: {self.message}" if self.path else self.message


def raise_all(errors: Sequence[ConfigError], location: str = "") -> None:
    """Raise the errors of independent checks: nothing for none, a single error, or one that stands for all of them.

    Args:
        errors: each may stand for several itself.
        location: what all of them concern, such as a file.
    """
    single = [one for error in errors for one in error.each()]
    kind = WrongTypeError if all(isinstance(one, WrongTypeError) for one in single) else ConfigError
    if single:
        several = kind(f"{location}: {len(single)} errors" if location else f"{len(single)} errors", (), single)
        raise several if len(single) > 1 else single[0]


class MissingLibraryError(ConfigError, ImportError):
    """A library that is needed for the request is not installed; the message says how to install it."""


class WrongTypeError(ConfigError, TypeError):
    """An argument whose type cannot be read, or an unknown argument."""

    @classmethod
    def of(cls, error: ConfigError, value: object) -> ConfigError:
        """`error`, raised on reading `value`, as a type error if the value is neither a name nor `{Name: {...}}`."""
        inside = error.errors or error.path or isinstance(value, (str, Mapping))
        return error if inside else cls(error.message)


class DataError(NNLiteError, ValueError):
    """Data that cannot be used: a missing column, text in a numeric column, NaN, labels out of range."""

    exit_code = 3


class ShapeError(DataError):
    """An array whose shape does not fit the layer, loss or op that received it."""


class CellTypeError(DataError, TypeError):
    """A value of a type that cannot be used: text for numbers, or a cell of a table that is a list or a dictionary."""


class UnknownCategoryWarning(UserWarning):
    """Rows to be predicted contain categories that the training data did not; the message names and counts them."""


class TrainingWarning(UserWarning):
    """Something failed around a training that continues, such as writing a checkpoint."""


class ModelFileError(DataError):
    """A model or checkpoint file that is missing, damaged, or made for another model."""


class MissingClassError(ModelFileError, TypeError):
    """A model file with a class, function or argument that is not known here: a `TypeError` too, as in Keras."""


class MissingFileError(ModelFileError, FileNotFoundError):
    """A model or checkpoint file that is missing: a `FileNotFoundError` of Python too."""


class OutputError(NNLiteError, OSError):
    """A file that cannot be written: the disk is full, the folder is read-only. Existing files are untouched."""

    exit_code = 5

    @classmethod
    def of(cls, path: object, error: OSError) -> OSError:
        """The system's error on writing `path`; nnlite's errors are returned unchanged."""
        return error if isinstance(error, NNLiteError) else cls(error.errno, error.strerror or str(error), str(path))

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class DivergenceError(NNLiteError, ArithmeticError):
    """Training that diverged: a loss or weights that are NaN or infinite."""

    exit_code = 4


class NotReadyError(NNLiteError, RuntimeError, ValueError):
    """A call that came too early: before `build`, `compile`, `adapt` or `forward`."""


@contextmanager
def needed_for(purpose: str, install: str) -> Iterator[None]:
    """A context around an import: a library that is not installed raises `MissingLibraryError` with the remedy.

    Args:
        purpose, install: who does what, `"configs are read by PyYAML"`, and what pip installs.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        quoted = f'"{install}"' if "[" in install else install  # brackets are patterns to some shells
        raise MissingLibraryError(f"{purpose}, which is not installed: pip install {quoted}") from error


def format_path(path: Iterable) -> str:
    """A path of keys and indices in Python notation: `model[0].Dense.units`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def shown(value: object) -> str:
    """`value` formatted for a message, truncated if long."""
    if isinstance(value, int) and abs(value) > 10**30:
        return f"a number of {math.floor(math.log10(abs(value))) + 1} digits"
    return _cut(repr(value))


def _cut(text: str) -> str:
    """`text`, shortened to its beginning if it is too long for a message."""
    return text if len(text) <= LETTERS_SHOWN else f"{text[:LETTERS_SHOWN]}..."


def did_you_mean(name: object, allowed: Iterable[str], everything: str = "", heading: str = "Allowed") -> str:
    """The end of an error message: the nearest allowed names, then all of them.

    Args:
        name: what was given.
        allowed: what could have been.
        everything: says where all names can be seen, in place of a list of more than 20.
        heading: what the names are.
    """
    names = sorted({_cut(item) for item in allowed})
    near = spelling.nearest(str(name), names)
    quoted = " or ".join(f"'{candidate}'" for candidate in near)
    hint = f"did you mean {quoted}? " if near else ""
    if len(names) <= NAMES_SHOWN:
        return f"{hint}{heading}: {', '.join(names) or 'nothing'}"
    if everything:
        return f"{hint}{everything}"
    near_first = spelling.by_nearness(str(name), names)
    shown = near_first[:NEAR_NAMES_SHOWN]
    return f"{hint}{heading}: {', '.join(shown)}, and {len(names) - len(shown)} more"


def no_column(name: object, columns: Iterable[str]) -> str:
    """An error message for a name that is not one of the `columns`."""
    return f"no column {name!r}; {did_you_mean(name, columns, heading='Columns')}"
