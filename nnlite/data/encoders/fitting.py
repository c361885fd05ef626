"""The encoders of a table's columns, as a config says or else as their kinds suggest."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.data.encoders.amounts import Cyclic, Logarithm, Quantiles
from nnlite.data.encoders.choices import CATEGORIES, NUMBERS, ColumnChoice
from nnlite.data.encoders.columns import (
    Boolean,
    ColumnEncoder,
    GapIndicator,
    Numeric,
    OneHot,
    Ordinal,
    TwoValued,
    given,
)
from nnlite.data.encoders.dates import Dates, dates_in
from nnlite.data.encoders.hashing import HashedLevels, HashedText
from nnlite.data.encoders.inputs import Columns, InputEncoder, Texts
from nnlite.data.encoders.levels import Ranks, TargetMeans, filled_cells
from nnlite.data.frames.frame import Frame, text_of
from nnlite.data.frames.spelling import spells_truth
from nnlite.data.profile.cells import read_cells
from nnlite.data.profile.kinds import order_of
from nnlite.data.profile.profile import ColumnProfile, encoding_of, profile_columns
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError, did_you_mean, needed_for

__all__ = ["fit_columns", "rows_without_gaps"]

MOST_ONE_HOT = 64  # levels that get a column each where nothing is said; more are hashed into so many columns
TEXT_WIDTH, QUANTILES = 128, 256


@dataclasses.dataclass(frozen=True)
class Fit:
    """One column that is to be encoded, and what is known of it.

    Args:
        profile: what the column holds.
        choice: what the config says of it.
        source: the table.
        rows: places of the training rows.
        target: of all rows: labels, or numbers of shape (rows, targets).
    """

    profile: ColumnProfile
    choice: ColumnChoice
    source: Table | Frame
    rows: np.ndarray
    target: np.ndarray | None

    @property
    def name(self) -> str:
        """The column."""
        return self.profile.name

    @property
    def encoding(self) -> str:
        """What becomes of the column, by choice or by its kind."""
        if self.choice.encoding is not None:
            return self.choice.encoding
        kind, levels = self.choice.kind, self.profile.distinct
        encoding = self.profile.encoding if kind is None else encoding_of(kind, levels)
        if encoding != "embed":
            return encoding
        return "one_hot" if levels <= MOST_ONE_HOT else "hash"

    @property
    def holds_dates(self) -> bool:
        """Whether the column is read as dates."""
        kind = self.profile.kind if self.choice.kind is None else self.choice.kind
        return kind == "date" or self.encoding == "date_parts" or self.choice.form is not None

    @property
    def holds_numbers(self) -> bool:
        """Whether the column is read as numbers."""
        return self.encoding in NUMBERS or (self.encoding == "cyclic" and not self.holds_dates)

    @functools.cached_property
    def gaps(self) -> np.ndarray:
        """Which training rows have no value. Shape: (training rows,), booleans."""
        column = self.source.column(self.name, "number") if self.holds_numbers else given(self.source, self.name)
        return column.missing[self.rows]

    @property
    def cells(self) -> np.ndarray:
        """The training part as text, `""` for a gap. Shape: (rows,), objects."""
        return filled_cells(self.source, self.name, None)[self.rows]

    def wrong(self, key: str, message: str) -> ConfigError:
        """An error in what the config says of this column."""
        return ConfigError(message, ("columns", self.name, key))


def fit_columns(
    source: Table | Frame,
    rows: np.ndarray,
    targets: Sequence[str],
    choices: Mapping[str, ColumnChoice],
    target: np.ndarray | None = None,
) -> InputEncoder:
    """The encoder of all columns but the targets.

    Kinds are found from all rows, so that no later row is of another kind; all that is learnt, such as means and
    levels, comes from the training rows alone.

    Args:
        source: the table; gaps of text are `""`, as `Frame.gaps_as_text` has them.
        rows: places of the training rows.
        targets: the columns to predict.
        choices: what a config says of single columns.
        target: of all rows, for columns encoded by it: labels, or numbers of shape (rows, targets).

    Raises:
        ConfigError: a choice for a column that is not there, or that does not suit what the column holds.
        DataError: no column is left.
    """
    names = source.names if isinstance(source, Frame) else list(source.columns)
    for name in choices:
        if name not in names or name in targets:
            hint = "it is the target" if name in targets else did_you_mean(name, set(names) - set(targets))
            raise ConfigError(f"no input column {name!r}; {hint}", ("columns", name))
    profiles = profile_columns(source, targets, target is not None and target.ndim == 1)
    fits = [
        Fit(profile, choices.get(profile.name, ColumnChoice()), source, rows, target)
        for profile in profiles
        if profile.name not in targets
    ]
    kept = [fit for fit in fits if fit.encoding != "drop" or fit.choice.missing == "indicator"]
    if len(kept) == 1 and kept[0].encoding == "text" and kept[0].choice.encoding is None:
        return Texts(kept[0].name)
    encoders = [encoder for fit in kept for encoder in _encoders(fit)]
    if not encoders:
        dropped = ", ".join(f"{fit.name} ({fit.profile.kind}: {fit.profile.reason})" for fit in fits[:5])
        raise DataError(f"no input columns are left beside the target: {dropped or 'there is no other column'}")
    return Columns(encoders)


def rows_without_gaps(source: Table | Frame, rows: np.ndarray, choices: Mapping[str, ColumnChoice]) -> np.ndarray:
    """Those of the training `rows` that have a value in each column whose choice is `missing: drop`.

    Raises:
        DataError: no row is left.
    """
    kept = rows
    for name, choice in choices.items():
        if choice.missing == "drop":
            kept = kept[~read_cells(source, name).missing[kept]]
    if not len(kept):
        raise DataError("no training row has a value in all columns with `missing: drop`; choose another way")
    return kept


def _encoders(fit: Fit) -> list[ColumnEncoder]:
    encoding = fit.encoding
    if encoding == "drop":
        return [GapIndicator(fit.name, "any")]
    if fit.gaps.all():
        if fit.choice.to_spec():
            raise DataError(f"column {fit.name!r} has no value in the training part; drop it")
        return []
    if fit.holds_numbers:
        return _number_encoders(fit, encoding)
    if fit.holds_dates and encoding in ("date_parts", "cyclic"):
        return _date_encoders(fit, encoding)
    if encoding == "text":
        return [HashedText(fit.name, fit.choice.width or TEXT_WIDTH)]
    if encoding == "two_valued" and spells_truth(fit.profile.levels):
        return [Boolean(fit.name, words=True), *_indicator(fit, fit.choice.missing == "indicator")]
    assert encoding in CATEGORIES  # all others stand above
    return _category_encoders(fit, encoding)


def _indicator(fit: Fit, wanted: bool) -> list[ColumnEncoder]:
    return [GapIndicator(fit.name, "number" if fit.holds_numbers else "any")] if wanted else []


def _wants_indicator(fit: Fit) -> bool:
    """Whether gaps get a column: where they are to, or where there are any and nothing is said."""
    return fit.choice.missing == "indicator" or (fit.choice.missing is None and bool(fit.gaps.any()))


def _number_encoders(fit: Fit, encoding: str) -> list[ColumnEncoder]:
    column = fit.source.column(fit.name, "number").taken(fit.rows)
    values = column.values.astype(np.float64)[:, None]
    fill = _fill(fit, values)
    filled = np.where(np.isnan(values), fill, values)
    if encoding == "cyclic":
        if fit.choice.period is None:
            raise fit.wrong("period", "after how much do the numbers begin again? Such as 24 for hours of the day")
        return [Cyclic(fit.name, fill, fit.choice.period), *_indicator(fit, _wants_indicator(fit))]
    return [_AMOUNTS[encoding](fit, fill, filled), *_indicator(fit, _wants_indicator(fit))]


def _fill(fit: Fit, values: np.ndarray) -> float:
    """What a gap counts as. Shape of `values`: (rows, 1), NaN for a gap."""
    strategy: Any = fit.choice.missing if fit.choice.missing in ("mean", "most_frequent", "constant") else "median"
    if strategy == "constant" and not isinstance(fit.choice.fill, float):
        raise fit.wrong("fill", f"expected a number, got {fit.choice.fill!r}")
    with needed_for("gaps are filled by scikit-learn", "scikit-learn"):
        from sklearn.impute import SimpleImputer

    imputer: Any = SimpleImputer(strategy=strategy, fill_value=fit.choice.fill).fit(values)
    return float(imputer.statistics_[0])


def _affine(scaler: str, center: str, width: str) -> Callable[[Fit, float, np.ndarray], ColumnEncoder]:
    """The fit of an encoder (value - center) / width, whose numbers are attributes of a scaler of scikit-learn."""

    def fitted(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
        with needed_for("columns of numbers are scaled by scikit-learn", "scikit-learn"):
            from sklearn import preprocessing

        own: Any = getattr(preprocessing, scaler)().fit(values)
        spread = float(getattr(own, width)[0])
        return Numeric(fit.name, fill, float(getattr(own, center)[0]), spread if spread > 0 else 1.0)

    return fitted


def _logarithm(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
    sizes = np.abs(values[values != 0])
    bare = Logarithm(fit.name, fill, float(np.median(sizes)) if len(sizes) else 1.0)
    logs = bare.bent(values.ravel())
    spread = float(logs.std())
    return dataclasses.replace(bare, mean=float(logs.mean()), scale=spread if spread > 0 else 1.0)


def _quantiles(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
    with needed_for("ranks are taken by scikit-learn", "scikit-learn"):
        from sklearn.preprocessing import QuantileTransformer

    count = min(fit.choice.width or QUANTILES, len(values))
    make: Any = QuantileTransformer
    transformer = make(n_quantiles=count, subsample=None, output_distribution="normal")
    return Quantiles(fit.name, fill, transformer.fit(values).quantiles_[:, 0].tolist())


_AMOUNTS: dict[str, Callable[[Fit, float, np.ndarray], ColumnEncoder]] = {
    "standardize": _affine("StandardScaler", "mean_", "scale_"),
    "min_max": _affine("MinMaxScaler", "data_min_", "data_range_"),
    "robust": _affine("RobustScaler", "center_", "scale_"),
    "passthrough": lambda fit, fill, values: Numeric(fit.name, fill, 0.0, 1.0),
    "log": _logarithm,
    "quantile": _quantiles,
}


def _date_encoders(fit: Fit, encoding: str) -> list[ColumnEncoder]:
    form = fit.choice.form or fit.profile.form
    if form is None and isinstance(fit.source, Table):
        raise fit.wrong("form", "the texts are not all dates of one known format; say which, such as '%d.%m.%Y'")
    if fit.choice.missing in ("mean", "most_frequent", "constant"):
        raise fit.wrong("missing", "dates have `median`, `indicator` and `drop`")
    column = dates_in(fit.source, fit.name, form).taken(fit.rows)
    fitted = Dates.fit(column)
    bare = dataclasses.replace(fitted, cycles=[], form=form)
    days = bare.encode(fit.source)[fit.rows, 0]
    spread = float(days.std())
    encoder = dataclasses.replace(
        fitted, form=form, mean=float(days.mean()), scale=spread if spread > 0 else 1.0, days=encoding == "date_parts"
    )
    return [*([encoder] if encoder.outputs else []), *_indicator(fit, _wants_indicator(fit))]


def _category_encoders(fit: Fit, encoding: str) -> list[ColumnEncoder]:
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
    indicator = fit.choice.missing == "indicator" or (encoding in ("ordinal", "hash") and _wants_indicator(fit))
    return [_category_encoder(fit, encoding, levels, count, fill), *_indicator(fit, indicator)]


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
    known = bare.codes(fit.source)[fit.rows]
    unknown = float(np.median(known[known > 0] - 1))
    ranks = np.where(known == 0, unknown, known - 1)
    spread = float(ranks.std())
    return dataclasses.replace(bare, unknown=unknown, mean=float(ranks.mean()), scale=spread if spread > 0 else 1.0)


def _by_number(level: str) -> tuple[bool, float, str]:
    """Levels that are numbers stand in the order of these, before all others."""
    try:
        return False, float(level), level
    except ValueError:
        return True, 0.0, level


def _target_means(fit: Fit, fill: str | None) -> ColumnEncoder:
    if fit.target is None or (fit.target.ndim > 1 and fit.target.shape[1] > 1):
        raise fit.wrong("encoding", "a column is encoded by the target where there is one; choose hash or embed")
    cells = filled_cells(fit.source, fit.name, fill)[fit.rows]
    return TargetMeans.fit(fit.name, cells.tolist(), fit.target[fit.rows], fill)
