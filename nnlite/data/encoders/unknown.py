"""Values unknown to a fitted encoder: counted where they occur, reported once per call."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from nnlite.data.frames.frame import Column

__all__ = ["UnknownCategories"]

EXAMPLES = 5  # that a message names
_COUNTING: ContextVar["UnknownCategories | None"] = ContextVar("unknown_categories", default=None)


class UnknownCategories:
    """Counts, by column, of values that did not occur in the fit.

    While `counting`, encoders of categories report here; the tables of one call, or the chunks of one file, add up.

    >>> from nnlite.data import Columns, OneHot
    >>> unknown = UnknownCategories()
    >>> with unknown.counting():
    ...     row = Columns([OneHot("city", ["Oslo", "Rome"])]).encode({"city": ["Rome", "Rom", "Bern", "Rom"]})
    >>> unknown.count("city"), str(unknown)
    (3, "column 'city': 3 rows hold a category that the training data did not: 'Rom' (2), 'Bern'")
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, Counter[str]]] = {}

    @contextmanager
    def counting(self) -> Iterator["UnknownCategories"]:
        """A context in which encoders of categories report to this object."""
        token = _COUNTING.set(self)
        try:
            yield self
        finally:
            _COUNTING.reset(token)

    def count(self, column: str) -> int:
        """Count rows of `column` with an unknown value."""
        return max((counter.total() for counter in self._counts.get(column, {}).values()), default=0)

    @property
    def columns(self) -> list[str]:
        """The columns with unknown values."""
        return list(self._counts)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __str__(self) -> str:
        return "; ".join(map(self._told, self._counts))

    def _told(self, name: str) -> str:
        rows, counter = self.count(name), max(self._counts[name].values(), key=Counter.total)
        common = [(repr(value) if value else "no value", times) for value, times in counter.most_common(EXAMPLES)]
        shown = [f"{value} ({times})" if times > 1 else value for value, times in common]
        more = f" and {len(counter) - EXAMPLES} more" if len(counter) > EXAMPLES else ""
        hold = "row holds" if rows == 1 else "rows hold"
        return f"column {name!r}: {rows} {hold} a category that the training data did not: {', '.join(shown)}{more}"


def report_unknown(encoder: object, column: Column, codes: np.ndarray) -> None:
    """Report, to the active counter, the values of `column` that have code 0 without being missing."""
    counts = _COUNTING.get()
    if counts is None or codes.all():
        return
    unknown = [cell for cell in column.values[codes == 0].tolist() if cell is not None]
    if unknown:
        # A column may have several encoders, each of which meets the same cells.
        counts._counts.setdefault(column.name, {}).setdefault(type(encoder).__name__, Counter()).update(unknown)
