"""Which rows of the outputs count."""

from typing import Any

import numpy as np

__all__ = []


def counted_rows(mask: Any, y: Any, predictions: Any, sample_weight: np.ndarray | None) -> tuple:
    """The last three without the rows that `mask` leaves out, each row an example of its own."""
    if not isinstance(mask, np.ndarray) or mask.shape != predictions.shape[:-1]:
        return y, predictions, sample_weight
    if sample_weight is not None:
        sample_weight = np.broadcast_to(sample_weight.reshape(-1, *(1,) * (mask.ndim - 1)), mask.shape)[mask]
    return y[mask], predictions[mask], sample_weight
