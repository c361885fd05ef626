"""Losses and their gradients in NumPy, computed together."""

import numpy as np

from nnlite.arrays.types import Array
from nnlite.kernels.reference.elementwise import magnitude, scalar

__all__ = ["sigmoid_crossentropy", "softmax_crossentropy", "squared_error"]

FEW_UNITS = 32  # with more, or fewer rows than this, NumPy's loops along rows are long enough


def softmax_crossentropy(
    logits: np.ndarray, classes: np.ndarray, scale: float, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """scale * sum over rows of weights * (log(sum(exp(row))) - row[class]), and its gradient in the logits.

    Shape: logits `(..., units)`, classes and weights `(...)`.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    count, units = rows.shape
    few = units <= FEW_UNITS <= count  # then each class lies in one piece, along which sums and maxima go quickly
    table, axis = (np.ascontiguousarray(rows.T), 0) if few else (rows, 1)
    shifted = np.subtract(table, np.maximum.reduce(table.real, axis=axis, keepdims=True), order="C")
    numbers = classes.ravel().astype(np.intp, copy=False)  # a small type of integers cannot hold the places
    places = numbers * count + np.arange(count) if few else numbers + np.arange(0, rows.size, units)
    labelled = shifted.ravel().take(places)
    shares = np.exp(shifted, out=shifted)
    flat, own_shares = shares.reshape(-1), np.exp(labelled)
    flat[places] = 0  # the others are summed alone: beside a share of 1 small ones would be rounded away
    others = np.add.reduce(shares, axis=axis)
    losses, totals = np.log1p(others + (own_shares - 1)) - labelled, others + own_shares
    factors = scale
    if weights is not None:
        losses, factors = losses * weights.ravel(), weights.ravel() * scale
    factors = factors / totals
    shares *= factors.reshape((1, -1) if few else (-1, 1))
    flat[places] = -others * factors
    gradient = np.ascontiguousarray(shares.T) if few else shares
    return np.add.reduce(losses).item() * scale, gradient.reshape(logits.shape)


def sigmoid_crossentropy(
    logits: Array, targets: np.ndarray, scale: float, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """scale * sum of weights * (log(1 + exp(logits)) - targets * logits), and its gradient in the logits.

    Shape: logits and targets `(..., units)`, weights `(...)`.
    """
    above = logits.real >= scalar(0, logits.real.dtype)  # on the side that magnitude takes at 0
    decay = np.exp(-magnitude(logits))
    away = above - targets
    losses = np.log1p(decay) + logits * away
    decay /= 1 + decay  # how far the chance is from 0 or 1, and so `away` from the slope: nothing cancels
    gradient = (away + np.where(above, -decay, decay)) * scale
    if weights is not None:
        losses, gradient = losses * weights[..., None], gradient * weights[..., None]
    return np.add.reduce(losses, axis=None).item() * scale, gradient


def squared_error(
    targets: np.ndarray, predictions: np.ndarray, scale: float, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """scale * sum of weights * (predictions - targets) ** 2, and its gradient with respect to the predictions.

    Shape: targets and predictions `(..., units)`, weights `(...)`.
    """
    error = predictions - targets
    weighted = error if weights is None else error * weights[..., None]
    value = np.dot(weighted.reshape(-1), error.reshape(-1)).item() * scale
    return value, np.multiply(weighted, 2 * scale, out=weighted)
