"""Losses and their gradients, compiled: one pass over the rows."""

import numpy as np

from nnlite.kernels.compiled.dense import compiled
from nnlite.kernels.compiled.recurrent import readable
from nnlite.kernels.reference import losses as reference

__all__ = ["sigmoid_crossentropy", "softmax_crossentropy", "squared_error"]

# Numba computes exp and log1p of one number at a time, NumPy of sixteen: beyond these NumPy is quicker.
FEW_UNITS = 32


FEW_LOGITS = 512


@compiled
def _sigmoid_crossentropy(logits, targets, scale, weights, gradient):
    one, total = logits.dtype.type(1), 0.0
    for row in range(len(logits)):
        weight = 1.0 if weights is None else weights[row]
        factor = logits.dtype.type(scale * weight)
        for i in range(logits.shape[1]):
            logit, target = logits[row, i], targets[row, i]
            decay = np.exp(-abs(logit))
            total += weight * (np.log1p(decay) + (logit * (one - target) if logit >= 0 else -logit * target))
            away = decay / (one + decay)
            gradient[row, i] = ((one - target) - away if logit >= 0 else away - target) * factor
    return total * scale


@compiled
def _softmax_crossentropy(logits, classes, scale, weights, gradient):
    kind, total = logits.dtype.type, 0.0
    for row in range(len(logits)):
        weight = 1.0 if weights is None else weights[row]
        largest, label, others = logits[row].max(), classes[row], kind(0)
        for i in range(logits.shape[1]):
            gradient[row, i] = np.exp(logits[row, i] - largest)
            if i != label:
                others += gradient[row, i]
        own_share = gradient[row, label]
        total += weight * (np.log1p(others + (own_share - kind(1))) - (logits[row, label] - largest))
        factor = kind(scale * weight) / (others + own_share)
        for i in range(logits.shape[1]):
            gradient[row, i] *= factor
        gradient[row, label] = -others * factor
    return total * scale


@compiled
def _crossentropy_of_shares(logits, shares, scale, weights, gradient):
    """Of targets that are shares of classes, or any numbers; where one is more than half of all, nothing cancels."""
    kind, total, last = logits.dtype.type, 0.0, logits.shape[1]
    for row in range(len(logits)):
        weight = 1.0 if weights is None else weights[row]
        top, largest, others, whole, value = logits[row].argmax(), logits[row].max(), kind(0), kind(0), 0.0
        for i in range(last):
            gradient[row, i] = np.exp(logits[row, i] - largest)
            others += gradient[row, i] if i != top else kind(0)
            whole += shares[row, i]
        below, factor = np.log1p(others), kind(scale * weight)
        everything = others + gradient[row, top]
        for i in range(last):
            share, slope = shares[row, i], gradient[row, i]
            value += share * (below - (logits[row, i] - largest))
            rest = others if i == top else everything - slope
            sure = (whole - share) - rest / everything * whole
            gradient[row, i] = (sure if share > kind(0.5) * whole else slope / everything * whole - share) * factor
        total += weight * value
    return total * scale


@compiled
def _squared_error(predictions, targets, scale, weights, gradient):
    total = 0.0
    for row in range(len(predictions)):
        weight = 1.0 if weights is None else weights[row]
        factor = predictions.dtype.type(2 * scale * weight)
        for i in range(predictions.shape[1]):
            error = predictions[row, i] - targets[row, i]
            total += weight * error * error
            gradient[row, i] = error * factor
    return total * scale


def squared_error(
    targets: np.ndarray, predictions: np.ndarray, scale: float, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    if predictions.size > FEW_LOGITS or not _alike(predictions, targets) or not _plain(predictions, targets, weights):
        return reference.squared_error(targets, predictions, scale, weights)
    return _by_rows(_squared_error, predictions, targets.reshape(-1, targets.shape[-1]), scale, weights)


def sigmoid_crossentropy(
    logits: np.ndarray, targets: np.ndarray, scale: float, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    if logits.size > FEW_LOGITS or not _alike(logits, targets) or not _plain(logits, targets, weights):
        return reference.sigmoid_crossentropy(logits, targets, scale, weights)
    return _by_rows(_sigmoid_crossentropy, logits, targets.reshape(-1, targets.shape[-1]), scale, weights)


def softmax_crossentropy(
    logits: np.ndarray, classes: np.ndarray, scale: float, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    if logits.shape[-1] > FEW_UNITS or not _plain(logits, classes, weights):
        return reference.softmax_crossentropy(logits, classes, scale, weights)
    return _by_rows(_softmax_crossentropy, logits, classes.reshape(-1), scale, weights)


def _alike(one, other):
    """Whether a loop over one may read the other at the same indices."""
    return one.shape == other.shape and one.dtype == other.dtype


def _plain(logits, *others):
    """Whether the arrays are real and contiguous, so that one machine code serves."""
    arrays = [other for other in others if other is not None]
    return readable(logits) and all(other.flags.c_contiguous and other.dtype.isnative for other in arrays)


def _by_rows(kernel, logits, targets, scale, weights):
    gradient, units = np.empty_like(logits), logits.shape[-1]
    weights = weights if weights is None else weights.reshape(-1)
    return kernel(logits.reshape(-1, units), targets, scale, weights, gradient.reshape(-1, units)), gradient
