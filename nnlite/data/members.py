"""Batches for ensembles: each member has its own rows, in its own order."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.config import within_limit
from nnlite.data.batches import Epoch, Together, by_rows, one_by_one, take_rows
from nnlite.errors import TrainingWarning
from nnlite.errors.caller import warn_user
from nnlite.random import stream

__all__ = ["MemberBatches"]


class MemberBatches:
    """Batches with different rows for each member, `(batch, members, ...)`, stored with the axis of members first.

    The member with the most rows has batches of `batch_size`, the last of them smaller; others have as many batches,
    each with their share of the rows, and are padded: a padded row has the weight 0.

    Args:
        arrays: `(x, y, sample_weight)` with one row per example; sample_weight may be None.
        rows: the row numbers of each member.
        batch_size: rows per member and batch.
        shuffle_seed: draws a new order for each member and epoch; the given order when None.
        steps: batches per epoch; as many as there are when None.
        reduction: that of the loss, which decides what a weight has to be so that padding changes nothing.
        dtype: of the weights.

    Attributes:
        real: which rows of the last batch are not padding, `(batch, members)`.
    """

    def __init__(
        self,
        arrays: tuple,
        rows: Sequence[np.ndarray],
        batch_size: int,
        shuffle_seed: int | None = None,
        steps: int | None = None,
        reduction: str | None = None,
        dtype: str = "float64",
    ) -> None:
        self.arrays = tuple(by_rows(array) for array in arrays)
        self.rows, self.batch_size, self.shuffle_seed = rows, batch_size, shuffle_seed
        self.reduction, self.dtype = reduction, dtype
        longest = max(map(len, rows))
        available = math.ceil(longest / batch_size)
        if steps is not None and steps > available:
            asked = f"{steps} steps of {batch_size} rows were asked for"
            warn_user(f"{asked}, the data of a member has {available}", TrainingWarning)
        self.steps = within_limit(min(steps or available, available))
        self.stops = np.minimum(np.arange(1, available + 1) * batch_size, longest)
        self._places, self._is_real = _padded(list(map(len, rows)), self.stops)
        starts = np.concatenate([[0], self.stops[:-1]])
        parts = [self._is_real[:, slice(*pair)] for pair in zip(starts.tolist(), self.stops.tolist(), strict=True)]
        self._alone = [self._weights(None, real) for real in parts]  # the weights where rows have none of their own
        self.real = self._is_real.T

    def skip(self, batches: int) -> None:
        """No effect: each epoch starts over."""

    def epoch(self, step: int = 0, first: int = 0, together: Together = one_by_one) -> Epoch:
        """The batches of one epoch, as `ArrayBatches.epoch`; each member has its own order."""
        order = np.stack([self._order(member, step)[places] for member, places in enumerate(self._places)])
        stops = [0, *self.stops[: self.steps].tolist()]
        while first < self.steps:
            last = min(first + together(self.batch_size), self.steps)
            cuts = [slice(*pair) for pair in zip(stops[first:last], stops[first + 1 : last + 1], strict=True)]
            rows = order[:, stops[first] : stops[last]]
            self.real = self._is_real[:, stops[first] : stops[last]].T
            weights = _side_by_side(
                [self._weights_at(batch, order, cut) for batch, cut in enumerate(cuts, first)], cuts
            )
            x, y = (take_rows(array, rows) for array in self.arrays[:2])
            yield x.swapaxes(0, 1), y.swapaxes(0, 1), weights if weights is None else weights.T
            first = last

    def _weights_at(self, batch: int, order: np.ndarray, cut: slice) -> np.ndarray | None:
        """The weights of a batch, `(members, rows)`; None if all are 1."""
        weights = take_rows(self.arrays[2], order[:, cut])
        return self._alone[batch] if weights is None else self._weights(weights, self._is_real[:, cut])

    def _order(self, member: int, step: int) -> np.ndarray:
        rows = self.rows[member]
        if self.shuffle_seed is None:
            return rows
        return rows[stream(self.shuffle_seed, "shuffle", member, step).permutation(len(rows))]

    def _weights(self, weights: Any, real: np.ndarray) -> np.ndarray | None:
        """Weights, `(members, batch)`, with which the mean over the batch is the loss of each member alone."""
        by_weight = self.reduction == "mean_with_sample_weight" and weights is not None
        if not real.all():
            weights = real.astype(self.dtype) if weights is None else weights * real
        elif not by_weight:
            return weights
        if self.reduction == "sum":
            return weights
        assert weights is not None  # those of padding, if no others
        divisors = (weights if by_weight else real).sum(axis=1, keepdims=True, dtype=weights.dtype)
        return weights * (real.shape[1] / np.where(divisors > 0, divisors, 1))


def _side_by_side(weights: list[np.ndarray | None], cuts: list[slice]) -> np.ndarray | None:
    """The weights of batches as those of all their rows."""
    present = [part for part in weights if part is not None]
    if not present:
        return None
    ones = [np.ones((len(present[0]), cut.stop - cut.start), present[0].dtype) for cut in cuts]
    filled = [one if part is None else part for part, one in zip(weights, ones, strict=True)]
    return np.concatenate(filled, axis=1) if len(filled) > 1 else filled[0]


def _padded(lengths: list[int], stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that a member sees, padded to the longest member, and the mask of those that are not padding.

    Shape: both `(members, longest)`. Each batch of a member has its share of the rows, rounded; the surplus entries of
    the batch repeat its first row.
    """
    longest, starts = int(stops[-1]), np.concatenate([[0], stops[:-1]])
    batch_of = np.repeat(np.arange(len(stops)), stops - starts)
    within = np.arange(longest) - starts[batch_of]
    own_starts, own_stops = (np.outer(lengths, bounds) // longest for bounds in (starts, stops))
    real = within < (own_stops - own_starts)[:, batch_of]
    return own_starts[:, batch_of] + np.where(real, within, 0), real
