"""Intervals with a guaranteed coverage, from residuals on rows that were not used for training."""

import math

import numpy as np

from nnlite.errors import ConfigError, DataError
from nnlite.registry import Section
from nnlite.registry.bounds import Count

__all__ = ["ConformalIntervals", "check_level", "jackknife_ends", "rank_of"]

MOST_RANKS = 1000  # that are kept of a large validation part


class ConformalIntervals(Section):
    """Prediction intervals by split-conformal prediction: prediction +- a quantile of absolute residuals.

    For a level a and n residuals of rows that were not trained on, the half-width is the k-th smallest absolute
    residual, k = ceil((n + 1) a). If those rows and the new ones are exchangeable, a new target lies within with
    probability a or more, however wrong the model is; with several targets this holds for each of them alone. Of more
    than 1,000 residuals that many ranks are kept, and k is rounded up to the next one.

    Args:
        count: n.
        ranks: those of the kept residuals, from 1, rising; the last one is n.
        residuals: for each target, the absolute residuals of these ranks, in the target's unit.

    Source: Lei, G'Sell, Rinaldo, Tibshirani & Wasserman, "Distribution-free predictive inference for regression",
    JASA 113 (2018), section 2.2.

    >>> intervals = ConformalIntervals.of(np.array([[1.0], [-3.0], [2.0], [0.5]]))
    >>> intervals.half_widths(0.8).tolist(), intervals.highest_level
    ([3.0], 0.8)
    """

    count: Count
    ranks: list[int]
    residuals: list[list[float]]

    def validate(self) -> None:
        if not self.ranks or self.ranks != sorted(set(self.ranks)) or self.ranks[0] < 1 or self.ranks[-1] != self.count:
            raise ConfigError(f"expected rising numbers from 1 to {self.count}", ("ranks",))
        for residuals in self.residuals:
            if len(residuals) != len(self.ranks) or not np.isfinite(residuals).all() or residuals != sorted(residuals):
                raise ConfigError(f"expected {len(self.ranks)} finite numbers, rising, per target", ("residuals",))
            if residuals[0] < 0:
                raise ConfigError(f"absolute residuals are >= 0, got {residuals[0]:g}", ("residuals",))

    @classmethod
    def of(cls, residuals: np.ndarray) -> "ConformalIntervals":
        """The intervals derived from residuals of shape (rows, targets)."""
        ordered = np.abs(residuals.astype(np.float64, copy=False))
        ordered.sort(axis=0)
        count = len(ordered)
        ranks = np.unique(np.ceil(np.linspace(1, count, min(count, MOST_RANKS))).astype(int))
        return cls(count, ranks.tolist(), ordered[ranks - 1].T.tolist())

    @property
    def highest_level(self) -> float:
        """The highest level that this many rows allow."""
        return _highest_level(self.count)

    def half_widths(self, level: float) -> np.ndarray:
        """Half the width of each target's interval. Shape: (targets,).

        Raises:
            ConfigError: a level that is not between 0 and 1.
            DataError: a level that needs more rows than there were.
        """
        rank = rank_of(level, self.count, f"the {self.count} validation rows of the training")
        index = int(np.searchsorted(self.ranks, rank))
        return np.array([residuals[index] for residuals in self.residuals])


def check_level(level: float) -> None:
    """`ConfigError` for a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise ConfigError(f"the level of an interval is above 0 and below 1, such as 0.9; got {level!r}")


def rank_of(level: float, count: int, rows: str) -> int:
    """The rank, from 1, of the quantile of `count` residuals that an interval of a level uses.

    Args:
        level: between 0 and 1.
        count: number of residuals.
        rows: what they are residuals of, with their number, for the error.

    Raises:
        ConfigError: a level that is not between 0 and 1.
        DataError: a level that needs more rows than there were.
    """
    check_level(level)
    rank = math.ceil((count + 1) * level - 1e-9)  # 9 of 10 rows are 0.9 * 10 in spite of rounding
    if rank > count:
        raise DataError(
            f"intervals of level {level:g} need more than {rows}; they allow "
            f"{math.floor(_highest_level(count) * 1000) / 1000:g} at most"
        )
    return rank


def _highest_level(count: int) -> float:
    return count / (count + 1)


def jackknife_ends(
    predictions: np.ndarray, errors: np.ndarray, rank: int, widest: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of jackknife+ and CV+ intervals, `(rows, outputs)`.

    Args:
        predictions: for each row, that of the model which left out each sample, `(rows, samples, outputs)`.
        errors: the absolute error of that model for its sample, `(samples, outputs)`.
        rank: see `rank_of`.
        widest: whether the errors' quantile goes below the lowest prediction and above the highest one, as in the
            jackknife-minmax, whose level is certain; else each prediction has its own error.

    Source: Barber, Candes, Ramdas & Tibshirani 2021, "Predictive inference with the jackknife+".
    """
    if widest:
        margin = np.partition(errors, rank - 1, axis=0)[rank - 1]
        return predictions.min(axis=1) - margin, predictions.max(axis=1) + margin
    from_below = len(errors) - rank
    lower = np.partition(predictions - errors, from_below, axis=1)[:, from_below]
    return lower, np.partition(predictions + errors, rank - 1, axis=1)[:, rank - 1]
