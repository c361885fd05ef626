"""Functions of `keras.ops` on arrays only: bits, step functions, window functions, sets."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, saturated
from nnlite.config import floatx
from nnlite.ops.base import as_given, as_numbers, as_written
from nnlite.ops.names.constants import constant, convert_to_numpy, convert_to_tensor, one_hot
from nnlite.ops.plain.results import arrays_alone, as_typed, kind_of, named, of_numpy, on_arrays
from nnlite.ops.tracing import CONSTANTS, UNDERIVED, Traced, add_functions, drawable

__all__ = [
    "angle",
    "argpartition",
    "bartlett",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "blackman",
    "conj",
    "conjugate",
    "corrcoef",
    "correlate",
    "cross",
    "empty",
    "empty_like",
    "floor_divide",
    "gcd",
    "hamming",
    "hanning",
    "heaviside",
    "histogram",
    "i0",
    "imag",
    "isneginf",
    "isposinf",
    "isreal",
    "kaiser",
    "lcm",
    "left_shift",
    "multi_hot",
    "nanargmax",
    "nanargmin",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "nextafter",
    "polar",
    "real",
    "right_shift",
    "saturate_cast",
    "signbit",
    "unique",
    "view",
]


def _alike(function: Callable[..., Any], promoted: Callable[..., Any] = as_written) -> Callable[..., Any]:
    """A NumPy function of two arrays, which `promoted` brings into a common type, by default a floating-point one."""

    @functools.wraps(function)
    def compute(x1: ArrayLike, x2: ArrayLike, *arguments: Any, **options: Any) -> Any:
        return function(*promoted([x1, x2]), *arguments, **options)

    compute.__doc__ = f"`numpy.{function.__name__}`"
    return compute


# Steps and integers: their derivative is zero.
bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift = (
    constant(_alike(function, as_given), "x", "y")
    for function in (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift)
)
bitwise_invert = bitwise_not = constant(np.invert)
left_shift, right_shift = bitwise_left_shift, bitwise_right_shift
angle, imag = constant(np.angle), constant(np.imag)
argpartition, nanargmax, nanargmin = (
    constant(function, counts=True) for function in (np.argpartition, np.nanargmax, np.nanargmin)
)
gcd, lcm = (constant(_alike(function, as_given), "x1", "x2") for function in (np.gcd, np.lcm))
isneginf, isposinf, isreal, signbit = map(constant, (np.isneginf, np.isposinf, np.isreal, np.signbit))

corrcoef, i0, nanmedian = of_numpy(np.corrcoef), of_numpy(np.i0), of_numpy(np.nanmedian)
cross, nextafter = of_numpy(_alike(np.cross, as_given), "x1", "x2"), of_numpy(_alike(np.nextafter), "x1", "x2")
heaviside = constant(_alike(np.heaviside), "x1", "x2")
nanpercentile, nanquantile = of_numpy(np.nanpercentile, "x", "q"), of_numpy(np.nanquantile, "x", "q")


@drawable
def conj(x: Any) -> Any:
    """The complex conjugate of x; recorded values are real and unchanged."""
    return x if isinstance(x, Traced) else _without_imaginary(np.conjugate, x)


@drawable
def real(x: Any) -> Any:
    """The real part of x; recorded values are real and unchanged."""
    return x if isinstance(x, Traced) else _without_imaginary(np.real, x)


conjugate = conj


def _without_imaginary(function: Callable[..., np.ndarray], x: Any) -> np.ndarray:
    values = as_typed(convert_to_numpy(x), x)
    return function(values) if values.dtype.kind == "c" else values


def _histogram(x: ArrayLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Any, Any]:
    """The number of values in each of `bins` equal parts of `range`, and the ends of these, in the same type."""
    counts, ends = np.histogram(x, bins, range)
    return counts.astype(ends.dtype), ends


def _floor_divide(x1: ArrayLike, x2: ArrayLike) -> np.ndarray:
    """x1 / x2 rounded down."""
    return np.floor_divide(*as_numbers([x1, x2]))


floor_divide = constant(_floor_divide, "x1", "x2")
histogram = constant(_histogram)


def _window(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """A window function of a number of points, in the floating-point type of `config`."""

    @functools.wraps(function, assigned=("__name__", "__qualname__"))
    def compute(x: ArrayLike) -> np.ndarray:
        return function(int(convert_to_numpy(x))).astype(floatx())

    return of_numpy(compute)


bartlett, blackman, hamming, hanning = map(_window, (np.bartlett, np.blackman, np.hamming, np.hanning))


def kaiser(x: ArrayLike, beta: ArrayLike) -> np.ndarray:
    """The Kaiser window of this many points; larger `beta` is narrower, 0 is a rectangle."""
    return np.kaiser(int(convert_to_numpy(x)), float(convert_to_numpy(beta))).astype(floatx())


@on_arrays
def correlate(x1: ArrayLike, x2: ArrayLike, mode: str = "valid") -> np.ndarray:
    """The cross-correlation of two vectors."""
    return np.correlate(*as_written([x1, x2]), mode)  # type: ignore[call-overload]


def empty(shape: Any, dtype: str | None = None) -> np.ndarray:
    """An array of a shape, filled with zeros, so that runs are reproducible."""
    return np.zeros(shape, kind_of(dtype or floatx()))


@drawable
def empty_like(x: ArrayLike, dtype: str | None = None) -> np.ndarray:
    """An array with the shape of x, filled with zeros."""
    return np.zeros_like(convert_to_numpy(x), dtype and kind_of(dtype))


@on_arrays
def polar(abs_: ArrayLike, angle: ArrayLike) -> np.ndarray:
    """Complex numbers with these magnitudes and angles."""
    return convert_to_numpy(abs_) * np.exp(1j * convert_to_numpy(angle))


@arrays_alone
def saturate_cast(x: ArrayLike, dtype: str) -> np.ndarray:
    """x in another dtype, clipped to its range."""
    return saturated(convert_to_numpy(x), kind_of(dtype))


@on_arrays
def unique(
    x: ArrayLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct values in ascending order, and further requested results; `size` truncates or pads them."""
    values, *rest = np.unique(convert_to_numpy(convert_to_tensor(x)), True, True, True, axis)
    if size is not None:
        values = _resized(values, size, 0 if axis is None else axis, values.min() if fill_value is None else fill_value)
        rest = [_resized(rest[0], size, 0, 0), rest[1], _resized(rest[2], size, 0, 0)]
    wanted = (return_index, return_inverse, return_counts)
    chosen = [part for part, is_wanted in zip(rest, wanted, strict=True) if is_wanted]
    return (values, *chosen) if chosen else values


def _resized(values: np.ndarray, size: int, axis: int, filling: Any) -> np.ndarray:
    """`size` numbers along the axis: the first ones, or with others that fill them up."""
    kept = np.take(values, np.arange(min(size, values.shape[axis])), axis)
    missing = [(0, size - kept.shape[axis] if one == axis % kept.ndim else 0) for one in range(kept.ndim)]
    return np.pad(kept, missing, constant_values=filling)


@arrays_alone
def view(x: ArrayLike, dtype: str | None = None) -> np.ndarray:
    """The same bytes in another dtype."""
    values = convert_to_tensor(convert_to_numpy(x))
    return values if dtype is None else values.view(kind_of(dtype))


@drawable
def multi_hot(
    inputs: ArrayLike, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False
) -> Any:
    """Rows of integers as multi-hot rows, with a 1 for each that occurs."""
    rows = np.asarray(one_hot(inputs, num_classes, axis, dtype))
    return rows.max(axis=1 if rows.ndim > 2 else 0)


add_functions(globals(), ["conj", "conjugate", "real"], as_numpy=False)
_ARRAYS_ALONE = [
    *("corrcoef", "correlate", "cross", "i0", "nanmedian", "nanpercentile", "nanquantile", "nextafter", "polar"),
    *("saturate_cast", "unique", "view"),
]
UNDERIVED.update(named(globals(), _ARRAYS_ALONE))
_STEPS = [
    *("angle", "argpartition", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or"),
    *("bitwise_right_shift", "bitwise_xor", "empty_like", "floor_divide", "gcd", "heaviside", "histogram", "imag"),
    *("isneginf", "isposinf", "isreal", "lcm", "left_shift", "multi_hot", "nanargmax", "nanargmin", "right_shift"),
    "signbit",
]
CONSTANTS.update(named(globals(), _STEPS))
