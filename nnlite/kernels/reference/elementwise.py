"""Kernels in NumPy: stable for large arguments, and analytic, so that a complex step passes through them.

The updates of optimizers change `values` and the running vectors in place, element by element, without allocating;
`gradients` are read only, `scratch` is overwritten. They do the same operations in the same order as the compiled
ones, which therefore agree with them to the last bit.
"""

import functools

import numpy as np

from nnlite.kernels.reference.recurrent import lstm_gradients, lstm_pull, lstm_run

__all__ = [
    "adam",
    "decay",
    "dropout",
    "erf",
    "log_softmax",
    "lstm_gradients",
    "lstm_pull",
    "lstm_run",
    "magnitude",
    "relu",
    "rmsprop",
    "sgd",
    "sigmoid",
    "sigmoid_crossentropy",
    "softmax_crossentropy",
    "softplus",
    "squared_error",
]


def magnitude(x):
    """|x|; for complex x the sign of the real part decides: x itself from zero on, analytic everywhere else."""
    return np.where(x.real < 0, -x, x) if x.dtype.kind == "c" else np.abs(x)


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow, exact to rounding at both ends."""
    decay = np.exp(-magnitude(x))
    return np.where(x.real >= 0, np.ones((), decay.dtype), decay) / (1 + decay)


def softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return np.where(x.real >= 0, x, 0) + np.log1p(np.exp(-magnitude(x)))


def log_softmax(x, axis=-1):
    """x - log(sum(exp(x))) along `axis`; large numbers cancel before anything is rounded."""
    shifted = x - x.real.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def erf(x):
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""
    from scipy import special

    return special.erf(x)


def relu(x):
    """max(x, 0), and where x is above 0."""
    above = np.greater(x.real, _number(0, x.real.dtype))
    if x.dtype.kind == "c":
        return x * above, above
    outputs = np.zeros(x.shape, x.dtype)  # the maximum of two arrays is vectorised, that with a number is not
    return np.maximum(x, outputs, out=outputs), above


def softmax_crossentropy(logits, classes, scale, weights=None):
    """scale * sum over rows of weights * (log(sum(exp(row))) - row[class]), and its gradient by the logits.

    Shape: logits `(..., units)`, classes and weights `(...)`.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    shifted = np.subtract(rows, np.maximum.reduce(rows.real, axis=1, keepdims=True), order="C")
    places = classes.ravel() + np.arange(0, rows.size, rows.shape[1])
    own = shifted.ravel().take(places)
    shares = np.exp(shifted, out=shifted)
    totals = np.add.reduce(shares, axis=1)
    losses = np.log(totals) - own
    factors = scale
    if weights is not None:
        losses, factors = losses * weights.ravel(), weights.ravel() * scale
    shares *= (factors / totals)[:, None]
    shares.reshape(-1)[places] -= factors
    return np.add.reduce(losses).item() * scale, shares.reshape(logits.shape)


def sigmoid_crossentropy(logits, targets, scale, weights=None):
    """scale * sum of weights * (log(1 + exp(logits)) - targets * logits), and its gradient by the logits.

    Shape: logits and targets `(..., units)`, weights `(...)`.
    """
    above = logits.real >= _number(0, logits.real.dtype)  # on the side that magnitude takes at 0
    decay = np.exp(-magnitude(logits))
    losses = np.log1p(decay) + logits * (above - targets)
    gradient = (np.where(above, _number(1, decay.dtype), decay) / (1 + decay) - targets) * scale
    if weights is not None:
        losses, gradient = losses * weights[..., None], gradient * weights[..., None]
    return np.add.reduce(losses, axis=None).item() * scale, gradient


def squared_error(targets, predictions, scale, weights=None):
    """scale * sum of weights * (predictions - targets) ** 2, and its gradient by the predictions.

    Shape: targets and predictions `(..., units)`, weights `(...)`.
    """
    error = predictions - targets
    weighted = error if weights is None else error * weights[..., None]
    value = np.dot(weighted.reshape(-1), error.reshape(-1)).item() * scale
    return value, np.multiply(weighted, 2 * scale, out=weighted)


def dropout(inputs, bits, threshold, scale):
    """`inputs` times `scale` where 16 random bits reach `threshold`, else 0; and these factors.

    Shape: bits, unsigned, as the factors, which are broadcast to the inputs.
    """
    factors = np.multiply(np.greater_equal(bits, threshold), scale, dtype=inputs.real.dtype)
    return inputs * factors, factors


def decay(values, rate, scratch):
    """values -= rate * values. Not values *= 1 - rate: in float32 that misses a small rate by up to 3e-8."""
    np.multiply(values, rate, scratch)
    np.subtract(values, scratch, values)


def sgd(values, gradients, velocity, rate, momentum, nesterov, scratch):
    """The update of `nnlite.optimizers.SGD`; without momentum `velocity` is None."""
    np.multiply(gradients, rate, scratch)
    if velocity is None:
        np.subtract(values, scratch, values)
        return
    np.multiply(velocity, momentum, velocity)
    np.subtract(velocity, scratch, velocity)
    if nesterov:
        np.subtract(values, scratch, values)
        np.multiply(velocity, momentum, scratch)
        np.add(values, scratch, values)
    else:
        np.add(values, velocity, values)


def adam(values, gradients, momentum, squares, largest, beta_1, beta_2, alpha, epsilon, scratch):
    """The update of `nnlite.optimizers.Adam`; without amsgrad `largest` is None."""
    kind = values.dtype
    np.multiply(momentum, _number(beta_1, kind), momentum)
    np.add(momentum, gradients, momentum)
    np.multiply(gradients, gradients, scratch)
    np.multiply(squares, _number(beta_2, kind), squares)
    np.add(squares, scratch, squares)
    if largest is not None:
        squares = np.maximum(largest, squares, out=largest)
    np.sqrt(squares, scratch)
    np.add(scratch, _number(epsilon, kind), scratch)
    np.divide(momentum, scratch, scratch)
    np.multiply(scratch, np.array(alpha, kind), scratch)
    np.subtract(values, scratch, values)


def rmsprop(values, gradients, velocity, average, change, share, rate, momentum, epsilon, scratch):
    """The update of `nnlite.optimizers.RMSprop`, `share = 1 - rho`.

    `average`, of the gradients, is None unless centered; `change` is None without momentum.
    """
    np.multiply(gradients, gradients, scratch)
    _blend(velocity, scratch, share, scratch)
    variance = velocity
    if average is not None:
        _blend(average, gradients, share, scratch)
        np.multiply(average, average, scratch)
        np.subtract(velocity, scratch, scratch)
        # A variance is never negative, but the difference of two nearly equal numbers may be.
        variance = np.maximum(scratch, 0.0, out=scratch)
    np.add(variance, epsilon, scratch)
    np.sqrt(scratch, scratch)
    np.divide(gradients, scratch, scratch)
    np.multiply(scratch, rate, scratch)
    if change is not None:
        np.multiply(change, momentum, change)
        np.add(change, scratch, change)
        scratch = change
    np.subtract(values, scratch, values)


def _blend(average, sample, share, scratch):
    """Move a running average towards a sample: `average += share * (sample - average)`; scratch may be the sample."""
    np.subtract(sample, average, scratch)
    np.multiply(scratch, share, scratch)
    np.add(average, scratch, average)


@functools.cache
def _number(value, dtype):
    """A number as an array: a ufunc takes it in half the time that a Python number costs it."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array
