"""The error function for real and complex numbers, in the precision of its argument.

- real: the value at the nearest multiple of 1/2048, from a table, and Taylor's series from there;
- complex: the sum of Salzer (Mathematical Tables and other Aids to Computation 5, 1951, 67-70; Abramowitz & Stegun
  7.1.29), and the asymptotic series (7.1.23) for large numbers; for the tiny imaginary part of a complex step, the
  derivative.
"""

import functools
import math

import numpy as np

__all__ = ["erf"]

NODES_PER_UNIT = 2048  # of the table
END = 6  # erf(6) is 1 up to rounding
BLOCK = 8192  # numbers whose intermediate results stay in the cache

SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0
TINY = 1e-9  # an imaginary part whose square is below the rounding of the real part
LARGE = 7.0
TERMS = 30  # of both series: enough for numbers on either side of LARGE


def erf(x: np.ndarray) -> np.ndarray:
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, in the type of x.

    Relative errors: 1.8 units in the last place for float32, 4e-16 for float64; for complex x (1 + |x|^2) * 1e-15, which
    is what rounding x * x in exp(-x * x) costs.
    """
    if x.flags.f_contiguous and not x.flags.c_contiguous:
        return erf(x.T).T
    if x.dtype.kind == "c":
        rule, kind = _complex, np.complex128
    else:
        rule, kind = _real, np.float32 if x.dtype in (np.float32, np.float16) else np.float64
    numbers = x.reshape(-1).astype(kind, copy=False)
    if numbers.size <= BLOCK:
        values = rule(numbers)
    else:
        values = np.concatenate([rule(numbers[start : start + BLOCK]) for start in range(0, numbers.size, BLOCK)])
    return values.astype(x.dtype if x.dtype.kind in "fc" else kind, copy=False).reshape(x.shape)


@functools.cache
def _table(kind: np.dtype) -> tuple[np.ndarray, ...]:
    """erf and its derivative at all nodes, and the constants of `_real` as arrays, which ufuncs take sooner."""
    nodes = np.arange(END * NODES_PER_UNIT + 1) / NODES_PER_UNIT
    values = np.array([math.erf(node) for node in nodes.tolist()])
    constants = (END, NODES_PER_UNIT, 1 / NODES_PER_UNIT, 1, 1 / 2, 1 / 3, 2 / 3)
    return tuple(np.asarray(array, kind) for array in (values, SLOPE * np.exp(-nodes * nodes), *constants))


def _real(x: np.ndarray) -> np.ndarray:
    """erf(node + d) = erf(node) + erf'(node) d (1 - q + (2 q^2 - d^2) / 3 - q^3 / 3 + q d^2 / 2), q = node * d.

    For float32, 1 - q is enough.
    """
    values, slopes, end, per_unit, spacing, one, half, third, two_thirds = _table(x.dtype)
    size = np.abs(x)
    node = np.fmin(size, end)  # nan has no node of its own, but stays in the distance to it
    np.rint(np.multiply(node, per_unit, node), node)
    number = node.astype(np.intp)
    np.multiply(node, spacing, node)
    distance = np.minimum(size, end, out=size)
    np.subtract(distance, node, distance)
    q = np.multiply(node, distance, node)
    if x.dtype == np.float32:
        series = np.subtract(one, q, q)
    else:
        square = distance * distance
        series = two_thirds - q * third
        np.subtract(np.multiply(series, q, series), one, series)
        np.add(series, square * half, series)
        np.add(np.multiply(series, q, series), one, series)
        np.subtract(series, np.multiply(square, third, square), series)
    np.multiply(series, distance, series)
    np.multiply(series, slopes.take(number, mode="clip"), series)
    np.add(series, values.take(number, mode="clip"), series)
    return np.copysign(series, x, series)


def _complex(z: np.ndarray) -> np.ndarray:
    if (np.abs(z.imag) < TINY).all():
        values = np.empty_like(z)
        values.real, values.imag = _real(z.real), SLOPE * np.exp(-z.real * z.real) * z.imag
        return values
    large = np.abs(z) > LARGE
    values = np.empty_like(z)
    values[~large], values[large] = _salzer(z[~large]), _asymptotic(z[large])
    return values


def _salzer(z: np.ndarray) -> np.ndarray:
    """erf(x) for z = x + iy, and what y adds: a sum over n = 1, 2, ... of exp(-n^2 / 4) / (n^2 + 4 x^2) times waves."""
    x, y = z.real, z.imag
    n = np.arange(1, TERMS).reshape(-1, 1)
    weights = np.exp(-n * n / 4) / (n * n + 4 * x * x)
    level, even, odd = (weights.sum(0), (weights * np.cosh(n * y)).sum(0), (weights * n * np.sinh(n * y)).sum(0))
    angle = x * y
    sine, cosine, sine_2, cosine_2 = np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)
    ratio = y * np.divide(sine, angle, out=np.ones_like(angle), where=angle != 0)  # sin(xy) / x
    scale = np.exp(-x * x) / np.pi
    values = np.empty_like(z)
    values.real = _real(x) + scale * (ratio * sine + 4 * x * (level - even * cosine_2) + 2 * odd * sine_2)
    values.imag = scale * (ratio * cosine + 4 * x * even * sine_2 + 2 * odd * cosine_2)
    return values


def _asymptotic(z: np.ndarray) -> np.ndarray:
    """1 - exp(-z^2) / (z sqrt(pi)) * (1 - 1 / (2 z^2) + 1 * 3 / (2 z^2)^2 - ...) on the right, odd."""
    sign = np.where(z.real < 0, -1.0, 1.0)
    z = z * sign
    inverse, total = 1 / (z * z), np.ones_like(z)
    for n in range(TERMS, 0, -1):
        total = 1 - (n - 0.5) * inverse * total
    x, y = z.real, z.imag
    decay = np.exp((y - x) * (y + x)) * (np.cos(2 * x * y) - 1j * np.sin(2 * x * y))
    return sign * (1 - decay * total / (z * np.sqrt(np.pi)))
