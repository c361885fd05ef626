"""The data: the raw table, its division into parts, and the target."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nnlite.charts import Chart, bar_chart, histogram, html_table, number_text
from nnlite.data import Labels, Quantities
from nnlite.data.frames import Frame
from nnlite.data.profile import profile_table
from nnlite.data.profile.html import profile_html
from nnlite.data.table import Table
from nnlite.errors import DataError
from nnlite.report.evidence.subject import MOST_ROWS, Subject
from nnlite.report.page import figures, joined, notice, section, wide

__all__ = ["data_section"]

MOST_PROFILED = 20_000  # rows of a table
MOST_TARGETS = 3
SHOWN_CLASSES = 30


def data_section(subject: Subject) -> str:
    """Sizes of the parts, the profile of the columns, and the distribution of the target."""
    return section("data", "Data", _parts(subject), figures(*_target(subject)), _inputs(subject))


def _parts(subject: Subject) -> str:
    rows = [[part, f"{len(y):,}"] for part, (_, y) in subject.prepared.parts.items()]
    return wide(html_table(["part", "rows"], rows, numbers=(1,)))


def _target(subject: Subject) -> list[Chart]:
    parts, target = list(subject.prepared.parts), subject.target
    truth = np.concatenate([subject.truth(part) for part in parts])
    if isinstance(target, Quantities):
        names = target.names[:MOST_TARGETS]
        return [histogram(truth[:, index], f"Target {name}", name) for index, name in enumerate(names)]
    if isinstance(target, Labels):
        title, counts = "Labels", target.encode(truth).sum(axis=0)
    else:
        title, counts = "Classes", np.bincount(target.codes(truth).ravel(), minlength=len(subject.labels))
    order = np.argsort(-counts, kind="stable") if len(counts) > SHOWN_CLASSES else np.arange(len(counts))
    shown = order[:SHOWN_CLASSES]
    note = f"The {SHOWN_CLASSES} most frequent of {len(counts)}." if len(shown) < len(counts) else ""
    return [bar_chart([subject.labels[code] for code in shown], counts[shown], title, "rows", note=note)]


def _inputs(subject: Subject) -> str:
    table = subject.table
    if table is not None:
        targets = [name for name in subject.target.columns if name in _names(table)]
        said = ""
        if _rows(table) > MOST_PROFILED:
            said = notice(f"The profile is that of the first {MOST_PROFILED:,} rows.")
            table = _first(table)
        try:
            return joined([said, profile_html(profile_table(table, targets), decided=False)])
        except DataError as error:
            return notice(f"No profile: {error}")
    x = subject.arrays("training")[0]
    if x.dtype.kind in "OUS":
        lengths = [len(str(text).split()) for text in np.ravel(x)[:MOST_ROWS]]
        return joined([notice(f"Inputs are strings, such as {str(np.ravel(x)[0])[:100]!r}."), _lengths(lengths)])
    numbers = np.asarray(x[:MOST_ROWS], np.float64)
    low, high, mean = (number_text(float(value)) for value in (numbers.min(), numbers.max(), numbers.mean()))
    shape = " x ".join(map(str, x.shape[1:]))
    return notice(f"Inputs are arrays of {shape} numbers ({x.dtype}) from {low} to {high}, mean {mean}.")


def _rows(table: Table | Frame) -> int:
    return len(table) if isinstance(table, Table) else table.n_rows


def _names(table: Table | Frame) -> Sequence[str]:
    return list(table.columns) if isinstance(table, Table) else table.names


def _first(table: Table | Frame) -> Table | Frame:
    if isinstance(table, Table):
        columns = {name: cells[:MOST_PROFILED] for name, cells in table.columns.items()}
        return replace(table, columns=columns, lines=table.lines[:MOST_PROFILED])
    rows = np.arange(MOST_PROFILED)
    return Frame([column.taken(rows) for column in table.columns], named=table.named)


def _lengths(lengths: list[int]) -> str:
    return figures(histogram(lengths, "Words of a text", "words"))
