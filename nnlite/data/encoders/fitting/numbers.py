"""The fit of columns of numbers and dates."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.data.encoders.amounts import Cyclic, Logarithm, Quantiles
from nnlite.data.encoders.columns import ColumnEncoder, Numeric
from nnlite.data.encoders.dates import Dates, dates_in
from nnlite.data.encoders.fitting.column import Fit, indicator, mean_and_scale, wants_indicator
from nnlite.data.encoders.spreads import check_spread, standard_scale
from nnlite.data.table import Table
from nnlite.errors import needed_for

__all__ = ["date_encoders", "number_encoders"]

QUANTILES = 256


def number_encoders(fit: Fit, encoding: str) -> list[ColumnEncoder]:
    """The encoder of numbers, and one for missing values if wanted."""
    column = fit.source.column(fit.name, "number").taken(fit.rows)
    values = column.values.astype(np.float64)[:, None]
    fill = _fill(fit, values)
    filled = np.where(np.isnan(values), fill, values)
    if encoding == "cyclic":
        if fit.choice.period is None:
            raise fit.wrong("period", "state the period of the cycle, such as 24 for hours of the day")
        return [Cyclic(fit.name, fill, fit.choice.period), *indicator(fit, wants_indicator(fit))]
    encoder: Any = _AMOUNTS[encoding](fit, fill, filled)
    return [dataclasses.replace(encoder, amounts_in=column.unit or None), *indicator(fit, wants_indicator(fit))]


def _fill(fit: Fit, values: np.ndarray) -> float:
    """The value that replaces a gap. Shape of `values`: (rows, 1), NaN for a gap."""
    strategy: Any = fit.choice.missing if fit.choice.missing in ("mean", "most_frequent", "constant") else "median"
    if strategy == "constant" and not isinstance(fit.choice.fill, float):
        raise fit.wrong("fill", f"expected a number, got {fit.choice.fill!r}")
    present = values[~np.isnan(values)]
    if strategy == "median" and len(present):
        return float(np.median(present))
    with needed_for("gaps are filled by scikit-learn", "scikit-learn"):
        from sklearn.impute import SimpleImputer

    imputer: Any = SimpleImputer(strategy=strategy, fill_value=fit.choice.fill).fit(values)
    return float(imputer.statistics_[0])


def _affine(scaler: str, center: str, width: str) -> Callable[[Fit, float, np.ndarray], ColumnEncoder]:
    """The fit of an encoder (value - center) / width, whose numbers are attributes of a scaler of scikit-learn."""

    def fitted(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
        with needed_for("columns of numbers are scaled by scikit-learn", "scikit-learn"):
            from sklearn import preprocessing

        with np.errstate(over="ignore", invalid="ignore"):
            fitted_scaler: Any = getattr(preprocessing, scaler)().fit(values)
        middle, spread = float(getattr(fitted_scaler, center)[0]), float(getattr(fitted_scaler, width)[0])
        check_spread(f"column {fit.name!r}", middle, spread)
        return Numeric(fit.name, fill, middle, spread if spread > 0 else 1.0)

    return fitted


def _standard(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
    (mean,), (scale,) = standard_scale(values)
    check_spread(f"column {fit.name!r}", mean, scale)
    return Numeric(fit.name, fill, float(mean), float(scale))


def _logarithm(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
    sizes = np.abs(values[values != 0])
    bare = Logarithm(fit.name, fill, float(np.median(sizes)) if len(sizes) else 1.0)
    return dataclasses.replace(bare, **mean_and_scale(bare.bent(values.ravel())))


def _quantiles(fit: Fit, fill: float, values: np.ndarray) -> ColumnEncoder:
    with needed_for("ranks are taken by scikit-learn", "scikit-learn"):
        from sklearn.preprocessing import QuantileTransformer

    count = min(fit.choice.width or QUANTILES, len(values))
    make: Any = QuantileTransformer
    transformer = make(n_quantiles=count, subsample=None, output_distribution="normal")
    return Quantiles(fit.name, fill, transformer.fit(values).quantiles_[:, 0].tolist())


_AMOUNTS: dict[str, Callable[[Fit, float, np.ndarray], ColumnEncoder]] = {
    "standardize": _standard,
    "min_max": _affine("MinMaxScaler", "data_min_", "data_range_"),
    "robust": _affine("RobustScaler", "center_", "scale_"),
    "passthrough": lambda fit, fill, values: Numeric(fit.name, fill, 0.0, 1.0),
    "log": _logarithm,
    "quantile": _quantiles,
}


def date_encoders(fit: Fit, encoding: str) -> list[ColumnEncoder]:
    """The encoder of dates, and one for missing values if wanted."""
    form = fit.choice.form or fit.profile.form
    if form is None and isinstance(fit.source, Table):
        raise fit.wrong("form", "the texts are not all dates of one known format; say which, such as '%d.%m.%Y'")
    if fit.choice.missing in ("mean", "most_frequent", "constant"):
        raise fit.wrong("missing", "dates have `median`, `indicator` and `drop`")
    column = dates_in(fit.source, fit.name, form).taken(fit.rows)
    fitted = Dates.fit(column)
    bare = dataclasses.replace(fitted, cycles=[], form=form)
    days = bare.encode(fit.source)[fit.rows, 0]
    encoder = dataclasses.replace(fitted, form=form, days=encoding == "date_parts", **mean_and_scale(days))
    return [*([encoder] if encoder.outputs else []), *indicator(fit, wants_indicator(fit))]
