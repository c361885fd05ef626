"""exp(x) of numbers up to 0, vectorized."""

import math

import numpy as np
from numba import types
from numba.extending import overload

from nnlite.kernels.compiled.parts.double_tanh import double_tanh
from nnlite.kernels.compiled.recurrent import BIAS, EXPONENT, TO_WHOLE, compiled, inlined

__all__ = []

LOWEST = np.float32(-88)  # from here on 2^n is 0: what is smaller than the least normal number is 0
PER_LOG_2 = np.float32(1 / math.log(2))
HIGH, LOW = np.float32(0.693359375), np.float32(math.log(2) - 0.693359375)  # together log(2)
# exp(r) = 1 + r + r^2 * (A + B r + C r^2 + D r^3 + E r^4), |r| <= log(2) / 2, with the smallest largest relative error
A, B, C, D, E = (np.float32(number) for number in (0.5, 0.16666543, 0.0416672, 0.008366548, 0.0013882515))
ONE = np.float32(1)


@inlined
def exp_below_0(x):
    """2^n * exp(r) with r = x - n * log(2); to 2 ulp. NaN stays NaN."""
    less_one, power = _parts(x)
    return power * (ONE + less_one)


@inlined
def _less_one(x):
    """exp(x) - 1 = 2^n * expm1(r) + 2^n - 1; to 3 ulp."""
    less_one, power = _parts(x)
    return power * less_one + (power - ONE)


@inlined
def _parts(x):
    """expm1(r) and 2^n."""
    x = LOWEST if x < LOWEST else x
    shifted = np.float32(x * PER_LOG_2 + TO_WHOLE)
    n = shifted - TO_WHOLE
    r = (x - n * HIGH) - n * LOW
    less_one = r + r * r * (A + r * (B + r * (C + r * (D + r * E))))
    return less_one, np.int32((shifted.view(np.int32) + BIAS) << EXPONENT).view(np.float32)


def exponential(array):
    """exp of a vector of numbers up to 0, in place."""


def exponential_less_one(array):
    """exp - 1 of a vector of numbers up to 0, in place: near 0 nothing cancels."""


@overload(exponential)
def _typed_exponential(array):
    return _exponential if array.dtype == types.float32 else _exponential_of_doubles


@overload(exponential_less_one)
def _typed_exponential_less_one(array):
    return _exponential_less_one if array.dtype == types.float32 else _exponential_less_one_of_doubles


@compiled
def _exponential_each(array):
    for i in range(array.size):
        array[i] = exp_below_0(array[i])


@compiled
def _less_one_each(array):
    for i in range(array.size):
        array[i] = _less_one(array[i])


def _exponential(array):
    _exponential_each(array)


def _exponential_less_one(array):
    _less_one_each(array)


def _exponential_of_doubles(array):
    """(1 + t) / (1 - t), t = tanh(x / 2)."""
    array *= 0.5
    double_tanh(array)
    for i in range(array.size):
        array[i] = (1.0 + array[i]) / (1.0 - array[i])


def _exponential_less_one_of_doubles(array):
    """2 t / (1 - t), t = tanh(x / 2)."""
    array *= 0.5
    double_tanh(array)
    for i in range(array.size):
        array[i] = (array[i] + array[i]) / (1.0 - array[i])
