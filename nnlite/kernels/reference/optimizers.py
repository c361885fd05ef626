"""Updates of optimizers in NumPy.

They change `values` and the running vectors in place, element by element, without allocating; `gradients` are read
only, `scratch` is overwritten. `factors` multiply the rate of each element: a vector, or `(slice, factor)` of the
stretches where it is not 1, or None for ones everywhere; compiled ones take no stretches. They do the same operations
in the same order as the compiled ones, which therefore agree with them to the last bit.
"""

import functools
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from nnlite.kernels.reference.elementwise import scalar

__all__ = ["adam", "adam_rows", "decay", "flush", "rmsprop", "sgd"]

FLUSHED_AT_ONCE = 65_536

RateFactors: TypeAlias = np.ndarray | Sequence[tuple[slice, float]] | None


def decay(values: np.ndarray, rate: float, factors: RateFactors, scratch: np.ndarray) -> None:
    """values -= rate * values. Not values *= 1 - rate: in float32 that misses a small rate by up to 3e-8."""
    np.multiply(values, rate, scratch)
    _multiply(scratch, factors)
    np.subtract(values, scratch, values)


@functools.cache
def negligible(dtype: np.dtype) -> float:
    """The amount a running mean may lose: 2**24 times the smallest normal number, 2e-31 in float32, 4e-301 in float64.

    In half precision, whose normal numbers end at 6e-5, it is that number's smallest subnormal: nothing.
    """
    info = np.finfo(dtype)
    return float(info.tiny) * 2.0**24 if info.bits >= 32 else float(info.smallest_subnormal)


def flush(vector: np.ndarray) -> None:
    """Set numbers below `negligible` in magnitude to 0: arithmetic with subnormals is up to 100 times slower."""
    limit = negligible(vector.dtype)
    for start in range(0, vector.size, FLUSHED_AT_ONCE):
        part = vector[start : start + FLUSHED_AT_ONCE]
        np.copyto(part, 0.0, where=np.abs(part) < limit)


def sgd(
    values: np.ndarray,
    gradients: np.ndarray,
    velocity: np.ndarray | None,
    rate: float,
    momentum: float,
    nesterov: bool,
    factors: RateFactors,
    scratch: np.ndarray,
) -> None:
    """The update of `nnlite.optimizers.SGD`; without momentum `velocity` is None."""
    np.multiply(gradients, rate, scratch)
    _multiply(scratch, factors)
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


def adam(
    values: np.ndarray,
    gradients: np.ndarray,
    momentum: np.ndarray,
    squares: np.ndarray,
    largest: np.ndarray | None,
    beta_1: float,
    beta_2: float,
    alpha: float,
    epsilon: float,
    factors: RateFactors,
    scratch: np.ndarray,
) -> None:
    """The update of `nnlite.optimizers.Adam`; without amsgrad `largest` is None."""
    kind = values.dtype
    np.multiply(momentum, scalar(beta_1, kind), momentum)
    np.add(momentum, gradients, momentum)
    np.multiply(gradients, gradients, scratch)
    np.multiply(squares, scalar(beta_2, kind), squares)
    np.add(squares, scratch, squares)
    if largest is not None:
        squares = np.maximum(largest, squares, out=largest)
    np.sqrt(squares, scratch)
    np.add(scratch, scalar(epsilon, kind), scratch)
    np.divide(momentum, scratch, scratch)
    np.multiply(scratch, np.array(alpha, kind), scratch)
    _multiply(scratch, factors)
    np.subtract(values, scratch, values)


def adam_rows(
    values: np.ndarray,
    momentum: np.ndarray,
    roots: np.ndarray,
    rows: np.ndarray,
    gradients: np.ndarray,
    share: float,
    square_share: float,
    alpha: float,
    epsilon: float,
    scratch: np.ndarray,
) -> None:
    """Adam's update of a table of which few rows have gradients, with sums that do not fade.

    In `rows`, `momentum += share * gradients` and `roots = sqrt(roots**2 + square_share * gradients**2)`; then, in the
    whole table, `values -= alpha * momentum / (roots + epsilon)`.

    Shape: values, momentum and roots `(length, width)`, rows, ascending, `(count,)`, gradients `(count, width)`.
    """
    kind, width = values.dtype, values.shape[1]
    share_, square_share_, alpha_, epsilon_ = (np.array(x, kind) for x in (share, square_share, alpha, epsilon))
    step = scratch.size // width
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        slopes, here = gradients[part], rows[part]
        room = scratch[: slopes.size].reshape(slopes.shape)
        taken = momentum.take(here, axis=0)
        momentum[here] = np.add(taken, np.multiply(slopes, share_, room), taken)
        np.multiply(np.multiply(slopes, slopes, room), square_share_, room)
        taken = roots.take(here, axis=0)
        np.add(np.multiply(taken, taken, taken), room, taken)
        roots[here] = np.sqrt(taken, taken)
    for start in range(0, len(values), step):
        part = slice(start, start + step)
        room = scratch[: values[part].size].reshape(values[part].shape)
        np.divide(momentum[part], np.add(roots[part], epsilon_, room), room)
        np.multiply(room, alpha_, room)
        np.subtract(values[part], room, values[part])


def rmsprop(
    values: np.ndarray,
    gradients: np.ndarray,
    velocity: np.ndarray,
    average: np.ndarray | None,
    change: np.ndarray | None,
    share: float,
    rate: float,
    momentum: float,
    epsilon: float,
    factors: RateFactors,
    scratch: np.ndarray,
) -> None:
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
    _multiply(scratch, factors)
    if change is not None:
        np.multiply(change, momentum, change)
        np.add(change, scratch, change)
        scratch = change
    np.subtract(values, scratch, values)


def _multiply(vector, factors):
    """vector *= factors."""
    if isinstance(factors, np.ndarray):
        np.multiply(vector, factors, vector)
    else:
        for part, factor in factors or ():
            vector[part] *= factor


def _blend(average, sample, share, scratch):
    """Move a running average towards a sample: `average += share * (sample - average)`; scratch may be the sample."""
    np.subtract(sample, average, scratch)
    np.multiply(scratch, share, scratch)
    np.add(average, scratch, average)
