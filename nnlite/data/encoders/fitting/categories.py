"""The fit of columns of categories."""

import dataclasses
from collections import Counter

import numpy as np

from nnlite.data.encoders.columns import ColumnEncoder, OneHot, Ordinal, TwoValued
from nnlite.data.encoders.fitting.column import MOST_ONE_HOT, Fit, indicator, mean_and_scale, wants_indicator
from nnlite.data.encoders.hashing import HashedLevels
from nnlite.data.encoders.levels import Ranks, TargetMeans, filled_cells
from nnlite.data.frames.frame import text_of
from nnlite.data.profile.kinds import order_of

__all__ = ["category_encoders"]


def category_encoders(fit: Fit, encoding: str) -> list[ColumnEncoder]:
    """The encoder of categories, and one for missing values if wanted."""
    count: Counter[str] = Counter(cell for cell in fit.cells.tolist() if cell)
    fill: str | None = None
    if fit.choice.missing == "most_frequent":
        fill = min(count, key=lambda level: (-count[level], level))
    elif fit.choice.missing == "constant":
        fill = fit.choice.fill if isinstance(fit.choice.fill, str) else text_of(fit.choice.fill)
    gaps = len(fit.cells) - sum(count.values())
    if gaps and fill is not None:
        count[fill] += gaps
    own_level = gaps > 0 and fit.choice.missing is None and encoding in ("one_hot", "embed", "target")
    levels: list[str] = sorted([*count, ""] if own_level else count)
    wanted = fit.choice.missing == "indicator" or (encoding in ("ordinal", "hash") and wants_indicator(fit))
    return [_category_encoder(fit, encoding, levels, count, fill), *indicator(fit, wanted)]


def _category_encoder(
    fit: Fit, encoding: str, levels: list[str], count: Counter[str], fill: str | None
) -> ColumnEncoder:
    if encoding == "two_valued" and len(levels) == 2:
        return TwoValued(fit.name, levels, fill=fill)
    if encoding in ("one_hot", "two_valued"):
        return OneHot(fit.name, levels, fill=fill)
    if encoding == "embed":
        frequent = [level for level in levels if not level or count[level] > 1]
        return Ordinal(fit.name, frequent or levels, fill=fill)
    if encoding == "hash":
        return HashedLevels(fit.name, fit.choice.width or MOST_ONE_HOT)
    return _ranks(fit, levels, fill) if encoding == "ordinal" else _target_means(fit, fill)


def _ranks(fit: Fit, levels: list[str], fill: str | None) -> ColumnEncoder:
    order = fit.choice.order or fit.profile.order or order_of(levels) or sorted(levels, key=_by_number)
    strange = [level for level in levels if level not in order]
    if strange:
        raise fit.wrong("order", f"{strange[0]!r} is in the data, but not in the order")
    bare = Ranks(fit.name, order, 0.0, fill=fill)
    codes = bare.codes(fit.source)[fit.rows]
    unknown = float(np.median(codes[codes > 0] - 1))
    ranks = np.where(codes == 0, unknown, codes - 1)
    return dataclasses.replace(bare, unknown=unknown, **mean_and_scale(ranks))


def _by_number(level: str) -> tuple[bool, float, str]:
    """Levels that are numbers are ordered by number, before all others."""
    try:
        return False, float(level), level
    except ValueError:
        return True, 0.0, level


def _target_means(fit: Fit, fill: str | None) -> ColumnEncoder:
    if fit.target is None or (fit.target.ndim > 1 and fit.target.shape[1] > 1):
        raise fit.wrong("encoding", "a column is encoded by the target where there is one; choose hash or embed")
    cells = filled_cells(fit.source, fit.name, fill)[fit.rows]
    return TargetMeans.fit(fit.name, cells.tolist(), fit.target[fit.rows], fill)
