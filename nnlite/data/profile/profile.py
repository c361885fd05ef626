"""The profile of a table: kinds, missing values, levels, suspicious columns, and the decision about each column."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nnlite.charts import binned, notebook
from nnlite.data.files.around.amounts import units_of
from nnlite.data.files.remedies import remedy_of_amounts, remedy_of_underscores, shown
from nnlite.data.frames.frame import Frame
from nnlite.data.frames.reading import read_frame
from nnlite.data.profile.cells import Cells, read_cells
from nnlite.data.profile.html import profile_html
from nnlite.data.profile.kinds import ColumnKind, kind_of, order_of, skewness
from nnlite.data.profile.leaks import leak_of
from nnlite.data.profile.tasks import Task, TaskKind, joins_labels, task_of
from nnlite.data.profile.text import profile_text
from nnlite.data.storage.chunks import taken
from nnlite.data.table import Table
from nnlite.errors import DataError

__all__ = ["MOST_ONE_HOT", "ColumnProfile", "TableProfile", "encoding_of", "profile_columns", "profile_table"]

MOST_ONE_HOT = 8  # levels up to which each gets a column of its own
EXAMPLES = 3
LEVELS_SHOWN = 20
BINS = 20
LEAST_SERIES = 20  # times that rows in order would hardly follow by chance
ENCODINGS: dict[ColumnKind, str] = {
    "number": "standardize",
    "boolean": "two_valued",
    "ordered_category": "ordinal",
    "date": "date_parts",
    "text": "text",
    "identifier": "drop",
    "constant": "drop",
    "mostly_missing": "drop",
    "leaking": "drop",
}


@dataclass(frozen=True)
class ColumnProfile:
    """Profile of one column of a table.

    Args:
        name: the column.
        kind: one of `KINDS`.
        reason: why it is of this kind, in a few words.
        missing: number of gaps.
        distinct: number of different values, gaps left out.
        examples: some of the values, as text.
        levels: the most frequent values -> how often each occurs, at most 20; empty for numbers and dates.
        histogram: `{"edges": [...], "counts": [...]}` of numbers, and of dates in seconds since 1970; else None.
        statistics: of numbers `min`, `max`, `mean`, `median`, `std` and `skew`; else empty.
        order: the levels of an ordered category in their order; else empty.
        form: how text spells the dates of the column: `"iso"`, or a format of `strptime`; else None.
        encoding: what becomes of the column unless a config says otherwise.
        numeric_text: advice where strings look like numbers; else None.
        warning: what looks suspicious; else None.
    """

    name: str
    kind: ColumnKind
    reason: str
    missing: int
    distinct: int
    examples: list[str]
    levels: dict[str, int]
    histogram: dict[str, list[float]] | None
    statistics: dict[str, float]
    order: list[str]
    form: str | None
    encoding: str
    numeric_text: str | None = None
    warning: str | None = None


@dataclass(frozen=True)
class TableProfile:
    """Profile of a table: `str(profile)` is one screen of text.

    Args:
        source: the file, or what else was profiled.
        rows: number of rows.
        columns: one profile for each column, targets among them, in the order of the table.
        task: what is to be learned; None without a target.
        unlabelled: number of rows without a target, which are left out.

    >>> table = {"age": [31, 47, 22, 65], "city": ["Rome", "Oslo", "Rome", "Bern"], "ok": [True, False, True, True]}
    >>> profile = profile_table(table, "ok")
    >>> [(column.name, column.kind, column.encoding) for column in profile.inputs], profile.task.kind
    ([('age', 'number', 'standardize'), ('city', 'category', 'one_hot')], 'binary')
    """

    source: str
    rows: int
    columns: list[ColumnProfile]
    task: Task | None = None
    unlabelled: int = 0

    @property
    def targets(self) -> list[str]:
        """The columns to predict."""
        return [] if self.task is None else self.task.targets

    @property
    def inputs(self) -> list[ColumnProfile]:
        """The columns to predict from."""
        return [column for column in self.columns if column.name not in self.targets]

    def column(self, name: str) -> ColumnProfile:
        """The profile of the column `name`; `KeyError` if there is none."""
        return next(column for column in self.columns if column.name == name)

    def to_config(self) -> dict[str, str]:
        """Column -> its entry in `columns:` of a config, for each column to predict from."""
        return {column.name: column.encoding for column in self.inputs}

    def to_dict(self) -> dict[str, Any]:
        """The whole profile as plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return profile_text(self)

    def _repr_html_(self) -> str:
        return notebook(profile_html(self), width=1000)


def profile_table(
    table: Any, target: str | Sequence[str] | None = None, task: TaskKind | None = None, source: str | None = None
) -> TableProfile:
    """Profile every column of a table. Rows without a target are left out, unless all rows lack one.

    Args:
        table: a `Table`, or what `read_frame` reads.
        target: the column to predict, or several; columns that give it away are then told.
        task: what is to be learned, where it should not be guessed from the target.
        source: what the table is called; the path of a `Table` when None.

    Raises:
        DataError: no such column, or a target that cannot be learned.
    """
    if not isinstance(table, Table):
        table = read_frame(table)
    names = table.names if isinstance(table, Frame) else list(table.columns)
    targets = [target] if isinstance(target, str) else list(target or ())
    check_names(table, targets)
    cells = {name: read_cells(table, name) for name in names}
    unlabelled = _unlabelled([cells[name] for name in targets])
    if unlabelled.any():
        table = taken(table, np.flatnonzero(~unlabelled))
        cells = {name: read_cells(table, name) for name in names}
    task_found = task_of([cells[name] for name in targets], task) if targets else None
    profiles = _profiles(cells, targets, task_found is not None and task_found.kind != "regression")
    rows = table.n_rows if isinstance(table, Frame) else len(table)
    called = source or (table.path if isinstance(table, Table) else "table")
    return TableProfile(called, rows, profiles, task_found, int(unlabelled.sum()))


def _unlabelled(targets: Sequence[Cells]) -> np.ndarray:
    """The rows that lack a target; no row if all do, or if a gap says that a row has none of several labels."""
    missing = np.any([cells.missing for cells in targets], axis=0) if targets else np.zeros(1, bool)
    if missing.all() or (len(targets) == 1 and joins_labels(targets[0])):
        return np.zeros_like(missing)
    return missing


def profile_columns(source: Table | Frame, targets: Sequence[str], is_classes: bool) -> list[ColumnProfile]:
    """The profiles of all columns of a table, whatever its targets.

    Args:
        source: the table.
        targets: the columns to predict.
        is_classes: whether these are classes, rather than amounts.
    """
    names = source.names if isinstance(source, Frame) else list(source.columns)
    return _profiles({name: read_cells(source, name) for name in names}, targets, is_classes)


def _profiles(cells: dict[str, Cells], targets: Sequence[str], is_classes: bool) -> list[ColumnProfile]:
    targeted = [cells[name] for name in targets]
    return _usable([_profile(column, targeted, is_classes) for column in cells.values()], targets)


def _profile(cells: Cells, targets: list[Cells], is_classes: bool) -> ColumnProfile:
    kind, reason = kind_of(cells)
    is_input = cells.name not in [target.name for target in targets]
    if is_input and kind not in ("constant", "mostly_missing"):
        leaks = (leak_of(cells, target, is_classes) for target in targets)
        leak = next(filter(None, leaks), None)
        kind, reason = (kind, reason) if leak is None else ("leaking", leak)
    counts, numeric_text = cells.counts, _numeric_text(cells)
    values = cells.present if cells.dates is None else _seconds(cells)
    is_amount = len(values) > 0 and kind not in ("integer_code", "boolean")
    return ColumnProfile(
        name=cells.name,
        kind=kind,
        reason=reason,
        missing=int(cells.missing.sum()),
        distinct=len(counts),
        examples=list(dict.fromkeys(cell for cell in cells.texts[: 10 * EXAMPLES] if cell is not None))[:EXAMPLES],
        levels={} if is_amount else dict(counts.most_common(LEVELS_SHOWN)),
        histogram=_histogram(values) if is_amount else None,
        statistics=_statistics(cells.present) if is_amount and cells.dates is None else {},
        order=(order_of(counts) or []) if kind == "ordered_category" else [],
        form=cells.form,
        encoding=encoding_of(kind, len(counts)),
        numeric_text=numeric_text,
        warning=_warning(cells, kind, reason, numeric_text),
    )


def encoding_of(kind: ColumnKind, distinct: int) -> str:
    """Default encoding of a column of this kind with this many levels."""
    if kind in ENCODINGS:
        return ENCODINGS[kind]
    return "two_valued" if distinct == 2 else "one_hot" if distinct <= MOST_ONE_HOT else "embed"


def _usable(profiles: list[ColumnProfile], targets: Sequence[str]) -> list[ColumnProfile]:
    """The same profiles; if nothing were left to predict from, what counts rows or gives the target away stays."""
    inputs = [profile for profile in profiles if profile.name not in targets]
    if not targets or any(profile.encoding != "drop" for profile in inputs):
        return profiles
    return [replace(profile, encoding=_encoding_after_all(profile)) for profile in profiles]


def _encoding_after_all(profile: ColumnProfile) -> str:
    if profile.kind in ("identifier", "leaking") and profile.statistics:
        return "standardize"
    return encoding_of("category", profile.distinct) if profile.kind == "leaking" else profile.encoding


def _seconds(cells: Cells) -> np.ndarray:
    assert cells.dates is not None  # the caller has seen that there are dates
    return cells.dates[~np.isnat(cells.dates)].astype("datetime64[s]").astype(np.float64)


def _histogram(values: np.ndarray) -> dict[str, list[float]]:
    counts, edges = binned(values, min(BINS, max(1, len(np.unique(values)))))
    return {"edges": edges.tolist(), "counts": counts.astype(float).tolist()}


def _statistics(values: np.ndarray) -> dict[str, float]:
    statistics = {"min": values.min(), "max": values.max(), "mean": values.mean(), "median": np.median(values)}
    return {name: float(value) for name, value in {**statistics, "std": values.std(), "skew": skewness(values)}.items()}


def _warning(cells: Cells, kind: ColumnKind, reason: str, numeric_text: str | None) -> str | None:
    if kind in ("leaking", "constant", "mostly_missing"):
        return f"{kind.replace('_', ' ')}: {reason}"
    if numeric_text is not None:
        return numeric_text
    if cells.strangers:
        return f"{reason}: mend these cells, or empty them, for a column of numbers"
    if cells.misfits:
        return f"{reason}: write all in one format for a column of dates"
    if kind == "identifier":
        return f"{kind}: {reason}"
    if cells.other_order and kind == "date":
        return f"read as {cells.form}, though {cells.other_order} fits too: state `form` if the month is first"
    if kind == "date" and _is_in_order(cells):
        return f"rows are in its order: to predict later rows, judge by later ones: `split: {{time: {cells.name}}}`"
    if cells.marks:
        return f"{reason}: if that says that a value is missing, declare it so (`missing`)"
    return None


def _numeric_text(cells: Cells) -> str | None:
    if cells.numbers is not None or cells.dates is not None or not cells.counts:
        return None
    level = shown(next(iter(cells.counts)))
    if len(units := units_of(cells.counts)) > 1:
        return f"amounts of several units ({', '.join(units[:5])}), such as {level}: bring them to one unit"
    if (remedy := remedy_of_amounts(cells.counts)) is not None:
        return f"amounts that are read as strings, such as {level}: {remedy}"
    remedy = remedy_of_underscores(cells.counts)
    return None if remedy is None else f"strings, not numbers, such as {level}: {remedy}"


def _is_in_order(cells: Cells) -> bool:
    """Whether rows follow one another in time, as those of a series do."""
    assert cells.dates is not None  # a column of dates
    seconds = _seconds(cells)
    return len(np.unique(seconds)) >= LEAST_SERIES and bool((np.diff(seconds) >= 0).all())


def check_names(table: Table | Frame, names: Sequence[str]) -> None:
    """`DataError` for a name that is not a column."""
    for name in names:
        if isinstance(table, Frame):
            table.given(name)
        else:
            table.cells(name)
    if len(set(names)) < len(names):
        raise DataError(f"a target is named twice: {', '.join(names)}")
