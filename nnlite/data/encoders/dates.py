"""The encoder of a column of dates."""

from typing import Literal

import numpy as np

from nnlite.data.encoders.columns import ColumnEncoder, ColumnSource
from nnlite.data.frames.frame import Column, Kind
from nnlite.errors import ConfigError

__all__ = ["Dates"]

Cycle = Literal["hour", "weekday", "month"]
MICROSECONDS_OF_A_DAY = 86_400_000_000
THURSDAY = 3  # the weekday of 1 January 1970, counted from Monday


class Dates(ColumnEncoder):
    """Days since 1 January 1970, with fractions; where asked for, sine and cosine of the place in each cycle.

    The cycles are the time of day, the weekday and the month, each as an angle from 0 to two pi. A gap counts as the
    median of the days, and as 0 in each sine and cosine.

    Args:
        name: the column.
        fill: median of the days in the training part.
        cycles: those in which the dates of the training part differ.
    """

    fill: float
    cycles: list[Cycle]

    def validate(self) -> None:
        if not np.isfinite(self.fill):
            raise ConfigError("must be finite", (type(self).__name__, "fill"))

    @classmethod
    def fit(cls, column: Column) -> "Dates":
        """The encoder of a column of dates with one value or more."""
        present = column.values[~column.missing]
        angles = _turns(present)
        varying: list[Cycle] = [cycle for cycle, turn in angles.items() if turn.min() < turn.max()]
        return cls(column.name, float(np.median(days_of(present))), varying)

    @property
    def reads(self) -> Kind:
        return "date"

    @property
    def outputs(self) -> list[str]:
        return [self.name, *(f"{self.name}_{cycle}_{part}" for cycle in self.cycles for part in ("sin", "cos"))]

    def encode(self, source: ColumnSource) -> np.ndarray:
        column = source.column(self.name, "date")
        missing = column.missing
        turns = _turns(column.values)
        encoded = [np.where(missing, self.fill, days_of(column.values))]
        for cycle in self.cycles:
            angle = 2 * np.pi * turns[cycle]
            encoded += [np.where(missing, 0.0, np.sin(angle)), np.where(missing, 0.0, np.cos(angle))]
        return np.stack(encoded, axis=1)


def days_of(dates: np.ndarray) -> np.ndarray:
    """Days since 1 January 1970, float64; a gap is any number."""
    return dates.astype("datetime64[us]").astype(np.int64) / MICROSECONDS_OF_A_DAY


def _turns(dates: np.ndarray) -> dict[Cycle, np.ndarray]:
    """Where each date stands in the cycles, in [0, 1)."""
    instants = dates.astype("datetime64[us]").astype(np.int64)
    days = instants // MICROSECONDS_OF_A_DAY
    months = dates.astype("datetime64[M]").astype(np.int64)
    return {
        "hour": instants % MICROSECONDS_OF_A_DAY / MICROSECONDS_OF_A_DAY,
        "weekday": (days + THURSDAY) % 7 / 7,
        "month": months % 12 / 12,
    }
