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
        classes: of all rows of these batches.
        size: rows of a batch.
        units: of the outputs.
        dtype: of the outputs.
        scale: what the loss of a row is multiplied by.
    """

    def __init__(self, classes: np.ndarray, size: int, units: int, dtype: np.dtype, scale: float) -> None:
        self.size, self.scale, self.done = size, scale, 0
        self.places = classes * size + np.arange(len(classes)) % size  # in a table with a row for each class
        self.labelled, self.others = np.empty((2, len(classes)), dtype)
        self.table = np.empty((units, size), dtype)
        self.flat = self.table.reshape(-1)

    @classmethod
    def of(
        cls, form: LossForm | None, classes: Any, outputs: np.ndarray, size: int, scale: float
    ) -> "SoftmaxCall | None":
        """The loss of the batches with all `size` rows; None unless it is softmax cross-entropy of few classes."""
        units, full = outputs.shape[-1], len(outputs) - len(outputs) % size
        fits = form is not None and form.code == SOFTMAX_CROSSENTROPY and units <= FEW_UNITS <= size
        if not fits or classes.ndim != 1 or classes.dtype.kind not in "iu":
            return None
        return cls(classes[:full], size, units, outputs.dtype, scale)

    def __call__(self, y: np.ndarray, outputs: np.ndarray, weights: None) -> tuple[float, np.ndarray]:
        """The slopes of the next batch, in memory that the next call overwrites."""
        part = slice(self.done, self.done + self.size)
        places, table, flat, others = self.places[part], self.table, self.flat, self.others[part]
        self.done = part.stop
        np.copyto(table, outputs.T)
        np.subtract(table, np.maximum.reduce(table, axis=0), out=table)
        flat.take(places, out=self.labelled[part])
        np.exp(table, out=table)
        sums = flat.take(places)
        flat[places] = 0  # the others are summed alone: beside a share of 1 small ones would be rounded away
        np.add.reduce(table, axis=0, out=others)
        sums += others
        factors = np.divide(self.scale, sums, out=sums)
        table *= factors
        factors *= others
        flat[places] = np.negative(factors, out=factors)
        return 0.0, table.T

    def total(self) -> float:
        """The sum over all batches of so far, each times its rows."""
        labelled, others = self.labelled[: self.done], self.others[: self.done]
        losses = np.log1p(others + (np.exp(labelled) - 1)) - labelled
        return np.add.reduce(losses).item() * self.scale * self.size
