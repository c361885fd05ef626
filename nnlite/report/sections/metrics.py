"""The metrics of each part, their uncertainty, and the baseline."""

import math

from nnlite.charts import Chart, html_table, interval_chart, number_text
from nnlite.report.evidence.intervals import intervals
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import figures, notice, number_cell, section, wide

__all__ = ["metrics_section"]

SHARES = ("accuracy", "balanced_accuracy", "roc_auc", "average_precision", "f1", "r2", "r2_score", "subset_accuracy")

Ends = dict[str, tuple[float, float]]


def metrics_section(subject: Subject) -> str:
    """A table for each part, and a chart of the metrics in [0, 1]."""
    ends = {part: intervals(subject, part) if subject.data else {} for part in subject.measured.parts}
    lines = [line for part in subject.measured.parts for line in _lines(subject, part, ends[part])]
    baseline = bool(subject.measured.baseline)
    head = ["part", "metric", "value", "95% interval", *(["baseline"] if baseline else [])]
    rows = [line if baseline else line[:4] for line in lines]
    table = wide(html_table(head, rows, numbers=(2, 3, 4), raw=(2, 3, 4)))
    explained = (
        "Values are those of metrics.json. Intervals: the middle 95% of 200 bootstrap resamples of the rows; they say "
        "how much chance in the choice of the rows matters, not how much another training would differ."
    )
    warned = [notice(warning, loud=True) for warning in subject.measured.warnings]
    part = subject.part
    return section("metrics", "Metrics", *warned, table, notice(explained), figures(_chart(subject, part, ends[part])))


def _lines(subject: Subject, part: str, ends: Ends) -> list[list[str]]:
    baseline = subject.measured.baseline.get(part, {})
    lines = []
    for name, value in subject.measured.parts[part].items():
        low_high = " to ".join(number_text(end) for end in ends[name]) if name in ends else ""
        lines.append(
            [part, name, number_cell(value), low_high, number_cell(baseline[name]) if name in baseline else ""]
        )
    return lines


def _chart(subject: Subject, part: str, ends: Ends) -> Chart | None:
    values = subject.measured.parts[part]
    names = [name for name in values if name in ends and name in SHARES]
    if len(names) < 2:
        return None
    baseline = subject.measured.baseline.get(part, {})
    marks = [math.nan if (value := baseline.get(name)) is None else value for name in names]
    note = "Dots with 95% intervals" + ("; rings are the baseline." if baseline else ".")
    numbers = [[values[name] for name in names], [ends[name][0] for name in names], [ends[name][1] for name in names]]
    return interval_chart(names, *numbers, title=f"Metrics of the {part} part", marks=marks, mark="baseline", note=note)
