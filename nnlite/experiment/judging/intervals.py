"""Residuals for prediction intervals: errors of a model on rows that it did not learn from."""

import numpy as np

from nnlite.arrays.rows import blocks
from nnlite.data import Prepared, Quantities
from nnlite.experiment.judging.measuring import predictions
from nnlite.inference.conformal import ConformalIntervals
from nnlite.models.base import BaseModel

__all__ = ["validation_intervals"]


def validation_intervals(model: BaseModel, data: Prepared) -> ConformalIntervals | None:
    """The intervals of a regression from its validation part; None without one, or if predictions are not finite.

    Where training stopped or chose its best epoch by the same rows, they are a little too narrow.
    """
    target = data.preprocessing.target
    if not isinstance(target, Quantities) or "validation" not in data.parts:
        return None
    x, y = data.parts["validation"]
    outputs = predictions(model, x)
    residuals = np.empty(outputs.shape)
    for rows in blocks(residuals):
        residuals[rows] = target.units(outputs[rows].astype(np.float64)) - target.units(y[rows].astype(np.float64))
    return ConformalIntervals.of(residuals) if np.isfinite(residuals).all() else None
