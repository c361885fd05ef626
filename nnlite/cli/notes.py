"""Notes on decisions of file readers, written to standard error."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnlite.errors import TrainingWarning, UnknownCategoryWarning

__all__ = ["notes_on_stderr", "warnings_on_stderr", "without_progress"]

TOLD = (TrainingWarning, UnknownCategoryWarning)
LOGGER = "nnlite.data"  # by name: to import the room itself would load it for every command


class _Notes(logging.Handler):
    """Prints each message once."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._told:
            self._told.add(message)
            print(f"nnlite: note: {message}", file=sys.stderr)


@contextmanager
def notes_on_stderr() -> Iterator[None]:
    """A context in which the notes of `nnlite.data` go to standard error, each once."""
    logger, handler = logging.getLogger(LOGGER), _Notes()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """A context in which warnings about the training or about unknown categories take one line."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *details: Any) -> None:
        if issubclass(category, TOLD):
            print(f"nnlite: warning: {message}", file=sys.stderr)
        else:
            usual(message, category, *details)

    with warnings.catch_warnings():
        for category in TOLD:
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        yield


@contextmanager
def without_progress(quiet: bool) -> Iterator[None]:
    """A context that suppresses progress notes, such as those on passes over a large file, if `quiet`."""
    logger = logging.getLogger(f"{LOGGER}.storage")
    level = logger.level
    if quiet:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
