"""Kernels of `reference` compiled by Numba: one pass over the arrays where NumPy needs up to ten.

A kernel is compiled when it is first called with a dtype, in one to three seconds, and kept on disk beside this file,
or in the user's cache directory, for later processes. Loops run in the calling thread: Numba's threads and those of the
matrix library would fight for the cores. What a loop cannot take goes to the reference.
"""

from pathlib import Path

import numpy as np

from nnlite.kernels.compiled.dense import compiled, dense_backward, dense_forward
from nnlite.kernels.compiled.recurrent import lstm_gradients, lstm_pull, lstm_run
from nnlite.kernels.reference import elementwise as reference

__all__ = ["adam", "decay", "dense_backward", "dense_forward", "lstm_gradients", "lstm_pull", "lstm_run"]
__all__ += ["rmsprop", "sgd", "sigmoid_crossentropy", "softmax_crossentropy", "squared_error"]

# Numba computes exp and log1p of one number at a time, NumPy of sixteen: beyond these NumPy is quicker.
FEW_UNITS = 32
FEW_LOGITS = 512


@compiled
def decay(values, rate, scratch):
    factor = values.dtype.type(rate)
    for i in range(values.size):
        values[i] -= values[i] * factor


@compiled
def sgd(values, gradients, velocity, rate, momentum, nesterov, scratch):
    kind = values.dtype.type
    rate_, momentum_ = kind(rate), kind(momentum)
    for i in range(values.size):
        step = gradients[i] * rate_
        if velocity is None:
            values[i] -= step
            continue
        speed = velocity[i] * momentum_ - step
        velocity[i] = speed
        values[i] = values[i] - step + speed * momentum_ if nesterov else values[i] + speed


@compiled
def adam(values, gradients, momentum, squares, largest, beta_1, beta_2, alpha, epsilon, scratch):
    kind = values.dtype.type
    beta_1_, beta_2_, alpha_, epsilon_ = kind(beta_1), kind(beta_2), kind(alpha), kind(epsilon)
    for i in range(values.size):
        slope = gradients[i]
        total = momentum[i] * beta_1_ + slope
        square = squares[i] * beta_2_ + slope * slope
        momentum[i], squares[i] = total, square
        if largest is not None:
            square = np.maximum(largest[i], square)
            largest[i] = square
        values[i] -= total / (np.sqrt(square) + epsilon_) * alpha_


@compiled
def rmsprop(values, gradients, velocity, average, change, share, rate, momentum, epsilon, scratch):
    kind = values.dtype.type
    share_, rate_, momentum_, epsilon_ = kind(share), kind(rate), kind(momentum), kind(epsilon)
    for i in range(values.size):
        slope = gradients[i]
        variance = velocity[i] + (slope * slope - velocity[i]) * share_
        velocity[i] = variance
        if average is not None:
            mean = average[i] + (slope - average[i]) * share_
            average[i] = mean
            variance = np.maximum(variance - mean * mean, kind(0))
        step = slope / np.sqrt(variance + epsilon_) * rate_
        if change is not None:
            step = change[i] * momentum_ + step
            change[i] = step
        values[i] -= step


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
            gradient[row, i] = ((one if logit >= 0 else decay) / (one + decay) - target) * factor
    return total * scale


@compiled
def _softmax_crossentropy(logits, classes, scale, weights, gradient):
    kind, total = logits.dtype.type, 0.0
    for row in range(len(logits)):
        weight = 1.0 if weights is None else weights[row]
        largest, own, shares = logits[row].max(), classes[row], kind(0)
        for i in range(logits.shape[1]):
            gradient[row, i] = np.exp(logits[row, i] - largest)
            shares += gradient[row, i]
        total += weight * (np.log(shares) - (logits[row, own] - largest))
        factor = kind(scale * weight)
        for i in range(logits.shape[1]):
            gradient[row, i] *= factor / shares
        gradient[row, own] -= factor
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


def squared_error(targets, predictions, scale, weights=None):
    if predictions.size > FEW_LOGITS or not _alike(predictions, targets) or not _plain(predictions, targets, weights):
        return reference.squared_error(targets, predictions, scale, weights)
    return _by_rows(_squared_error, predictions, targets.reshape(-1, targets.shape[-1]), scale, weights)


def sigmoid_crossentropy(logits, targets, scale, weights=None):
    if logits.size > FEW_LOGITS or not _alike(logits, targets) or not _plain(logits, targets, weights):
        return reference.sigmoid_crossentropy(logits, targets, scale, weights)
    return _by_rows(_sigmoid_crossentropy, logits, targets.reshape(-1, targets.shape[-1]), scale, weights)


def softmax_crossentropy(logits, classes, scale, weights=None):
    if logits.shape[-1] > FEW_UNITS or not _plain(logits, classes, weights):
        return reference.softmax_crossentropy(logits, classes, scale, weights)
    return _by_rows(_softmax_crossentropy, logits, classes.reshape(-1), scale, weights)


def on_disk():
    """Whether kernels have been compiled and kept on the disk before."""
    return any(Path(adam.stats.cache_path).glob("compiled_*.nbi"))


decay(np.zeros(1), 0.0, np.zeros(1))  # finds out at once whether what is compiled can be kept


def _alike(one, other):
    """Whether a loop over one may read the other at the same places."""
    return one.shape == other.shape and one.dtype == other.dtype


def _plain(logits, *others):
    """Whether the arrays are real and contiguous, so that one machine code serves."""
    arrays = [logits, *(other for other in others if other is not None)]
    return logits.dtype.kind == "f" and all(array.flags.c_contiguous for array in arrays)


def _by_rows(kernel, logits, targets, scale, weights):
    gradient, units = np.empty_like(logits), logits.shape[-1]
    weights = weights if weights is None else weights.reshape(-1)
    return kernel(logits.reshape(-1, units), targets, scale, weights, gradient.reshape(-1, units)), gradient
