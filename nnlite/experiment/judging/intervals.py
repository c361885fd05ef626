"""Residuals for prediction intervals: errors of a model on rows that it did not learn from."""

import numpy as np

from nnlite.data import Prepared, Quantities
from nnlite.inference.conformal import ConformalIntervals
from nnlite.models.base import BaseModel

__all__ = ["validation_intervals"]


def validation_intervals(model: BaseModel, data: Prepared) -> ConformalIntervals | None:
    """The intervals of a regression by its validation part; None without one, and where predictions are not finite.

    Where training stopped or chose its best epoch by the same rows, they are a little too narrow.
    """
    target = data.preprocessing.target
    if not isinstance(target, Quantities) or "validation" not in data.parts:
        return None
    x, y = data.parts["validation"]
    residuals = target.units(model.predict(x, verbose=0).astype(np.float64))
    residuals -= target.units(y.astype(np.float64))
    return ConformalIntervals.of(residuals) if np.isfinite(residuals).all() else None
