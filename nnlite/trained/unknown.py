"""Treatment of categories that the training data did not hold: one warning or one error per call."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from nnlite.data.encoders.unknown import UnknownCategories
from nnlite.errors import ConfigError, DataError, UnknownCategoryWarning

__all__ = []

OnUnknown = Literal["warn", "error", "ignore"]


@contextmanager
def told_unknown(on_unknown: OnUnknown) -> Iterator[UnknownCategories]:
    """Counts unknown categories; at the end one warning, one error or nothing.

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
        warnings.warn(str(unknown), UnknownCategoryWarning, stacklevel=6)
