"""Softmax cross-entropy of several batches: the slopes of each when it comes, all values together at the end."""

import numpy as np

from nnlite.kernels.reference.forms import SOFTMAX_CROSSENTROPY, LossForm
from nnlite.kernels.reference.losses import FEW_UNITS

__all__ = ["SoftmaxCall"]


class SoftmaxCall:
    """The loss of the batches of one call, in order: `begin`, then a call for each batch, then `total`.

    Each call gives the slopes, and 0 as value. They are those of `kernels.softmax_crossentropy` to the last bit, in
    half of its passes, and in memory that the next calls use again.

    Args:
        size: rows of a batch.
        units: of the outputs.
        dtype: of the outputs.
        scale: what the loss of a row is multiplied by.
    """

    def __init__(self, size: int, units: int, dtype: np.dtype, scale: float) -> None:
        self.size, self.scale, self.done = size, scale, 0
        self.dividend = np.array(scale, dtype)  # a number of Python takes longer
        self.columns, self.table = np.arange(size), np.empty((units, size), dtype)
        self.flat = self.table.reshape(-1)
        self.places = np.empty((0, size), np.intp)
        self.labelled = self.shares = self.others = np.empty((0, size), dtype)

    @staticmethod
    def suits(form: LossForm | None, units: int, size: int) -> bool:
        """Whether a loss of this form is softmax cross-entropy of few classes."""
        return form is not None and form.code == SOFTMAX_CROSSENTROPY and units <= FEW_UNITS <= size

    def begin(self, classes: np.ndarray) -> "SoftmaxCall | None":
        """Look up the classes of all rows of a call, none of whose batches is shorter; None if they are no classes."""
        if classes.ndim != 1 or classes.dtype.kind not in "iu":
            return None
        # In a table with a row for each class.
        self.places = (classes.astype(np.intp, copy=False) * self.size).reshape(-1, self.size) + self.columns
        if len(self.places) != len(self.labelled):
            self.labelled, self.shares, self.others = np.empty((3, *self.places.shape), self.table.dtype)
        self.done = 0
        return self

    def __call__(self, y: np.ndarray, outputs: np.ndarray, weights: None) -> tuple[float, np.ndarray]:
        """The slopes of the next batch, in memory that the next call overwrites."""
        places, table, flat, others = self.places[self.done], self.table, self.flat, self.others[self.done]
        np.copyto(table, outputs.T)
        np.subtract(table, np.maximum.reduce(table, axis=0), table)
        self.labelled[self.done] = flat[places]
        np.exp(table, table)
        self.shares[self.done] = totals = flat[places]
        flat[places] = 0  # the others are summed alone: beside a share of 1 small ones would be rounded away
        np.add.reduce(table, axis=0, out=others)
        np.add(totals, others, totals)
        flat[places] = -others
        np.multiply(table, np.divide(self.dividend, totals, totals), table)
        self.done += 1
        return 0.0, table.T

    def total(self) -> float:
        """The sum over all batches, each times its rows."""
        losses = np.log1p(self.others + (self.shares - 1)) - self.labelled
        return np.add.reduce(losses, axis=None).item() * self.scale * self.size
