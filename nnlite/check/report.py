"""Results of checks: one row each, and a table of all."""

import html
import importlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnlite.charts import aligned

__all__ = ["Report", "Row"]

VERDICTS = ("ok", "skipped", "kink", "FAILED")  # from best to worst
# Code that errors of a layer pass through.
NOT_OWN = (Path(__file__).parents[1], Path(np.__file__).parent, Path(importlib.__file__).parent)
HEADS = ("Layer", "Checked", "Error", "Allowed", "Verdict")


class Row(NamedTuple):
    """One line of a report.

    Attributes:
        layer: what was checked.
        check: in which respect.
        error: the largest relative error; None if nothing is measured.
        tolerance: the largest one allowed.
        verdict: `"ok"`; `"kink"`: two slopes meet there, and the Jacobian has one of them; `"skipped"`; `"FAILED"`.
        detail: where it failed, or has its kink: which entry, found and expected; the error that was raised.
    """

    layer: str
    check: str
    error: float | None = None
    tolerance: float | None = None
    verdict: str = "ok"
    detail: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as strings."""
        numbers = ["-" if number is None else f"{number:.1e}" for number in (self.error, self.tolerance)]
        return (self.layer, self.check, *numbers, self.verdict)


class Report:
    """The rows of all checks; printing it shows a table, followed by what failed and where.

    Attributes:
        rows: one `Row` for each layer and check, the worst of what was tried: modes, batches, directions.
    """

    def __init__(self) -> None:
        self._worst: dict[tuple, Row] = {}

    @property
    def rows(self) -> list[Row]:
        """The worst row of each check, in the order of the checks."""
        return list(self._worst.values())

    @property
    def ok(self) -> bool:
        """Whether no check failed; a kink is not a failure."""
        return not self.failures

    @property
    def failures(self) -> list[Row]:
        """The rows that failed."""
        return [row for row in self.rows if row.verdict == "FAILED"]

    def add(self, row: Row) -> None:
        """Add a row; for each layer and check, the first row of the worst verdict is kept, with the largest error."""
        key = row.layer, row.check
        present = self._worst.get(key)
        if present is None or VERDICTS.index(row.verdict) > VERDICTS.index(present.verdict):
            self._worst[key] = row
        elif row.verdict == present.verdict and row.error is not None:
            largest = row.error if present.error is None else present.error
            self._worst[key] = present._replace(error=float(np.fmax(row.error, largest)), tolerance=row.tolerance)

    def include(self, other: "Report", prefix: str = "") -> None:
        """Add the rows of another report."""
        for row in other.rows:
            self.add(row._replace(layer=prefix + row.layer))

    def __str__(self) -> str:
        notes = [f"{row.verdict}: {row.layer}: {row.detail}" for row in self.rows if row.detail]
        return "\n".join([aligned(HEADS, [row.cells for row in self.rows]), *notes, self._summary()])

    __repr__ = __str__

    def _summary(self) -> str:
        count = len(self.failures)
        return f"{count} of {len(self.rows)} checks failed" if count else f"all {len(self.rows)} checks passed"

    def _repr_html_(self) -> str:
        lines = ["".join(f"<th>{head}</th>" for head in (*HEADS, "Where"))]
        for row in self.rows:
            lines.append("".join(f"<td>{html.escape(cell)}</td>" for cell in (*row.cells, row.detail)))
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table>{body}</table><p>{self._summary()}</p>"


class Findings:
    """Rows about one layer in one context.

    Args:
        report: where they go.
        layer: its name.
        circumstances: for sentences: `"training, batch of 1"`.
    """

    def __init__(self, report: Report, layer: str, circumstances: str = "") -> None:
        self.report = report
        self.layer = layer
        self.where = f" ({circumstances})" if circumstances else ""

    def measured(self, check: str, error: float, tolerance: float, sentence: str) -> None:
        """Add a row that fails, with this message, if the error is too large."""
        passed = error <= tolerance
        verdict, detail = ("ok", "") if passed else ("FAILED", f"{check}: {sentence}{self.where}")
        self.report.add(Row(self.layer, check, float(error), tolerance, verdict, detail))

    def held(self, check: str, holds: bool, sentence: str) -> None:
        """Add a row that fails, with this message, unless `holds`."""
        verdict, detail = ("ok", "") if holds else ("FAILED", f"{check}: {sentence}{self.where}")
        self.report.add(Row(self.layer, check, verdict=verdict, detail=detail))

    def kink(self, check: str, error: float, tolerance: float, sentence: str) -> None:
        """Add a row that reports a kink."""
        self.report.add(Row(self.layer, check, float(error), tolerance, "kink", f"{check}: {sentence}{self.where}"))

    def skipped(self, check: str, sentence: str) -> None:
        """Add a row with the reason why something is not checked."""
        self.report.add(Row(self.layer, check, verdict="skipped", detail=f"{check}: {sentence}{self.where}"))

    @contextmanager
    def trying(self, check: str) -> Iterator[None]:
        """A context in which an exception becomes a failed row."""
        try:
            yield
        except Exception as error:
            self.held(check, False, told(error))


def told(error: Exception) -> str:
    """An exception as a sentence, with the line of the user's code that raised it, if any."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and not any(Path(frame.filename).is_relative_to(root) for root in NOT_OWN)
    ]
    location = f", at {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{location}"
