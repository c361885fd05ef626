"""Metrics of a trained model, part by part."""

import math

from nnlite.data import Prepared
from nnlite.models.base import BaseModel

__all__ = ["measure"]


def measure(model: BaseModel, data: Prepared) -> dict[str, dict[str, float | None]]:
    """Loss and metrics of the validation and test part, or of the training part if there is neither.

    A value that is not finite is None, as JSON has no number for it. For a standardised target, loss and errors are
    in standard deviations of the target.
    """
    measured = {}
    for part in [part for part in data.parts if part != "training"] or ["training"]:
        values = model.evaluate(*data.parts[part], return_dict=True, verbose=0)
        measured[part] = {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
    return measured
