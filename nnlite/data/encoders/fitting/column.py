"""One column to be encoded, and the treatment of its missing values."""

import functools
from dataclasses import dataclass

import numpy as np

from nnlite.data.encoders.choices import NUMBERS, ColumnChoice
from nnlite.data.encoders.columns import ColumnEncoder, GapIndicator
from nnlite.data.encoders.levels import filled_cells
from nnlite.data.frames.frame import Frame
from nnlite.data.profile.profile import ColumnProfile, encoding_of
from nnlite.data.table import Table
from nnlite.errors import ConfigError

__all__ = ["MOST_ONE_HOT", "Fit", "indicator", "mean_and_scale", "wants_indicator"]

MOST_ONE_HOT = 64  # levels that get a column each by default; more are hashed into this many columns


@dataclass(frozen=True)
class Fit:
    """One column to be encoded, and what is known about it.

    Args:
        profile: what the column holds.
        choice: what the config says of it.
        source: the table.
        rows: indices of the training rows.
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
        """The encoding of the column, by choice or by its kind."""
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
        """Mask of the training rows without a value. Shape: (training rows,), booleans."""
        column = self.source.column(self.name, "number") if self.holds_numbers else self.source.given(self.name)
        return column.missing[self.rows]

    @property
    def cells(self) -> np.ndarray:
        """The training part as strings, `""` for a missing value. Shape: (rows,), objects."""
        return filled_cells(self.source, self.name, None)[self.rows]

    def wrong(self, key: str, message: str) -> ConfigError:
        """An error about the config of this column."""
        return ConfigError(message, ("columns", self.name, key))


def indicator(fit: Fit, wanted: bool) -> list[ColumnEncoder]:
    """The encoder that indicates missing values, if `wanted`."""
    return [GapIndicator(fit.name, "number" if fit.holds_numbers else "any")] if wanted else []


def mean_and_scale(values: np.ndarray) -> dict[str, float]:
    """The fields by which an encoder standardizes these values: `mean`, and `scale`, 1 for a constant column."""
    spread = float(values.std())
    return {"mean": float(values.mean()), "scale": spread if spread > 0 else 1.0}


def wants_indicator(fit: Fit) -> bool:
    """Whether missing values get a column: if requested or, without a request, if there are any."""
    return fit.choice.missing == "indicator" or (fit.choice.missing is None and bool(fit.gaps.any()))
