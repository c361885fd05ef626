"""exp(x) of float32 numbers up to 0, vectorized."""

import math

import numpy as np

from nnlite.kernels.compiled.recurrent import BIAS, EXPONENT, TO_WHOLE, inlined

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
    x = LOWEST if x < LOWEST else x
    shifted = np.float32(x * PER_LOG_2 + TO_WHOLE)
    n = shifted - TO_WHOLE
    r = (x - n * HIGH) - n * LOW
    power = np.int32((shifted.view(np.int32) + BIAS) << EXPONENT).view(np.float32)
    return power * (ONE + (r + r * r * (A + r * (B + r * (C + r * (D + r * E))))))
