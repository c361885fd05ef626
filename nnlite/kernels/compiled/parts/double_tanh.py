"""The hyperbolic tangent of float64 numbers in vector instructions, as `recurrent.tanh` is for float32."""

import math

import numpy as np

from nnlite.kernels.compiled.recurrent import compiled, inlined

__all__ = []

LARGE = 19.1  # from here on tanh rounds to 1
HALVES_OF_LOG_2 = 2 / math.log(2)
HIGH, LOW = 6.93147180369123816490e-01 / 2, 1.90821492927058770002e-10 / 2  # together log(2) / 2; n * HIGH is exact
TO_WHOLE = 1.5 * 2**52  # added, it leaves no room for digits after the point
EXPONENT, BIAS = np.int64(52), np.int64(1023)
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1 / math.factorial(power) for power in range(2, 14))


@inlined
def _tanh(x):
    """e / (e + 2) with e = expm1(2 * |x|) = 2^n * expm1(r) + 2^n - 1, r = 2 * |x| - n * log(2); to 3 ulp."""
    size = abs(x)
    size = LARGE if size > LARGE else size
    shifted = np.float64(size * HALVES_OF_LOG_2 + TO_WHOLE)
    n = shifted - TO_WHOLE
    r = ((size - n * HIGH) - n * LOW) * 2.0
    power = np.int64((shifted.view(np.int64) + BIAS) << EXPONENT).view(np.float64)
    high = C8 + r * (C9 + r * (C10 + r * (C11 + r * (C12 + r * C13))))
    series = C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * (C7 + r * high)))))
    e = power * (r + r * r * series) + (power - 1.0)
    return math.copysign(e / (e + 2.0), x)


@compiled
def double_tanh(values: np.ndarray) -> None:
    """The hyperbolic tangent of a vector, in place."""
    for i in range(values.size):
        values[i] = _tanh(values[i])
