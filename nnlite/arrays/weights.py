"""Weights of examples, or of the steps inside them; the arrays that users get, with a mask of those that count."""

import math
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import DataError, ShapeError

__all__ = ["EagerTensor", "as_eager", "balanced_weights", "fitted_weights", "mask_of"]


class EagerTensor(np.ndarray):
    """An array as layers and ops return it outside of training: with `numpy()`, and the mask that it may carry.

    What operators, functions of NumPy and indices make of it has no mask, and `numpy()` even if it is one number;
    its methods without axes, such as `sum()`, give a scalar of NumPy.
    """

    _keras_mask: np.ndarray | None = None

    def numpy(self) -> np.ndarray:
        """The same numbers as a plain array."""
        return self.view(np.ndarray)

    def __round__(self, digits: int | None = None) -> float | int:
        return round(self.item(), digits)  # as scalars of NumPy can be rounded, and its arrays cannot

    def __hash__(self) -> int:  # type: ignore[override]
        if self.ndim:
            raise TypeError("unhashable type: an array with axes")
        return hash(self.item())  # as scalars of NumPy

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return part if isinstance(part, np.ndarray) or self.dtype.kind in "OSU" else np.asarray(part).view(EagerTensor)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar and context is None else array.view(EagerTensor)

    def __repr__(self) -> str:
        return repr(np.asarray(self))

    def __str__(self) -> str:
        return str(np.asarray(self))  # NumPy would index it, and write each number with the digits of float64

    def __reduce__(self) -> Any:
        return np.asarray(self).__reduce__()  # in pickles it is a plain array


def as_eager(result: Any) -> Any:
    """An array or number of NumPy as an `EagerTensor`, each part of a list or tuple, and anything else unchanged."""
    if isinstance(result, (np.ndarray, np.generic)):
        return result if type(result) is EagerTensor else np.asarray(result).view(EagerTensor)
    return type(result)(map(as_eager, result)) if type(result) in (list, tuple) else result


def mask_of(outputs: Any) -> np.ndarray | None:
    """The mask that outputs carry, as booleans; None if they carry none."""
    mask = outputs._keras_mask if isinstance(outputs, EagerTensor) else None
    return None if mask is None else np.asarray(mask, bool)


def fitted_weights(sample_weight: Any, shape: Shape, owner: str = "") -> np.ndarray:
    """`sample_weight` as one number for each row, or for each of the values inside rows.

    Args:
        sample_weight: a number for all, or an array of shape `(rows,)`, `(rows, 1)`, `(rows, steps)`, or any other that
            broadcasts to `shape`. Where it has fewer axes than `shape`, they are the first ones: `(rows,)` weighs
            whole rows.
        shape: that of the values that are weighed, rows first.
        owner: who asks, for messages.

    Shape: `(rows,)` where all values of a row weigh the same, else `shape`.

    Raises:
        DataError: no numbers.
        ShapeError: an array that does not broadcast.

    >>> fitted_weights([[1.0], [3.0]], (2, 4)).tolist(), fitted_weights(2.0, (2,)).tolist()
    ([1.0, 3.0], [2.0, 2.0])
    >>> fitted_weights([[1, 0, 1]], (2, 3)).tolist()
    [[1, 0, 1], [1, 0, 1]]
    """
    weights = np.asarray(sample_weight)
    prefix = f"{owner}: " if owner else ""
    if weights.dtype.kind not in "biuf":
        raise DataError(f"{prefix}sample_weight needs numbers, got {weights.dtype}")
    if weights.shape == shape[:1]:
        return weights
    weights_shape = weights.shape
    if weights.ndim == len(shape) + 1 and weights_shape[-1] == 1:
        weights = weights[..., 0]
    fits = weights.ndim <= len(shape) and all(
        length in (1, wanted) for length, wanted in zip(weights.shape, shape, strict=False)
    )
    if not fits:
        others = f", or what broadcasts to {shape}" if len(shape) > 1 else ""
        raise ShapeError(
            f"{prefix}sample_weight has shape {weights_shape}; {math.prod(shape[:1])} samples need {shape[:1]}{others}"
        )
    if weights.size in (1, len(weights) if weights.ndim else 1):
        return np.ascontiguousarray(np.broadcast_to(weights.reshape(-1), shape[:1]))
    inner = weights.reshape(*weights.shape, *(1,) * (len(shape) - weights.ndim))
    return np.ascontiguousarray(np.broadcast_to(inner, shape))


def balanced_weights(labels: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
    """The weight of each row with which all occurring classes count alike, 1 on average.

    That is rows / (classes * rows of the class), as scikit-learn's `class_weight="balanced"`; where rows have weights,
    these are counted in place of the rows, and the result is to be multiplied by them.
    """
    _, codes = np.unique(labels, return_inverse=True)
    counts = np.bincount(codes, sample_weight)
    total = counts.sum()
    present = counts > 0
    by_class = np.divide(total, present.sum() * counts, out=np.zeros(len(counts)), where=present)
    return by_class[codes]
