"""Columns that leak the target."""

import numpy as np

from nnlite.data.profile.cells import Cells

__all__ = ["leak_of"]

FEWEST_ROWS = 20
NEARLY_ONE = 0.999  # correlation from which a column is the target in other words
ROWS_OF_A_LEVEL = 10  # mean number of rows of a level, from which levels that settle the target are no accident


def leak_of(cells: Cells, target: Cells, is_classes: bool) -> str | None:
    """Reason why a column leaks the target, in a few words; None if it does not.

    It does if it equals the target; if each of its levels, gaps being one, goes with one value of the target, where
    levels have ten rows or more on average; if numbers have a correlation with the target, of values or of ranks, of
    0.999 or more; for classes, if numbers differ between them alone (a correlation ratio of 0.999 or more).
    """
    has_target = ~target.missing
    if has_target.sum() < FEWEST_ROWS or len(target.counts) < 2:
        return None
    codes, classes = cells.codes[has_target], target.codes[has_target]
    levels = len(np.unique(codes))
    if levels == len(np.unique(classes)) == _pairs(codes, classes):
        same = (cells.texts[has_target] == target.texts[has_target]).all()
        if same or levels < len(codes):
            return f"equal to {target.name!r}" if same else f"another spelling of {target.name!r}"
    if _settles(codes, classes):
        return f"each value goes with one value of {target.name!r}"
    if _settles(cells.missing[has_target].astype(int), classes):
        return f"empty depending on {target.name!r}"
    values = cells.numbers if cells.dates is None else cells.dates.astype("datetime64[s]").astype(np.float64)
    both = has_target & ~cells.missing
    if values is None or both.sum() < FEWEST_ROWS:
        return None
    if is_classes:
        return _by_classes(values[both], target.codes[both], target.name)
    return None if target.numbers is None else _by_numbers(values[both], target.numbers[both], target.name)


def _pairs(codes: np.ndarray, classes: np.ndarray) -> int:
    return len(np.unique(codes * (classes.max() + 1) + classes))


def _settles(codes: np.ndarray, classes: np.ndarray) -> bool:
    levels = len(np.unique(codes))
    return 1 < levels <= len(codes) / ROWS_OF_A_LEVEL and _pairs(codes, classes) == levels


def _by_numbers(values: np.ndarray, target: np.ndarray, name: str) -> str | None:
    by_value = _correlation(values, target)
    if by_value >= NEARLY_ONE:
        return f"correlation {by_value:.4f} with {name!r}"
    by_rank = _correlation(_ranks(values), _ranks(target))
    return f"rank correlation {by_rank:.4f} with {name!r}" if by_rank >= NEARLY_ONE else None


def _by_classes(values: np.ndarray, classes: np.ndarray, name: str) -> str | None:
    """The correlation ratio: the root of the share of the variance that lies between the classes."""
    total = values.var()
    if total == 0:
        return None
    counts = np.bincount(classes)
    means = np.bincount(classes, values) / np.maximum(counts, 1)
    ratio = float(np.sqrt((counts * (means - values.mean()) ** 2).sum() / len(values) / total))
    return f"correlation ratio {ratio:.4f} with {name!r}" if ratio >= NEARLY_ONE else None


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x**2).sum() * (y**2).sum())
    return float(abs((x * y).sum()) / scale) if scale > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks of equal values."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[codes]
