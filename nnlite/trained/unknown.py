"""Treatment of categories that did not occur in training: one warning or one error per call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from nnlite.data.encoders.unknown import UnknownCategories
from nnlite.errors import ConfigError, DataError, UnknownCategoryWarning
from nnlite.errors.caller import warn_user

__all__ = []

OnUnknown = Literal["warn", "error", "ignore"]


@contextmanager
def told_unknown(on_unknown: OnUnknown) -> Iterator[UnknownCategories]:
    """Counts unknown categories; issues one warning, raises one error, or does nothing at the end.

    Raises:
        ConfigError: another word.
        DataError: unknown categories, where they are errors.
    """
    if on_unknown not in ("warn", "error", "ignore"):
        raise ConfigError(f"expected 'warn', 'error' or 'ignore', got {on_unknown!r}", ("on_unknown",))
    unknown = UnknownCategories()
    yield unknown
    if unknown and on_unknown == "error":
        raise DataError(str(unknown))
    if unknown and on_unknown == "warn":
        warn_user(str(unknown), UnknownCategoryWarning)
