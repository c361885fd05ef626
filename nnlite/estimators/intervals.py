"""Prediction intervals of estimators that predict numbers."""

import numpy as np

from nnlite.estimators.fitting.targets import NumberTargets, Targets
from nnlite.estimators.fitting.training import Judged
from nnlite.inference.conformal import ConformalIntervals

__all__ = ["intervals_of"]


def intervals_of(judged: Judged | None, targets: Targets) -> ConformalIntervals | None:
    """The intervals that the errors on samples suggest which were not learned from; None if there are none.

    Errors are those of the mean of the members, in the unit of y; samples of weight 0 are left out.
    """
    if judged is None:
        return None
    assert isinstance(targets, NumberTargets)
    outputs = judged.outputs.astype(np.float64)
    errors = (outputs - judged.y.reshape(outputs.shape)) * targets.scale
    errors = errors.mean(axis=1) if errors.ndim == 3 else errors
    return ConformalIntervals.of(errors if judged.weights is None else errors[judged.weights > 0])
