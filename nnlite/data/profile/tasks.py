"""The task, inferred from the target."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from nnlite.data.files.remedies import remedy_of_amounts, shown
from nnlite.data.profile.cells import Cells
from nnlite.data.profile.kinds import kind_of, skewness
from nnlite.errors import DataError

__all__ = ["TASKS", "Task", "TaskKind", "joins_labels", "task_of"]

TaskKind = Literal["binary", "multiclass", "multilabel", "regression"]
TASKS: tuple[str, ...] = get_args(TaskKind)

MOST_CODES = 20  # integers with up to this many values are classes,
ROWS_OF_A_CODE = 10  # if they have this many rows each on average
SKEWED = 1.0
SEPARATORS = "|;,"  # between the labels of one cell
ROWS_OF_A_LABEL = 5  # mean number of rows that have it, from which parts of cells are labels


@dataclass(frozen=True)
class Task:
    """The task: what is predicted.

    Args:
        kind: `"binary"`, `"multiclass"`, `"multilabel"` (several columns of 0 and 1, or several labels in a cell) or
            `"regression"`.
        targets: the columns to predict.
        reason: why, in a few words.
        classes: how often each class or label occurs, of one column; empty for the other tasks.
        separator: the separator of the labels in one cell, of a multi-label task of one column.
        log: whether the logarithm of the target is better learned than the target: positive and skewed to the right.
    """

    kind: TaskKind
    targets: list[str]
    reason: str
    classes: dict[str, int]
    log: bool = False
    separator: str | None = None


def task_of(targets: list[Cells], forced: TaskKind | None = None) -> Task:
    """The task that the targets suggest, or the one that was requested.

    Raises:
        DataError: a target that cannot be learned: missing values, one value alone, texts that all differ, or not what
            the task asks for.
    """
    if len(targets) == 1 and forced in (None, "multilabel") and (separator := _separator(targets[0])) is not None:
        return _of_joined_labels(targets[0], separator)
    for cells in targets:
        _check(cells)
    names = [cells.name for cells in targets]
    if len(targets) > 1:
        flags = all(set(cells.present.tolist()) == {0, 1} for cells in targets)
        if forced == "multilabel" or (forced is None and flags):
            wrong = next((cells for cells in targets if set(cells.present.tolist()) != {0, 1}), None)
            if wrong is not None:
                raise DataError(f"target {wrong.name!r}: labels are 0 and 1, it has {shown(next(iter(wrong.counts)))}")
            return Task("multilabel", names, "columns of 0 and 1", {})
        if forced in ("binary", "multiclass"):
            raise DataError(f"{len(names)} targets: a {forced} task has one; choose it, or leave --task out")
        return _regression(targets)
    if forced == "multilabel":
        raise DataError(
            f"target {names[0]!r}: a multilabel task has several columns of 0 and 1: --target a,b,c; or one column "
            f"whose cells hold several labels each, with one of {' '.join(SEPARATORS)} between them"
        )
    return _of_one(targets[0], forced)


def _of_one(cells: Cells, forced: TaskKind | None) -> Task:
    distinct, rows = len(cells.counts), len(cells.texts)
    if forced == "binary" and distinct != 2:
        raise DataError(f"target {cells.name!r} has {distinct} values; a binary task has two: use --task multiclass")
    classes = dict(cells.counts.most_common())
    if forced == "regression" or (forced is None and cells.numbers is not None and not _is_code(cells)):
        return _regression([cells])
    if distinct == 2 and forced != "multiclass":
        return Task("binary", [cells.name], "two values", classes)
    if cells.numbers is None and distinct > rows / 2:
        kind, reason = kind_of(cells)
        if (remedy := remedy_of_amounts(cells.counts)) is not None:
            example = shown(next(iter(cells.counts)))
            raise DataError(f"target {cells.name!r} holds amounts that are not numbers, such as {example}: {remedy}")
        if kind == "category" and reason.startswith("numbers, but for"):
            raise DataError(
                f"target {cells.name!r}: {reason}; correct such cells, or leave them empty to skip their rows"
            )
        raise DataError(
            f"target {cells.name!r} has {distinct} different texts in {rows} rows ({kind}: {reason}), too many for "
            "classes; choose another column by --target"
        )
    what = "texts" if cells.numbers is None else "integers" if cells.is_whole else "numbers"
    return Task("multiclass", [cells.name], f"{distinct} different {what}", classes)


def joins_labels(cells: Cells) -> bool:
    """Whether the cells of a target hold several labels each."""
    return _separator(cells) is not None


def _separator(cells: Cells) -> str | None:
    """Separator of labels, if cells hold several: fewer labels than different cells, each in many rows."""
    if cells.numbers is not None or cells.dates is not None or remedy_of_amounts(cells.counts) is not None:
        return None
    for separator in SEPARATORS:
        labels = _labels(cells, separator)
        rows = sum(count for cell, count in cells.counts.items() if separator in cell)
        if rows and 1 < len(labels) < len(cells.counts) and labels.total() >= ROWS_OF_A_LABEL * len(labels):
            return separator
    return None


def _labels(cells: Cells, separator: str) -> Counter[str]:
    labels: Counter[str] = Counter()
    for cell, count in cells.counts.items():
        for label in {part.strip() for part in cell.split(separator)} - {""}:
            labels[label] += count
    return labels


def _of_joined_labels(cells: Cells, separator: str) -> Task:
    labels, gaps = _labels(cells, separator), int(cells.missing.sum())
    reason = f"{len(labels)} labels, with {separator!r} between those of a cell" + (
        f"; an empty cell has none, in {gaps} of {len(cells.texts)} rows" if gaps else ""
    )
    return Task("multilabel", [cells.name], reason, dict(labels.most_common()), separator=separator)


def _is_code(cells: Cells) -> bool:
    distinct = len(cells.counts)
    whole = cells.is_whole and distinct <= MOST_CODES and distinct * ROWS_OF_A_CODE <= len(cells.texts)
    return distinct == 2 or cells.has_leading_zeros or whole


def _regression(targets: list[Cells]) -> Task:
    names = [cells.name for cells in targets]
    for cells in targets:
        if cells.numbers is None:
            level = next(iter(cells.counts))
            raise DataError(f"target {cells.name!r}: {shown(level)} is not a number; a regression needs numbers")
    skews = [skewness(cells.present) for cells in targets]
    log = all(_log_is_better(cells.present, skew) for cells, skew in zip(targets, skews, strict=True))
    shape = f", skewed ({max(skews):.1f})" if log else ""
    return Task("regression", names, f"{'numbers' if len(names) == 1 else 'several numbers'}{shape}", {}, log)


def _log_is_better(values: np.ndarray, skew: float) -> bool:
    return bool(values.min() > 0) and skew > SKEWED and abs(skewness(np.log(values))) < skew / 2


def _check(cells: Cells) -> None:
    gaps = int(cells.missing.sum())
    if gaps:
        row = int(cells.missing.argmax())
        raise DataError(
            f"target {cells.name!r}: no value in {gaps} of {len(cells.texts)} rows, first in row {row + 1} after the "
            "header; remove such rows, or choose another column"
        )
    if len(cells.counts) < 2:
        only = shown(next(iter(cells.counts), ""))
        raise DataError(f"target {cells.name!r} has one value alone, {only}; choose another column, or add rows")
