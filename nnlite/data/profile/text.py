"""A profile as one screen of text."""

from collections import Counter
from typing import TYPE_CHECKING

from nnlite.charts import aligned_lines
from nnlite.charts.ticks import number_text

if TYPE_CHECKING:
    from nnlite.data.profile.profile import ColumnProfile, TableProfile

__all__ = ["profile_text"]

MOST_LINES = 40
MOST_WARNINGS = 8
MOST_CLASSES = 6
WIDTH = 118
SHORT = 22


def profile_text(profile: "TableProfile") -> str:
    """At most 40 lines: the table, the target, kinds, suspicious columns, and the first columns."""
    lines = [f"{profile.source}: {profile.rows:,} rows, {len(profile.columns)} columns", *_task(profile)]
    kinds = Counter(column.kind for column in profile.inputs)
    lines += ["", "inputs: " + ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.most_common())]
    suspicious = [column for column in profile.inputs if column.warning]
    if suspicious:
        lines += ["", "suspicious:", *(f"  {column.name}: {column.warning}" for column in suspicious[:MOST_WARNINGS])]
        if len(suspicious) > MOST_WARNINGS:
            lines.append(f"  and {len(suspicious) - MOST_WARNINGS} more")
    room = MOST_LINES - len(lines) - 4  # but for an empty line, the names, how many more there are, and one to spare
    listed = profile.inputs[:room]
    rows = [("column", "kind", "missing", "distinct", "becomes", "because")]
    rows += [_row(column, profile.rows) for column in listed]
    lines += ["", *aligned_lines(rows)]
    if len(profile.inputs) > len(listed):
        lines.append(f"and {len(profile.inputs) - len(listed)} more columns")
    return "\n".join(line if len(line) <= WIDTH else line[: WIDTH - 3] + "..." for line in lines)


def _task(profile: "TableProfile") -> list[str]:
    task = profile.task
    if task is None:
        return []
    names = ", ".join(task.targets[:MOST_CLASSES]) + (", ..." if len(task.targets) > MOST_CLASSES else "")
    lines = [f"target: {names}: {task.kind} ({task.reason})" + ("; its logarithm is learned" if task.log else "")]
    if profile.unlabelled:
        lines.append(f"  no value in {profile.unlabelled:,} rows more, which are left out")
    if task.classes:
        shares = [f"{label} {count / profile.rows:.1%}" for label, count in list(task.classes.items())[:MOST_CLASSES]]
        more = len(task.classes) - MOST_CLASSES
        what = "labels" if task.kind == "multilabel" else "classes"
        lines.append(f"  {what}: " + ", ".join(shares) + (f", and {more} more" if more > 0 else ""))
        rarest = min(task.classes.values()) / profile.rows
        if rarest < 0.1 and task.kind == "binary":
            lines.append(f"  imbalanced: always saying the other class is right in {1 - rarest:.1%} of the rows")
    elif len(task.targets) == 1 and profile.column(task.targets[0]).statistics:
        numbers = profile.column(task.targets[0]).statistics
        lines.append("  " + ", ".join(f"{key} {number_text(numbers[key])}" for key in ("min", "median", "mean", "max")))
    return lines


def _row(column: "ColumnProfile", rows: int) -> tuple[str, ...]:
    name = column.name if len(column.name) <= SHORT else column.name[: SHORT - 3] + "..."
    missing = f"{column.missing / rows:.1%}" if column.missing else ""
    return name, column.kind, missing, str(column.distinct), column.encoding, column.reason
