"""The decision threshold of a trained model, tuned on its validation part."""

import numpy as np

from nnlite.data import Prepared
from nnlite.experiment.judging.measuring import predictions
from nnlite.metrics.scores import Score
from nnlite.models.base import BaseModel

__all__ = ["tune_threshold"]


def tune_threshold(model: BaseModel, data: Prepared, threshold: Score | float | None) -> None:
    """Set the target encoder's threshold to the best one by the score that `threshold` names."""
    if isinstance(threshold, str):
        outputs = np.asarray(predictions(model, data.parts["validation"][0]))
        weights = data.weights.get("validation")
        data.preprocessing.target.tune(data.target("validation"), outputs, threshold, weights)
