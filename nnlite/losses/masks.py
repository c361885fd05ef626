"""Masks of the rows of outputs that count."""

import math
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.arrays.weights import fitted_weights

__all__ = []


def counted_rows(mask: Any, y: Any, predictions: Any, sample_weight: np.ndarray | None) -> tuple:
    """The last three arguments without masked rows, each row as a separate example."""
    if not isinstance(mask, np.ndarray) or mask.shape != predictions.shape[:-1]:
        return y, predictions, sample_weight
    if sample_weight is not None:
        sample_weight = weight_of_rows(sample_weight, mask.shape)[mask]
    if mask.all():  # in one piece, which is quicker than by choice
        return *(array.reshape(-1, *array.shape[mask.ndim :]) for array in (y, predictions)), sample_weight
    return y[mask], predictions[mask], sample_weight


def weight_of_rows(sample_weight: np.ndarray, shape: Shape) -> np.ndarray:
    """The weights of examples, `(batch,)`, or of entries inside them, `(batch, members)`, for all rows inside."""
    if sample_weight.shape == shape:
        return sample_weight
    return np.broadcast_to(
        sample_weight.reshape(*sample_weight.shape, *(1,) * (len(shape) - sample_weight.ndim)), shape
    )


def counted_weights(
    shape: Shape, dtype: Any, sample_weight: np.ndarray | None, mask: np.ndarray | None
) -> tuple[np.ndarray | None, int]:
    """The weight of each row, None if all are 1, and the number of rows that count.

    Raises:
        ShapeError: weights with more axes than `shape`.
    """
    if sample_weight is not None and sample_weight.ndim > len(shape):  # one for each number, where rows have losses
        sample_weight = fitted_weights(sample_weight, shape)
    weights, size = None if sample_weight is None else weight_of_rows(sample_weight, shape), math.prod(shape)
    if mask is not None and mask.shape == (*shape, 1):
        mask = mask[..., 0]
    if mask is not None and mask.shape == shape:
        weights = mask.astype(dtype) if weights is None else weights * mask
        size = int(np.count_nonzero(mask))
    return weights, size
