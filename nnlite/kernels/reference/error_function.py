"""The error function for real and complex numbers, in the precision of its argument, and GELU, which is made of it.

- real: the value at the nearest multiple of 1/2048, from a table, and Taylor's series from there;
- complex: the sum of Salzer (Mathematical Tables and other Aids to Computation 5, 1951, 67-70; Abramowitz & Stegun
  7.1.29), and the asymptotic series (7.1.23) for large numbers; for the tiny imaginary part of a complex step, the
  derivative.
"""

import functools
import math
from collections.abc import Callable, Iterable

import numpy as np

from nnlite.arrays.types import Array

__all__ = ["erf", "gelu"]

NODES_PER_UNIT = 2048  # of the tables
BLOCK = 8192  # numbers whose intermediate results stay in the cache
WORKING_TYPES = {"f": np.float32, "F": np.complex128, "D": np.complex128}  # float64 for the others

SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0
DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
TINY = 1e-9  # an imaginary part whose square is below the rounding of the real part
LARGE = 7.0
TERMS = 30  # of both series: enough for numbers on either side of LARGE


def erf(x: np.ndarray) -> np.ndarray:
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, in the type of x.

    Relative errors: 1.8 units in the last place for float32, 4e-16 for float64; (1 + |x|^2) * 1e-15 for complex x, by
    the rounding of x * x in exp(-x * x).
    """
    return _each(_complex_erf if x.dtype.kind == "c" else _real_erf, x)[0]


def gelu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x * Phi(x), Phi the normal distribution function, and its derivative Phi(x) + x * Phi'(x), in the type of x."""
    outputs, slopes = _each(_complex_gelu if x.dtype.kind == "c" else _real_gelu, x)
    return outputs, slopes


def _each(rule: Callable, x: np.ndarray) -> Iterable[np.ndarray]:
    """The arrays that `rule` makes of the numbers of x, in its shape, order and type."""
    if x.size <= BLOCK and x.ndim and x.flags.c_contiguous and x.dtype.char in "fdD":
        return rule(x)
    if x.flags.f_contiguous and not x.flags.c_contiguous:
        return [part.T for part in _each(rule, x.T)]
    kind = WORKING_TYPES.get(x.dtype.char, np.float64)
    numbers = x.reshape(-1).astype(kind, copy=False)
    if numbers.size <= BLOCK:
        parts = rule(numbers)
    else:
        blocks = [rule(numbers[start : start + BLOCK]) for start in range(0, numbers.size, BLOCK)]
        parts = [np.concatenate(pieces) for pieces in zip(*blocks, strict=True)]
    return [part.astype(x.dtype if x.dtype.kind in "fc" else kind, copy=False).reshape(x.shape) for part in parts]


def _real_erf(x: np.ndarray) -> tuple[np.ndarray]:
    return _integral(x, _erf_table(x.dtype))[:1]


def _real_gelu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    table = _normal_table(x.dtype)
    share, density, q = _integral(x, table)
    one, half, height = table[4:7]
    np.add(share, half, share)
    if x.dtype == np.float32:
        np.multiply(density, np.subtract(one, q, q), density)  # Taylor's series from the node
    else:
        np.multiply(x, x, density)
        np.exp(np.negative(np.multiply(density, half, density), density), density)
        np.multiply(density, height, density)
    slopes = np.multiply(density, x, density)
    return x * share, np.add(slopes, share, slopes)


@functools.cache
def _erf_table(kind: np.dtype) -> tuple[np.ndarray, ...]:
    return _table(kind, [math.erf(node) for node in _nodes(6)], 1, SLOPE)


@functools.cache
def _normal_table(kind: np.dtype) -> tuple[np.ndarray, ...]:
    return _table(kind, [math.erf(node * math.sqrt(0.5)) / 2 for node in _nodes(9)], 0.5, DENSITY)


def _nodes(end: int) -> list[float]:
    """The multiples of 1 / NODES_PER_UNIT up to `end`, where the integral has its last value up to rounding."""
    return (np.arange(end * NODES_PER_UNIT + 1) / NODES_PER_UNIT).tolist()


def _table(kind: np.dtype, values: list[float], c: float, height: float) -> tuple[np.ndarray, ...]:
    """For the integral of height * exp(-c t^2) from 0 to x: its values and derivatives at all nodes, and constants.

    The constants are arrays: ufuncs take an array in half the time that a Python number costs.
    """
    nodes = np.arange(len(values)) / NODES_PER_UNIT
    slopes = height * np.exp(-c * nodes * nodes)
    slopes[-1] = 0  # it stands for all numbers beyond too, however large a factor it gets there
    series = (c, c**3 / 3, 2 * c**2 / 3, c**2 / 2, c / 3)
    constants = (nodes[-1], NODES_PER_UNIT, 1, 1 / 2, height, 1 / NODES_PER_UNIT, *series)
    return tuple([np.asarray(array, kind) for array in (np.array(values), slopes, *constants)])


def _integral(x: np.ndarray, table: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F(x), and F' at the node nearest to |x|, and q = node * d, where d is the distance from there to |x|.

    F(|x|) = F(node) + F'(node) d (1 - c q + (2 c^2 q^2 - c d^2) / 3 - c^3 q^3 / 3 + c^2 q d^2 / 2), of which
    float32 needs 1 - c q alone.
    """
    values, slopes, end, per_unit, one, _, _, spacing, c, cubic, quadratic, mixed, square_share = table
    size = np.abs(x)
    node = np.fmin(size, end)  # nan has no node of its own, but stays in the distance to it
    np.rint(np.multiply(node, per_unit, node), node)
    number = node.astype(np.intp)
    np.multiply(node, spacing, node)
    distance = np.minimum(size, end, out=size)
    np.subtract(distance, node, distance)
    q = np.multiply(node, distance, node)
    if x.dtype == np.float32:
        series = q * c
        np.subtract(one, series, series)
    else:
        square, series = distance * distance, q * cubic
        np.multiply(np.subtract(quadratic, series, series), q, series)
        np.add(np.subtract(series, c, series), square * mixed, series)
        np.add(np.multiply(series, q, series), one, series)
        np.subtract(series, np.multiply(square, square_share, square), series)
    slope = slopes.take(number, mode="clip")
    np.multiply(np.multiply(series, distance, series), slope, series)
    np.add(series, values.take(number, mode="clip"), series)
    return np.copysign(series, x, series), slope, q


def _complex_erf(z: Array) -> tuple[np.ndarray]:
    values = np.empty_like(z)
    if (np.abs(z.imag) < TINY).all():
        values.real, values.imag = _real_erf(z.real)[0], SLOPE * np.exp(-z.real * z.real) * z.imag
    else:
        large = np.abs(z) > LARGE
        values[~large], values[large] = _salzer(z[~large]), _asymptotic(z[large])
    return (values,)


def _complex_gelu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = 0.5 * (1 + _complex_erf(z * math.sqrt(0.5))[0])
    return z * share, share + z * (DENSITY * np.exp(-0.5 * z * z))


def _salzer(z: Array) -> np.ndarray:
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
    values.real = _real_erf(x)[0] + scale * (ratio * sine + 4 * x * (level - even * cosine_2) + 2 * odd * sine_2)
    values.imag = scale * (ratio * cosine + 4 * x * even * sine_2 + 2 * odd * cosine_2)
    return values


def _asymptotic(z: Array) -> np.ndarray:
    """1 - exp(-z^2) / (z sqrt(pi)) * (1 - 1 / (2 z^2) + 1 * 3 / (2 z^2)^2 - ...) on the right, odd."""
    sign = np.where(z.real < 0, -1.0, 1.0)
    z = z * sign
    inverse, total = 1 / (z * z), np.ones_like(z)
    for n in range(TERMS, 0, -1):
        total = 1 - (n - 0.5) * inverse * total
    x, y = z.real, z.imag
    decay = np.exp((y - x) * (y + x)) * (np.cos(2 * x * y) - 1j * np.sin(2 * x * y))
    return sign * (1 - decay * total / (z * np.sqrt(np.pi)))
