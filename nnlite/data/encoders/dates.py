"""The encoder of a column of dates."""

from typing import Literal

import numpy as np

from nnlite.data.encoders.columns import ColumnEncoder, ColumnSource
from nnlite.data.frames.cells import single_zone
from nnlite.data.frames.frame import Column, Kind
from nnlite.data.frames.spelling import read_dates, zones_of
from nnlite.errors import ConfigError
from nnlite.errors.caller import warn_user
from nnlite.registry.bounds import Positive

__all__ = ["Dates"]

Cycle = Literal["hour", "weekday", "month"]
MICROSECONDS_OF_A_DAY = 86_400_000_000
THURSDAY = 3  # the weekday of 1 January 1970, counted from Monday


class Dates(ColumnEncoder):
    """Days since 1 January 1970, with fractions; optionally sine and cosine of the position in each cycle.

    The cycles are the time of day, the weekday and the month, each as an angle from 0 to two pi. A gap counts as the
    median of the days, and as 0 in each sine and cosine.

    Args:
        name: the column.
        fill: median of the days in the training part.
        cycles: those in which the dates of the training part differ.
        mean, scale: days become (days - mean) / scale; 0 and 1 where scaling is left to the model.
        days: whether there is a column of days, before those of the cycles.
        form: how text spells the dates: `"iso"`, or a format of `datetime.strptime`; None if text is not a date.
        zoned: whether the dates of the training part had a time zone; where others have one and these had none, or the
            other way round, there is a warning. None if that is not known.

    >>> from nnlite.data import read_frame
    >>> encoder = Dates("day", fill=0.0, cycles=["weekday"], form="iso")
    >>> encoder.encode(read_frame({"day": ["1970-01-03", "1970-01-10"]})).round(3).tolist()
    [[2.0, -0.975, -0.223], [9.0, -0.975, -0.223]]
    """

    fill: float
    cycles: list[Cycle]
    mean: float = 0.0
    scale: Positive = 1.0
    days: bool = True
    form: str | None = None
    zoned: bool | None = None

    def validate(self) -> None:
        for key in ("fill", "mean", "scale"):
            if not np.isfinite(getattr(self, key)):
                raise ConfigError("must be finite", (type(self).__name__, key))

    @classmethod
    def fit(cls, column: Column) -> "Dates":
        """The encoder of a column of dates with one value or more."""
        present = column.values[~column.missing]
        angles = _turns(present)
        varying: list[Cycle] = [cycle for cycle, turn in angles.items() if turn.min() < turn.max()]
        return cls(column.name, float(np.median(days_of(present))), varying, zoned=column.zoned)

    @property
    def reads(self) -> Kind:
        return "date"

    def read(self, source: ColumnSource) -> Column:
        return dates_in(source, self.name, self.form)

    @property
    def outputs(self) -> list[str]:
        days = [self.name] if self.days else []
        return [*days, *(f"{self.name}_{cycle}_{part}" for cycle in self.cycles for part in ("sin", "cos"))]

    @property
    def amounts(self) -> list[str]:
        return [self.name] if self.days else []

    def encode(self, source: ColumnSource) -> np.ndarray:
        column = self.read(source)
        missing = column.missing
        if self.zoned is not None and column.zoned is not None and self.zoned != column.zoned and not missing.all():
            self._warn_of_zones(column.zoned)
        turns = _turns(column.values)
        encoded = []
        if self.days:
            encoded.append((np.where(missing, self.fill, days_of(column.values)) - self.mean) / self.scale)
        for cycle in self.cycles:
            angle = 2 * np.pi * turns[cycle]
            encoded += [np.where(missing, 0.0, np.sin(angle)), np.where(missing, 0.0, np.cos(angle))]
        return np.stack(encoded, axis=1)

    def _warn_of_zones(self, zoned: bool) -> None:
        now, before = ("a", "none") if zoned else ("no", "one")
        remedy = ".dt.tz_convert(zone).dt.tz_localize(None)" if zoned else ".dt.tz_localize(zone)"
        warn_user(
            f"column {self.name!r}: the dates have {now} time zone, and had {before} in the fit; those without "
            f"one are taken for universal time: bring them into the form of the fit, in pandas by {remedy}"
        )


def dates_in(source: ColumnSource, name: str, form: str | None) -> Column:
    """The column `name` as dates, strings parsed by the format `form`; `DataError` for what is not a date."""
    column = source.column(name, "date") if form is None else source.given(name)
    if column.kind != "category" or form is None:
        return column.as_kind("date")
    cells = column.values.tolist()
    return Column(name, "date", read_dates(name, cells, form), zoned=single_zone(name, zones_of(cells, form)))


def days_of(dates: np.ndarray) -> np.ndarray:
    """Days since 1 January 1970, float64; the number for a missing value is arbitrary."""
    return dates.astype("datetime64[us]").astype(np.int64) / MICROSECONDS_OF_A_DAY


def _turns(dates: np.ndarray) -> dict[Cycle, np.ndarray]:
    """Position of each date in the cycles, in [0, 1)."""
    instants = dates.astype("datetime64[us]").astype(np.int64)
    days = instants // MICROSECONDS_OF_A_DAY
    months = dates.astype("datetime64[M]").astype(np.int64)
    return {
        "hour": instants % MICROSECONDS_OF_A_DAY / MICROSECONDS_OF_A_DAY,
        "weekday": (days + THURSDAY) % 7 / 7,
        "month": months % 12 / 12,
    }
