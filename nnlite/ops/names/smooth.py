"""Elementwise functions of `keras.ops` with closed-form derivatives."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.errors import WrongTypeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.kernels import erf
from nnlite.ops import functions as ops
from nnlite.ops.base import as_given, as_numbers, as_written, is_written
from nnlite.ops.names.constants import as_floats, convert_to_numpy, convert_to_tensor
from nnlite.ops.plain.results import by_float32
from nnlite.ops.tracing import Traced, drawable

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "erfinv",
    "fabs",
    "fmax",
    "fmin",
    "fmod",
    "ldexp",
    "logaddexp2",
    "mod",
    "nan_to_num",
    "sinc",
]


@drawable
def fabs(x: Any) -> Any:
    """|x| as a floating-point number."""
    return ops.abs(as_floats(x))


def _smooth(function: Callable[[Any], Any], slope: Callable[[Any, Any], Any], text: str) -> Callable[[Any], Any]:
    """A function of one array with its slope, which is given the argument and the result."""

    @drawable
    @functools.wraps(function)
    def compute(x: Any) -> Any:
        if not isinstance(x, Traced):
            return by_float32(function)(as_written([x])[0])
        result = function(x.value)
        slopes = np.asarray(slope(x.value, result), result.dtype)
        return x.trace.note(compute, result, Jacobians(Diagonal(slopes, x.shape, x.shape)), (x.slot,))

    compute.__doc__ = text
    compute.__module__ = __name__
    return compute


def _inverse_erf(x: np.ndarray) -> np.ndarray:
    """Newton's method on erf, from a rational start: doubles its digits in each of four steps."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log1p(-np.square(np.real(x), dtype=np.float64))
        part = 2 / (np.pi * 0.147) + logarithm / 2
        y = np.sign(np.real(x)) * np.sqrt(np.sqrt(part * part - logarithm / 0.147) - part)
        y = y.astype(np.result_type(x, np.float64))
        for _ in range(4):
            step = (erf(y) - x) * np.sqrt(np.pi) / 2 * np.exp(y * y)
            y = np.where(np.isfinite(step), y - step, y)
    result = np.where(np.abs(x) == 1, np.copysign(np.inf, np.real(x)), y)
    return result.astype(x.dtype if x.dtype.kind in "fc" else np.float64)


def _cube_root(x: np.ndarray) -> np.ndarray:
    """NumPy's, or the complex one nearest to the real axis, by which complex steps go."""
    if x.dtype.kind != "c":
        return np.cbrt(x)
    side = np.where(np.real(x) < 0, -1.0, 1.0)
    return side * (side * x) ** (1 / 3)


def _sinc_slope(x: Any, y: Any) -> Any:
    safe = np.where(x == 0, 1.0, x)
    return np.where(x == 0, 0.0, (np.cos(np.pi * safe) - y) / safe)


arcsin = _smooth(np.arcsin, lambda x, y: 1 / np.sqrt(1 - x * x), "The angle whose sine is x; slope 1 / sqrt(1 - x^2).")
arccos = _smooth(np.arccos, lambda x, y: -1 / np.sqrt(1 - x * x), "The angle whose cosine is x.")
arctan = _smooth(np.arctan, lambda x, y: 1 / (1 + x * x), "The angle whose tangent is x; slope 1 / (1 + x^2).")
arcsinh = _smooth(np.arcsinh, lambda x, y: 1 / np.sqrt(x * x + 1), "The number whose hyperbolic sine is x.")
arccosh = _smooth(np.arccosh, lambda x, y: 1 / np.sqrt(x * x - 1), "The number >= 0 whose hyperbolic cosine is x.")
arctanh = _smooth(np.arctanh, lambda x, y: 1 / (1 - x * x), "The number whose hyperbolic tangent is x.")
cbrt = _smooth(_cube_root, lambda x, y: 1 / (3 * y * y), "The cube root; slope 1 / (3 y^2).")
sinc = _smooth(np.sinc, _sinc_slope, "sin(pi x) / (pi x), 1 at 0.")
erfinv = _smooth(
    _inverse_erf,
    lambda x, y: np.sqrt(np.pi) / 2 * np.exp(y * y),
    "The number whose erf is x; slope sqrt(pi) / 2 e^(y^2).",
)


@drawable
def fmax(x1: Any, x2: Any) -> Any:
    """The elementwise maximum; where one is NaN, the other."""
    return _but_nan(ops.maximum, x1, x2)


@drawable
def fmin(x1: Any, x2: Any) -> Any:
    """The elementwise minimum; where one is NaN, the other."""
    return _but_nan(ops.minimum, x1, x2)


def _but_nan(choose: Callable[[Any, Any], Any], x1: Any, x2: Any) -> Any:
    first, second = (np.isnan(convert_to_numpy(x)) for x in (x1, x2))
    return choose(ops.where(first, x2, x1), ops.where(second, x1, x2))


@drawable
def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point (x2, x1), in (-pi, pi]."""
    if not isinstance(x1, Traced) and not isinstance(x2, Traced):
        return np.arctan2(*as_written([x1, x2]))
    kind = np.result_type(*(np.real(convert_to_numpy(x)) for x in (x1, x2) if not is_written(x)), np.float16)
    ahead, turn = convert_to_numpy(x2) > 0, np.where(convert_to_numpy(x1) < 0, -np.pi, np.pi).astype(kind)
    level = np.abs(convert_to_numpy(x2)) >= np.abs(convert_to_numpy(x1))
    nonzero = convert_to_numpy(x2) != 0  # at the origin, where there is no angle, it is 0, as NumPy's
    flat = arctan(ops.divide(x1, ops.where(level & nonzero, x2, 1.0)))
    upright = (np.sign(np.real(convert_to_numpy(x1))) * np.pi / 2).astype(kind)
    steep = ops.subtract(upright, arctan(ops.divide(x2, ops.where(level, 1.0, x1))))
    return ops.where(level, ops.add(flat, np.where(ahead | ~nonzero, kind.type(0), turn)), steep)


@drawable
def mod(x1: Any, x2: Any) -> Any:
    """x1 - floor(x1 / x2) * x2, with the sign of x2; slope 1 by x1."""
    if not isinstance(x1, Traced) and not isinstance(x2, Traced):
        return np.mod(*as_numbers([x1, x2]))
    return _remainder(x1, x2, np.floor)


@drawable
def fmod(x1: Any, x2: Any) -> Any:
    """The remainder of x1 / x2 with the sign of x1; slope 1 by x1."""
    if not isinstance(x1, Traced) and not isinstance(x2, Traced):
        return np.fmod(*as_numbers([x1, x2]))
    return _remainder(x1, x2, np.trunc)


def _remainder(x1: Any, x2: Any, whole: Callable[[np.ndarray], np.ndarray]) -> Any:
    dividend, divisor = as_given([np.real(item.value) if isinstance(item, Traced) else item for item in (x1, x2)])
    return ops.subtract(x1, ops.multiply(whole(dividend / divisor), x2))


@drawable
def ldexp(x1: Any, x2: Any) -> Any:
    """x1 * 2 ** x2, for integers x2."""
    x1, exponents = as_floats(x1), np.asarray(convert_to_numpy(x2))
    if exponents.dtype.kind not in "iu":
        raise WrongTypeError(f"ldexp takes integers as exponents, got {exponents.dtype}")
    powers = 2.0**exponents
    return ops.multiply(x1, powers.astype(x1.dtype))


@drawable
def logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2 ** x1 + 2 ** x2), without overflow."""
    if not isinstance(x1, Traced) and not isinstance(x2, Traced):
        return np.logaddexp2(*as_written([x1, x2]))
    same = convert_to_numpy(x1) == convert_to_numpy(x2)  # also two infinities, which have no difference
    apart = ops.negative(ops.abs(ops.subtract(ops.where(same, 0.0, x1), ops.where(same, 0.0, x2))))
    more = ops.divide(ops.log1p(ops.exp(ops.multiply(apart, np.log(2)))), np.log(2))
    return ops.add(ops.maximum(x1, x2), more)


@drawable
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with NaN and infinities replaced, by default by the largest numbers of the dtype; their slope is 0."""
    x = convert_to_tensor(x)
    values = convert_to_numpy(x)
    finite = np.isfinite(values)
    return ops.where(finite, x, np.nan_to_num(values, nan=nan, posinf=posinf, neginf=neginf))
