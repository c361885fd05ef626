"""The profile of a table as HTML: one line per column, with a chart of its values."""

from html import escape
from typing import TYPE_CHECKING

from nnlite.charts import bar_strip, html_table, number_text

if TYPE_CHECKING:
    from nnlite.data.profile.profile import ColumnProfile, TableProfile

__all__ = ["profile_html"]

MOST_COLUMNS = 40
HEAD = ("column", "kind", "missing", "distinct", "values", "", "becomes")


def profile_html(profile: "TableProfile", decided: bool = True) -> str:
    """Rows, task, and a table of at most 40 columns, in which columns with a warning are always included.

    Args:
        profile: the profile.
        decided: say what becomes of each column unless a config says otherwise.
    """
    columns = profile.columns
    if len(columns) > MOST_COLUMNS:
        selection = [column for column in columns if column.warning or column.name in profile.targets][:MOST_COLUMNS]
        selection += [column for column in columns if column not in selection][: MOST_COLUMNS - len(selection)]
        columns = [column for column in profile.columns if column in selection]
    parts = [f"<p>{profile.rows:,} rows, {len(profile.columns)} columns{escape(_task(profile))}.</p>"]
    width = len(HEAD) if decided else len(HEAD) - 1
    rows = [_row(column, profile)[:width] for column in columns]
    parts.append(f'<div class="t">{html_table(HEAD[:width], rows, numbers=(2, 3), raw=(5,))}</div>')
    if len(columns) < len(profile.columns):
        parts.append(f"<p>{len(profile.columns) - len(columns)} more columns are not shown.</p>")
    warnings = [
        f"<li><b>{escape(column.name)}</b>: {escape(column.warning)}</li>" for column in columns if column.warning
    ]
    return "".join([*parts, f"<ul>{''.join(warnings)}</ul>" if warnings else ""])


def _task(profile: "TableProfile") -> str:
    return f"; to predict: {', '.join(profile.targets)} ({profile.task.reason})" if profile.task else ""


def _row(column: "ColumnProfile", profile: "TableProfile") -> list[str]:
    missing = f"{column.missing / max(profile.rows, 1):.1%}" if column.missing else ""
    becomes = "target" if column.name in profile.targets else column.encoding
    return [column.name, column.kind, missing, f"{column.distinct:,}", _values(column), _strip(column), becomes]


def _values(column: "ColumnProfile") -> str:
    if column.statistics:
        low, middle, high = (number_text(column.statistics[name]) for name in ("min", "median", "max"))
        return f"{low} to {high}, median {middle}"
    shown = list(column.levels or column.examples)[:3]
    return ", ".join(text if len(text) <= 24 else f"{text[:23]}…" for text in shown)


def _strip(column: "ColumnProfile") -> str:
    if column.histogram:
        return bar_strip(column.histogram["counts"], f"Distribution of {column.name}", _values(column))
    if column.levels:
        counts = list(column.levels.values())
        most = ", ".join(f"{name[:24]} {count:,}" for name, count in list(column.levels.items())[:5])
        return bar_strip(counts, f"Levels of {column.name}", f"{most}.")
    return ""
