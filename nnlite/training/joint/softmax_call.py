"""Softmax cross-entropy of several batches: the slopes of each when it comes, all values together at the end."""

from typing import Any

import numpy as np

from nnlite.kernels.reference.forms import SOFTMAX_CROSSENTROPY, LossForm
from nnlite.kernels.reference.losses import FEW_UNITS

__all__ = ["SoftmaxCall"]


class SoftmaxCall:
    """The loss of the batches of one call, in order; called like a `Differentiated`, it gives slopes, and 0 as value.

    The slopes are those of `kernels.softmax_crossentropy` to the last bit, in half of its passes.

    Args:
        classes: of all rows of these batches, none of which is shorter.
        size: rows of a batch.
        units: of the outputs.
        dtype: of the outputs.
        scale: what the loss of a row is multiplied by.
    """

    def __init__(self, classes: np.ndarray, size: int, units: int, dtype: np.dtype, scale: float) -> None:
        self.size, self.scale, self.done = size, scale, 0
        self.dividend = np.array(scale, dtype)  # a number of Python takes longer
        self.places = (classes * size).reshape(-1, size) + np.arange(size)  # in a table with a row for each class
        self.labelled, self.others = np.empty((2, *self.places.shape), dtype)
        self.table = np.empty((units, size), dtype)
        self.flat = self.table.reshape(-1)

    @classmethod
    def of(
        cls, form: LossForm | None, classes: Any, outputs: np.ndarray, size: int, scale: float
    ) -> "SoftmaxCall | None":
        """The loss of batches of `size` rows; None unless it is softmax cross-entropy of few classes."""
        units = outputs.shape[-1]
        fits = form is not None and form.code == SOFTMAX_CROSSENTROPY and units <= FEW_UNITS <= size
        if not fits or classes.ndim != 1 or classes.dtype.kind not in "iu":
            return None
        return cls(classes, size, units, outputs.dtype, scale)

    def __call__(self, y: np.ndarray, outputs: np.ndarray, weights: None) -> tuple[float, np.ndarray]:
        """The slopes of the next batch, in memory that the next call overwrites."""
        places, table, flat, others = self.places[self.done], self.table, self.flat, self.others[self.done]
        np.copyto(table, outputs.T)
        np.subtract(table, np.maximum.reduce(table, axis=0), table)
        self.labelled[self.done] = flat[places]
        np.exp(table, table)
        totals = flat[places]
        flat[places] = 0  # the others are summed alone: beside a share of 1 small ones would be rounded away
        np.add.reduce(table, axis=0, out=others)
        np.add(totals, others, totals)
        flat[places] = -others
        np.multiply(table, np.divide(self.dividend, totals, totals), table)
        self.done += 1
        return 0.0, table.T

    def total(self) -> float:
        """The sum over all batches, each times its rows."""
        losses = np.log1p(self.others + (np.exp(self.labelled) - 1)) - self.labelled
        return np.add.reduce(losses, axis=None).item() * self.scale * self.size
